"""Predicted keypoints as files."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from doubles import QUAD, QUAD_FACE, prediction
from nasion import draw, images
from nasion.errors import ConfigError, OutputError
from nasion.predict import writers
from nasion.predict.writers import (
    FORMATS,
    ResultWriter,
    Spool,
    check_format,
    ellipse_table,
    face_table,
    unique_stems,
)

IMAGE = np.full((40, 50, 3), 60, np.uint8)
FACE = prediction([[1.00049, 2], [3, 4], [5, 6], [7, 8]], score=0.87654)
PARTIAL = prediction(
    [[1, 2], [np.nan, np.nan], [5.5, 6.25], [7, 8]],
    spread=[1.5, 2.25, np.nan, 3.00049],
    anisotropy=(0.0, math.log(4.0)),
    box=(10.004, 20, 30.006, 40),
)
WITHOUT_SPREAD = prediction([[1, 2], [3, 4], [5, 6], [7, 8]], spread=np.nan)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write(folder, form, results):
    """Write results, a list of (path, faces), and return the writer."""
    with ResultWriter(folder, form, [Path(path) for path, _ in results], QUAD) as writer:
        for path, faces in results:
            writer.add(Path(path), IMAGE, faces)
    return writer


# --- checks before work


def test_unknown_format_is_rejected_before_the_folder_is_created(tmp_path):
    with pytest.raises(ConfigError, match='unknown format "jsn"; did you mean "json"'):
        ResultWriter(tmp_path / "out", "jsn", [Path("a.jpg")], QUAD)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["json", "csv", "pts"])
def test_known_format_is_accepted(form):
    check_format(form)


def test_folder_is_created_and_left_empty(tmp_path):
    with ResultWriter(tmp_path / "new" / "out", "json", [Path("a.jpg")], QUAD):
        assert (tmp_path / "new" / "out").is_dir()
    assert names(tmp_path / "new" / "out") == []


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
    assert json.loads((tmp_path / "out" / "keypoints.json").read_text())[0]["faces"]


def test_standard_input_is_not_an_input_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("keypoints.json").write_text("old")
    write(tmp_path, "json", [("-", [FACE])])
    assert json.loads(Path("keypoints.json").read_text())[0]["image"] == "-"


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
    text = (tmp_path / "keypoints.json").read_text("utf-8")
    assert json.loads(text) == [
        {"image": "x/b.jpg", "faces": [face_table(0, FACE), face_table(1, PARTIAL)]},
        {"image": "x/a.jpg", "faces": []},
    ]
    assert text.startswith("[\n {\n")
    assert text.endswith("\n]\n")
    assert text == json.dumps(json.loads(text), indent=1) + "\n"


def test_face_table_rounds_and_marks_unknown_values():
    assert face_table(3, PARTIAL) == {
        "face": 3,
        "score": 0.75,
        "box": [10.0, 20.0, 30.01, 40.0],
        "skeleton": "quad",
        "keypoints": [[1.0, 2.0], None, [5.5, 6.25], [7.0, 8.0]],
        "spread_px": [1.5, 2.25, None, 3.0],
        # the axes are twice and half the spread, turned by 45 degrees
        "ellipses": [[3.0, 0.75, 45.0], [4.5, 1.125, 45.0], None, [6.001, 1.5, 45.0]],
    }


def test_face_table_of_a_model_without_uncertainty():
    table = face_table(0, WITHOUT_SPREAD)
    assert table["spread_px"] is None
    assert table["ellipses"] is None
    assert ellipse_table(WITHOUT_SPREAD) is None


def test_face_table_holds_plain_numbers():
    assert face_table(0, FACE)["score"] == 0.8765
    assert json.loads(json.dumps(face_table(0, FACE)))["keypoints"][0] == [1.0, 2.0]


def test_csv_has_one_row_per_face(tmp_path):
    writer = write(tmp_path, "csv", [('x/b,"1".jpg', [FACE, PARTIAL]), ("a.jpg", []), ("c.jpg", [FACE])])
    assert writer.files == [tmp_path / "keypoints.csv"]
    text = (tmp_path / "keypoints.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    rows = list(csv.reader(text.splitlines()))
    assert rows == [
        ["image", "face", "score", "x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3"],
        ['x/b,"1".jpg', "0", "0.8765", "1.000", "2.000", "3.000", "4.000", "5.000", "6.000", "7.000", "8.000"],
        ['x/b,"1".jpg', "1", "0.7500", "1.000", "2.000", "", "", "5.500", "6.250", "7.000", "8.000"],
        ["c.jpg", "0", "0.8765", "1.000", "2.000", "3.000", "4.000", "5.000", "6.000", "7.000", "8.000"],
    ]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_names_that_are_no_text_are_written(tmp_path, form):
    path = Path("a\udcff.jpg")
    with ResultWriter(tmp_path, form, [path], QUAD) as writer:
        writer.add(path, np.zeros((20, 30, 3), np.uint8), [prediction(QUAD_FACE)])
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
        written = write(tmp_path / form, form, [(path, [FACE, FACE]) for path in paths]).files
        assert sorted(each.outputs(tmp_path / form, unique_stems(paths))) == sorted(written)


def test_drawn_images_are_written_beside_the_keypoints(tmp_path):
    with ResultWriter(tmp_path, "json", [Path("x/a.png")], QUAD) as writer:
        writer.add(Path("x/a.png"), IMAGE, [FACE])
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
            writer.add(path, image, [])
    assert [path.name for path in writer.drawn.values()] == ["a-points.png", "b-points.png", "c-points.jpg"]
    assert images.read(tmp_path / "a-points.png").shape == wide.shape


@pytest.mark.parametrize("draw_spread", [False, True])
def test_uncertainty_is_drawn_on_request(tmp_path, monkeypatch, draw_spread):
    calls = []
    monkeypatch.setattr(draw, "draw_predictions", lambda *given: calls.append(given) or given[0])
    with ResultWriter(tmp_path, "json", [Path("a.jpg")], QUAD, draw_spread) as writer:
        writer.add(Path("a.jpg"), IMAGE, [FACE])
    assert calls == [(IMAGE, [FACE], draw_spread)]


def test_uncertainty_is_not_drawn_by_default(tmp_path):
    with ResultWriter(tmp_path, "json", [Path("a.jpg")], QUAD) as writer:
        assert writer.draw_spread is False


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
            writer.add(Path("a.jpg"), IMAGE, [FACE])
            raise error

    with pytest.raises(error):
        interrupted()
    assert [entry["image"] for entry in json.loads((tmp_path / "keypoints.json").read_text())] == ["a.jpg"]
    assert names(tmp_path) == ["a-points.jpg", "keypoints.json"]


def test_image_whose_drawing_was_interrupted_keeps_its_keypoints(tmp_path, monkeypatch):
    def interrupted(_path, _image):
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "write", interrupted)
    with pytest.raises(KeyboardInterrupt), ResultWriter(tmp_path, "csv", [Path("a.jpg")], QUAD) as writer:
        writer.add(Path("a.jpg"), IMAGE, [FACE])
    assert len((tmp_path / "keypoints.csv").read_text().splitlines()) == 2


def test_temporary_file_is_closed_even_if_writing_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise OutputError("full")

    monkeypatch.setitem(writers.FORMATS, "json", FORMATS["json"]._replace(write=fail))
    writer = ResultWriter(tmp_path, "json", [Path("a.jpg")], QUAD)
    with pytest.raises(OutputError, match="full"), writer:
        writer.add(Path("a.jpg"), IMAGE, [FACE])
    assert writer._spool._file.closed
    assert writer.files == []


def test_failed_table_leaves_the_previous_one(tmp_path, monkeypatch):
    (tmp_path / "keypoints.json").write_text("old")
    monkeypatch.setattr(writers, "face_table", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path, "json", [("a.jpg", [FACE])])
    assert names(tmp_path) == ["a-points.jpg", "keypoints.json"]
    assert (tmp_path / "keypoints.json").read_text() == "old"


# --- the spool


def test_spool_returns_results_in_order_and_repeatedly(tmp_path):
    spool = Spool(tmp_path)
    for k in range(3):
        spool.add(Path(f"{k}.jpg"), [FACE] * k)
    assert spool.count == 3
    for _ in range(2):
        found = list(spool)
        assert [path.name for path, _ in found] == ["0.jpg", "1.jpg", "2.jpg"]
        assert [len(faces) for _, faces in found] == [0, 1, 2]
    assert np.array_equal(found[2][1][1].keypoints, FACE.keypoints)
    assert names(tmp_path) == []
    spool.close()


def test_spool_ignores_an_entry_that_was_cut_off(tmp_path):
    spool = Spool(tmp_path)
    spool.add(Path("a.jpg"), [FACE])
    spool._file.write(b"half an entry")
    assert [path.name for path, _ in spool] == ["a.jpg"]
    spool.close()


def test_spool_reports_a_full_disk(tmp_path, monkeypatch):
    spool = Spool(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writers.pickle, "dump", full)
    with pytest.raises(OutputError, match=f"cannot write into {tmp_path}: No space left on device"):
        spool.add(Path("a.jpg"), [FACE])
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
