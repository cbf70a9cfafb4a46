"""Predicted keypoints as files."""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from doubles import QUAD, QUAD_FACE, prediction
from measure.measured_faces import face_of, projected
from nasion import datasets, draw, images
from nasion.errors import ConfigError, OutputError
from nasion.outputs.kinds import json_schema
from nasion.outputs.records import face_values, predicted_faces
from nasion.outputs.schema import MEASUREMENTS
from nasion.predict import writers
from nasion.predict.writers import FORMATS, ResultWriter, Spool, check_format, unique_stems
from nasion.skeleton import load_skeleton

IMAGE = np.full((40, 50, 3), 60, np.uint8)


def add(writer, path, image, faces):
    """Draw and keep the faces of an image."""
    writer.add(path, image.shape[:2], faces, writer.draw(path, image, faces))


FACE = prediction([[1.00049, 2], [3, 4], [5, 6], [7, 8]], score=0.87654)
PARTIAL = prediction(
    [[1, 2], [np.nan, np.nan], [5.5, 6.25], [7, 8]],
    spread=[1.5, 2.25, np.nan, 3.00049],
    anisotropy=(0.0, math.log(4.0)),
    box=(10.004, 20, 30.006, 40),
)

TURNED = face_of(projected(20, -5, 10))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write(folder, form, results):
    """Write results, a list of (path, faces), and return the writer."""
    with ResultWriter(folder, form, [Path(path) for path, _ in results], QUAD, model="mine") as writer:
        for path, faces in results:
            add(writer, Path(path), IMAGE, faces)
    return writer


# --- measurements


@pytest.fixture(params=["json", "csv", "parquet"])
def measured_file(request, tmp_path):
    """A file with the measurements of two faces, and an image without a face."""
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    paths = [Path("a.jpg"), Path("b.jpg"), Path("c.jpg")]
    for path in paths:
        images.write(tmp_path / path, IMAGE)
    with ResultWriter(tmp_path / "found", request.param, paths, TURNED.skeleton, measure=True) as writer:
        for path, faces in zip(paths, [[TURNED], [], [TURNED]], strict=True):
            add(writer, path, IMAGE, faces)
    return writer.files[0]


def stored(path):
    """Return the measurements of the faces in a file: name to value and error."""
    if path.suffix == ".json":
        faces = [face for image in json.loads(path.read_text())["images"] for face in image["faces"]]
        return [{k: (v["value"], v["error"]) for k, v in face.get("measurements", {}).items()} for face in faces]
    if path.suffix == ".csv":
        rows = [row for row in csv.DictReader(path.read_text().splitlines()) if row["face"]]
        rows = [{key: float(value) if value else None for key, value in list(row.items())[3:]} for row in rows]
    else:
        rows = [
            row
            for row in pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
            if row["image"] != "b.jpg"
        ]
    return [{k: (row[k], row.get(f"{k}_error")) for k in MEASUREMENTS if row[k] is not None} for row in rows]


def test_measurements_are_written_with_their_errors(measured_file):
    first, _ = stored(measured_file)
    assert tuple(first) == MEASUREMENTS
    for name, each in TURNED.measurements.items():
        value, error = first[name]
        assert value == pytest.approx(each.value, abs=1e-4), name
        assert (error is None) if name.endswith("_open") else error == pytest.approx(each.error, abs=1e-4), name


def test_measurements_are_not_read_as_points_and_fit_the_schema(measured_file):
    form = measured_file.suffix[1:]
    faces = datasets.load(f"{form}:{measured_file}?images={measured_file.parents[1]}")
    assert faces.skeleton.names == TURNED.skeleton.names
    assert len(faces) == 2
    if form == "json":
        pytest.importorskip("jsonschema").validate(json.loads(measured_file.read_text()), json_schema())


def test_measurements_of_corrected_points_are_dropped(measured_file):
    form = measured_file.suffix[1:]
    faces = datasets.load(f"{form}:{measured_file}?images={measured_file.parents[1]}")
    image = measured_file.parents[1] / "c.jpg"
    files = datasets.module(form).LabelFiles(measured_file, {"images": str(image.parent)}, faces.skeleton)
    files.write(image, 0, TURNED.keypoints + 1)
    first, second = stored(measured_file)
    assert (len(first), len(second)) == (len(MEASUREMENTS), 0)
    assert files.read(image, 0) == pytest.approx(TURNED.keypoints + 1, abs=1e-3)


# --- checks before work


def test_unknown_format_is_rejected_before_the_folder_is_created(tmp_path):
    with pytest.raises(ConfigError, match='unknown format "jsn"; did you mean "json"'):
        ResultWriter(tmp_path / "out", "jsn", [Path("a.jpg")], QUAD)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["json", "csv", "csv-long", "coco", "pts"])
def test_known_format_is_accepted(form):
    check_format(form)


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"Parquet files need pyarrow .*pip install 'nasion\[tables\]'"):
        ResultWriter(tmp_path / "out", "parquet", [Path("a.jpg")], QUAD)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["csv-long", "coco", "pts"])
def test_measurements_are_rejected_for_formats_without_them(tmp_path, form):
    with pytest.raises(ConfigError, match="cannot store measurements; use one of json, csv, parquet"):
        ResultWriter(tmp_path / "out", form, [Path("a.jpg")], QUAD, measure=True)
    assert not (tmp_path / "out").exists()


def test_folders_that_stay_empty_are_removed(tmp_path):
    with ResultWriter(tmp_path / "new" / "out", "json", [Path("a.jpg")], QUAD):
        assert (tmp_path / "new" / "out").is_dir()
    assert names(tmp_path) == []
    (tmp_path / "mine").mkdir()
    with ResultWriter(tmp_path / "mine", "json", [Path("a.jpg")], QUAD):
        pass
    assert names(tmp_path) == ["mine"]


def test_pts_files_of_earlier_runs_are_named(tmp_path):
    paths = [Path("a.jpg"), Path("b.jpg")]
    assert write(tmp_path, "pts", [(paths[0], [FACE, FACE]), (paths[1], [FACE])]).stale == []
    assert write(tmp_path, "pts", [(paths[0], [FACE]), (paths[1], [])]).stale == [
        tmp_path / "a_1.pts",
        tmp_path / "b.pts",
    ]
    assert write(tmp_path, "json", [(paths[0], [FACE])]).stale == []


def test_folder_that_cannot_be_created_is_rejected_at_once(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="into"):
        ResultWriter(tmp_path / "file" / "out", "json", [Path("a.jpg")], QUAD)


@pytest.mark.parametrize(
    ("form", "existing"),
    [
        ("json", "a-points.jpg"),
        ("json", "b-points.jpg"),
        ("json", "keypoints.json"),
        ("csv", "keypoints.csv"),
        ("csv-long", "keypoints-long.csv"),
        ("coco", "keypoints-coco.json"),
        ("pts", "a.pts"),
        ("pts", "b_1.pts"),
        ("pts", "b_17_.pts"),
    ],
)
def test_existing_file_among_the_inputs_is_not_overwritten(tmp_path, form, existing):
    (tmp_path / existing).write_text("mine")
    with pytest.raises(ConfigError, match="already exists among your files"):
        ResultWriter(tmp_path, form, [tmp_path / "a.jpg", tmp_path / "b.jpg"], QUAD)
    assert (tmp_path / existing).read_text() == "mine"
    assert names(tmp_path) == [existing]


@pytest.mark.parametrize(
    ("form", "existing"), [("json", "keypoints.csv"), ("csv", "keypoints.json"), ("json", "a.pts"), ("pts", "c_1.pts")]
)
def test_files_that_are_not_written_may_exist_among_the_inputs(tmp_path, form, existing):
    (tmp_path / existing).write_text("mine")
    with ResultWriter(tmp_path, form, [tmp_path / "a.jpg"], QUAD):
        pass
    assert (tmp_path / existing).read_text() == "mine"


def test_results_of_an_earlier_run_are_replaced_in_another_folder(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "keypoints.json").write_text("old")
    write(tmp_path / "out", "json", [(tmp_path / "a.jpg", [FACE])])
    assert json.loads((tmp_path / "out" / "keypoints.json").read_text())["images"][0]["faces"]


def test_standard_input_is_not_an_input_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("keypoints.json").write_text("old")
    write(Path(), "json", [("-", [FACE])])
    assert json.loads(Path("keypoints.json").read_text())["images"][0]["image"] == "stdin.png"


def test_standard_input_is_saved_so_that_it_can_be_read_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("out"), "json", [("-", [FACE])])
    faces = datasets.load("json:out/keypoints.json?images=.")
    assert np.array_equal(faces.load(0).image, IMAGE)
    assert names(tmp_path / "out") == ["keypoints.json", "stdin-points.jpg", "stdin.png"]


def test_special_characters_of_a_name_are_not_a_pattern(tmp_path):
    (tmp_path / "a_1.pts").write_text("mine")
    with ResultWriter(tmp_path, "pts", [tmp_path / "[a].jpg"], QUAD):
        pass
    (tmp_path / "[a]_1.pts").write_text("mine")
    with pytest.raises(ConfigError, match="already exists"):
        ResultWriter(tmp_path, "pts", [tmp_path / "[a].jpg"], QUAD)


# --- what is written


def test_json_holds_each_image_with_its_faces(tmp_path):
    writer = write(tmp_path, "json", [("x/b.jpg", [FACE, PARTIAL]), ("x/a.jpg", [])])
    assert writer.files == [tmp_path / "keypoints.json"]
    document = json.loads((tmp_path / "keypoints.json").read_text("utf-8"))
    about = (document["schema_version"], document["model"], document["skeleton"], document["point_names"])
    assert about == (1, "mine", "quad", list(QUAD.names))
    faces = [face_values(number, face) for number, face in enumerate(predicted_faces("", [FACE, PARTIAL]))]
    assert document["images"] == [
        {"image": "x/b.jpg", "width": 50, "height": 40, "faces": json.loads(json.dumps(faces))},
        {"image": "x/a.jpg", "width": 50, "height": 40, "faces": []},
    ]


def test_json_has_one_line_for_each_face(tmp_path):
    write(tmp_path, "json", [("b.jpg", [FACE, PARTIAL]), ("a.jpg", [])])
    lines = (tmp_path / "keypoints.json").read_text("utf-8").splitlines()
    assert [line.lstrip()[:10] for line in lines] == [
        '{"schema_v',
        '{"image": ',
        '{"face": 0',
        '{"face": 1',
        '{"image": ',
        "]}",
    ]


def test_csv_has_a_row_for_each_face_and_for_each_image_without_one(tmp_path):
    writer = write(tmp_path, "csv", [('x/b,"1".jpg', [FACE, PARTIAL]), ("a.jpg", []), ("c.jpg", [FACE])])
    assert writer.files == [tmp_path / "keypoints.csv"]
    text = (tmp_path / "keypoints.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    header, *rows = list(csv.reader(text.splitlines()))
    assert header[:9] == ["image", "face", "score", "box_x0", "box_y0", "box_x1", "box_y1", "eye_a_x", "eye_a_y"]
    assert header[9:] == [f"{name}_{axis}" for name in QUAD.names[1:] for axis in "xy"]
    box = ["10.000", "10.000", "50.000", "50.000"]
    first = ["0", "0.8765", *box, "1.000", "2.000", "3.000", "4.000", "5.000", "6.000", "7.000", "8.000"]
    part = ["1", "0.7500", "10.004", "20.000", "30.006", "40.000", "1.000", "2.000", "", "", "5.500", "6.250"]
    assert rows == [
        ['x/b,"1".jpg', *first],
        ['x/b,"1".jpg', *part, "7.000", "8.000"],
        ["a.jpg", *[""] * 14],
        ["c.jpg", *first],
    ]


def test_long_table_has_a_row_for_each_point(tmp_path):
    write(tmp_path, "csv-long", [("b.jpg", [FACE, PARTIAL]), ("a.jpg", [])])
    lines = (tmp_path / "keypoints-long.csv").read_text().splitlines()
    assert lines[:2] == ["image,face,point,name,x,y,spread", "b.jpg,0,0,eye_a,1.000,2.000,2.000"]
    assert lines[6:8] == ["b.jpg,1,1,eye_b,,,2.250", "b.jpg,1,2,nose,5.500,6.250,"]
    assert lines[9:] == ["a.jpg,,,,,,"]


def test_parquet_has_typed_columns(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write(tmp_path, "parquet", [("b.jpg", [FACE, PARTIAL]), ("a.jpg", [])])
    table = parquet.read_table(tmp_path / "keypoints.parquet")
    types = {name: str(table.schema.field(name).type) for name in ("image", "face", "score", "box_x0", "nose_spread")}
    assert types == {"image": "string", "face": "int32", "score": "double", "box_x0": "double", "nose_spread": "double"}
    assert table.column("eye_b_x").to_pylist() == [3.0, None, None]
    assert table.column("face").to_pylist() == [0, 1, None]


@pytest.mark.parametrize(("form", "kind"), [(form, form) for form in FORMATS if form != "pts"] + [("pts", "ibug")])
def test_every_output_is_read_back(tmp_path, form, kind):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        images.write(tmp_path / "in" / name, IMAGE)
    skeleton = load_skeleton("ibug-68")
    rng = np.random.default_rng(1)
    two, one = (
        [prediction(rng.uniform(1, 40, (68, 2)), skeleton, spread=rng.uniform(1, 2, 68)) for _ in range(count)]
        for count in (2, 1)
    )
    paths = [tmp_path / "in" / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    with ResultWriter(tmp_path / "out", form, paths, skeleton) as writer:
        for path, faces in zip(paths, (two, [], one), strict=True):
            add(writer, path, IMAGE, faces)
    place = writer.files[0] if len(writer.files) == 1 else tmp_path / "out"
    read = datasets.load(f"{kind}:{place}?images={tmp_path / 'in'}")
    assert [(face.image.name, face.face) for face in read.annotations] == [("a.jpg", 0), ("a.jpg", 1), ("c.jpg", 0)]
    assert not read.problems
    assert read.skeleton == skeleton
    assert [path.name for path in read.empty_images] == ([] if form == "pts" else ["b.jpg"])
    for face, expected in zip(read.annotations, [*two, *one], strict=True):
        assert face.keypoints == pytest.approx(expected.keypoints, abs=1e-3)
        if form in ("json", "csv-long", "parquet"):
            assert face.spread == pytest.approx(expected.spread, abs=1e-3)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_names_that_are_not_text_are_written(tmp_path, form):
    path = Path("a\udcff.jpg")
    with ResultWriter(tmp_path, form, [path], QUAD) as writer:
        add(writer, path, IMAGE, [prediction(QUAD_FACE)])
    assert "a\\udcff.jpg" in (tmp_path / f"keypoints.{form}").read_text()


def test_pts_holds_one_file_per_face_with_1_based_points(tmp_path):
    writer = write(tmp_path, "pts", [("x/b.jpg", [FACE, PARTIAL, FACE]), ("a.jpg", [FACE]), ("c.jpg", [])])
    assert [path.name for path in writer.files] == ["b.pts", "b_1.pts", "b_2.pts", "a.pts"]
    assert (tmp_path / "b.pts").read_text() == (
        "version: 1\nn_points: 4\n{\n2.000 3.000\n4.000 5.000\n6.000 7.000\n8.000 9.000\n}\n"
    )
    assert "nan nan" in (tmp_path / "b_1.pts").read_text()


def test_pts_of_further_faces_do_not_take_the_name_of_another_image(tmp_path):
    writer = write(tmp_path, "pts", [("b.jpg", [FACE, PARTIAL]), ("b_1.jpg", [FACE, FACE]), ("b_1_.jpg", [FACE])])
    assert [path.name for path in writer.files] == ["b.pts", "b_1__.pts", "b_1.pts", "b_1_1.pts", "b_1_.pts"]
    assert "nan" in (tmp_path / "b_1__.pts").read_text()
    assert "nan" not in (tmp_path / "b_1.pts").read_text()


def test_each_format_lists_the_files_that_it_writes(tmp_path):
    paths = [Path("a.jpg"), Path("b.jpg")]
    for form, each in FORMATS.items():
        if form == "parquet":
            pytest.importorskip("pyarrow")
        written = write(tmp_path / form, form, [(path, [FACE, FACE]) for path in paths]).files
        assert sorted(each.outputs(tmp_path / form, unique_stems(paths))) == sorted(written)


def test_drawn_images_are_written_beside_the_keypoints(tmp_path):
    with ResultWriter(tmp_path, "json", [Path("x/a.png")], QUAD) as writer:
        add(writer, Path("x/a.png"), IMAGE, [FACE])
        assert names(tmp_path) == ["a-points.jpg"]
    assert writer.drawn == {Path("x/a.png"): tmp_path / "a-points.jpg"}
    assert images.read(tmp_path / "a-points.jpg").shape == IMAGE.shape
    assert (IMAGE == 60).all()


def test_oversized_drawn_image_is_a_png(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "JPEG_SIDE", 50)
    wide, high = np.zeros((5, 51, 3), np.uint8), np.zeros((51, 5, 3), np.uint8)
    paths = [Path("a.jpg"), Path("b.jpg"), Path("c.jpg")]
    with ResultWriter(tmp_path, "json", paths, QUAD) as writer:
        for path, image in zip(paths, (wide, high, IMAGE), strict=True):
            add(writer, path, image, [])
    assert [path.name for path in writer.drawn.values()] == ["a-points.png", "b-points.png", "c-points.jpg"]
    assert images.read(tmp_path / "a-points.png").shape == wide.shape


@pytest.mark.parametrize(("spread", "regions"), [(0.0, True), (1.5, False)])
def test_uncertainty_and_regions_are_drawn_on_request(tmp_path, monkeypatch, spread, regions):
    calls = []
    monkeypatch.setattr(draw, "draw_predictions", lambda *given: calls.append(given) or given[0])
    with ResultWriter(tmp_path, "json", [Path("a.jpg")], QUAD, spread, regions) as writer:
        add(writer, Path("a.jpg"), IMAGE, [FACE])
    assert calls == [(IMAGE, [FACE], spread > 0, regions, spread)]


def test_neither_is_drawn_by_default(tmp_path):
    with ResultWriter(tmp_path, "json", [Path("a.jpg")], QUAD) as writer:
        assert (writer.ellipse_spreads, writer.draw_regions) == (0.0, False)


def test_faces_are_counted_by_image(tmp_path):
    writer = write(tmp_path, "json", [("b.jpg", [FACE, FACE]), ("a.jpg", []), ("c.jpg", [FACE])])
    assert list(writer.counts.items()) == [(Path("b.jpg"), 2), (Path("a.jpg"), 0), (Path("c.jpg"), 1)]


# --- how it ends


def test_no_file_is_written_without_images(tmp_path):
    with ResultWriter(tmp_path, "json", [Path("a.jpg")], QUAD) as writer:
        pass
    assert writer.files == []
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_finished_images_are_written_after_an_interrupt_or_error(tmp_path, error):
    def interrupted():
        with ResultWriter(tmp_path, "json", [Path("a.jpg"), Path("b.jpg")], QUAD) as writer:
            add(writer, Path("a.jpg"), IMAGE, [FACE])
            raise error

    with pytest.raises(error):
        interrupted()
    assert [entry["image"] for entry in json.loads((tmp_path / "keypoints.json").read_text())["images"]] == ["a.jpg"]
    assert names(tmp_path) == ["a-points.jpg", "keypoints.json"]


def test_temporary_file_is_closed_even_if_writing_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise OutputError("full")

    monkeypatch.setitem(writers.FORMATS, "json", FORMATS["json"]._replace(write=fail))
    writer = ResultWriter(tmp_path, "json", [Path("a.jpg")], QUAD)
    with pytest.raises(OutputError, match="full"), writer:
        add(writer, Path("a.jpg"), IMAGE, [FACE])
    assert writer._spool._file.closed
    assert writer.files == []


def test_failed_table_leaves_the_previous_one(tmp_path, monkeypatch):
    (tmp_path / "keypoints.json").write_text("old")
    monkeypatch.setattr(writers, "predicted_faces", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path, "json", [("a.jpg", [FACE])])
    assert names(tmp_path) == ["a-points.jpg", "keypoints.json"]
    assert (tmp_path / "keypoints.json").read_text() == "old"


# --- the spool


def test_spool_returns_results_in_order_and_repeatedly(tmp_path):
    spool = Spool(tmp_path)
    for k in range(3):
        spool.add(Path(f"{k}.jpg"), (40, 50 + k), [FACE] * k)
    assert spool.count == 3
    for found in (list(spool), [pair[0] for pair in zip(spool, spool, strict=True)]):  # also two at the same time
        assert [(record.image, record.size) for record in found] == [(f"{k}.jpg", (40, 50 + k)) for k in range(3)]
        assert [len(record.faces) for record in found] == [0, 1, 2]
    assert np.array_equal(found[2].faces[1].keypoints, FACE.keypoints)
    assert names(tmp_path) == []
    spool.close()


def test_spool_ignores_an_entry_that_was_cut_off(tmp_path):
    spool = Spool(tmp_path)
    spool.add(Path("a.jpg"), (40, 50), [FACE])
    spool._file.write(b"half an entry")
    assert [record.image for record in spool] == ["a.jpg"]
    spool.close()


def test_spool_reports_a_full_disk(tmp_path, monkeypatch):
    spool = Spool(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writers.pickle, "dump", full)
    with pytest.raises(OutputError, match=f"cannot write into {tmp_path}: No space left on device"):
        spool.add(Path("a.jpg"), (40, 50), [FACE])
    assert spool.count == 0
    spool.close()


def test_spool_needs_a_folder(tmp_path):
    with pytest.raises(OutputError, match="cannot write into"):
        Spool(tmp_path / "missing")


# --- names


@pytest.mark.parametrize(
    ("paths", "stems"),
    [
        (["a.jpg", "b.png"], ["a", "b"]),
        (["x/a.jpg", "y/a.jpg"], ["a", "y-a"]),
        (["x/a.jpg", "x/a.png"], ["a", "x-a"]),
        (["x/a.jpg", "x/a.png", "x/a.gif", "x/a.bmp"], ["a", "x-a", "x-a-2", "x-a-3"]),
        (["x-a.jpg", "a.jpg", "x/a.jpg"], ["x-a", "a", "x-a-2"]),
        (["-"], ["stdin"]),
        (["stdin.jpg", "-"], ["stdin", "-stdin"]),
        (["a.tar.jpg"], ["a.tar"]),
    ],
)
def test_stems_are_unique(paths, stems):
    assert list(unique_stems([Path(path) for path in paths]).values()) == stems
