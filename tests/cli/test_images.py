"""predict, match and models: images of every kind, several faces, no face, and files that are not images."""

import gc
import io
import json
import shutil
import sys
import weakref

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from made_files import make_imm, shape
from nasion import images
from nasion.datasets.drawn import render_face
from nasion.geometry import box_around
from nasion.predict.parallel import cores


def test_predict_writes_images_and_keypoints(nasion, trained, tmp_path):
    for person in range(2):
        images.write(tmp_path / "faces" / f"{person}.png", render_face(5, person, 0, "imm-58").image)
    (tmp_path / "faces" / "notes.jpg").write_text("a diary")
    code, out, error = nasion("predict", "faces", "--model", trained, "--out", "found")
    assert code == 0
    assert "skipped" in error
    assert "notes.jpg" in error
    assert "skipped 1 of 3 images" in out
    table = json.loads((tmp_path / "found" / "keypoints.json").read_text())
    assert [len(entry["faces"]) for entry in table["images"]] == [1, 1]
    assert np.shape(table["images"][0]["faces"][0]["keypoints"]) == (1, 2)
    assert (table["model"], table["point_names"]) == (trained.name, ["nose_tip"])
    assert images.read(tmp_path / "found" / "0-points.jpg").shape == (480, 640, 3)
    assert nasion("predict", "faces/0.png", "--model", trained, "--format", "csv", "--out", "found")[0] == 0
    header, row = (tmp_path / "found" / "keypoints.csv").read_text().splitlines()
    assert header == "image,face,score,box_x0,box_y0,box_x1,box_y1,nose_tip_x,nose_tip_y"
    assert row.startswith("faces/0.png,0,1.0000,")
    assert (
        nasion(
            "predict", "faces/0.png", "--model", trained, "--format", "pts", "--out", "found", "--box", "100,50,500,400"
        )[0]
        == 0
    )
    assert (tmp_path / "found" / "0.pts").read_text().startswith("version: 1\nn_points: 1\n{\n")


def test_written_pts_files_are_read_back(nasion, trained, tmp_path):
    from nasion.datasets.formats.ibug import parse_pts

    images.write(tmp_path / "a.png", render_face(5, 0, 0, "imm-58").image)
    nasion("predict", "a.png", "--model", trained, "--format", "pts", "--out", "p")
    nasion("predict", "a.png", "--model", trained, "--format", "json", "--out", "p")
    written = parse_pts((tmp_path / "p" / "a.pts").read_text()) - 1
    found = json.loads((tmp_path / "p" / "keypoints.json").read_text())["images"][0]["faces"][0]["keypoints"]
    assert written == pytest.approx(np.array(found), abs=2e-3)


@pytest.fixture
def astronaut(tmp_path):
    """The path of an image with one face."""
    images.write(tmp_path / "astronaut.png", data.astronaut())
    return tmp_path / "astronaut.png"


PLACES = {
    36: (198, 104),
    39: (213, 105),
    42: (241, 106),
    45: (256, 104),
    30: (225, 127),
    48: (204, 143),
    54: (244, 144),
    8: (225, 179),
}
"""Keypoints of the astronaut's face, located manually, px."""


def test_default_model_finds_the_astronaut(nasion, astronaut, tmp_path):
    code, out, error = nasion("predict", astronaut)
    assert code == 0
    assert "68 points" in out
    assert "using nasion's detector instead" in error
    (face,) = json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"][0]["faces"]
    points = np.array(face["keypoints"])
    assert points.shape == (68, 2)
    for index, place in PLACES.items():
        assert np.linalg.norm(points[index] - place) < 6, index
    assert len(face["spread_px"]) == 68


def test_uncertain_points_are_dropped_on_request(nasion, astronaut, tmp_path):
    box = "176,95,275,180"
    plain = nasion("predict", str(astronaut), "--box", box, "--out", "plain")
    discs = nasion("predict", str(astronaut), "--box", box, "--out", "discs", "--spread")
    regions = nasion("predict", str(astronaut), "--box", box, "--out", "regions", "--regions")
    assert (plain[0], discs[0], regions[0]) == (0, 0, 0)
    name = f"{astronaut.stem}-points.jpg"
    drawn = {images.read(tmp_path / folder / name).tobytes() for folder in ("plain", "discs", "regions")}
    assert len(drawn) == 3
    assert nasion("predict", str(astronaut), "--box", box, "--out", "some", "--max-spread", "0.001")[0] == 0
    (face,) = json.loads((tmp_path / "some" / "keypoints.json").read_text())["images"][0]["faces"]
    assert face["keypoints"] == [None] * 68
    code, _, error = nasion("predict", str(astronaut), "--format", "pts", "--max-spread", "0.1")
    assert code == 2
    assert "cannot store missing keypoints" in error
    nasion("predict", str(astronaut), "--box", box, "--out", "some", "--max-spread", "0.001", "--format", "csv")
    assert (tmp_path / "some" / "keypoints.csv").read_text().splitlines()[1].endswith("," * 136)


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("json", "json:found/keypoints.json?images=."),
        ("csv", "csv:found/keypoints.csv?images=."),
        ("csv-long", "csv-long:found/keypoints-long.csv?images=."),
        ("parquet", "parquet:found/keypoints.parquet?images=."),
        ("coco", "coco:found/keypoints-coco.json?images=."),
        ("pts", "ibug:found?images=."),
    ],
)
def test_every_format_is_evaluated_and_opened(nasion, astronaut, tmp_path, form, data):
    from nasion.skeleton import load_skeleton

    pytest.importorskip("filelock")
    from nasion.studio.albums.label_store import Face
    from nasion.studio.albums.opening import open_album

    if form == "parquet":
        pytest.importorskip("pyarrow")
    images.write(tmp_path / "wall.png", np.full((200, 300, 3), 120, np.uint8))
    code, _, error = nasion("predict", "astronaut.png", "wall.png", "--format", form, "--out", "found")
    assert code == 0, error
    code, _, error = nasion("evaluate", "default", data, "--json", "scores.json")
    assert code == 0, error
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert (scores["n"], scores["nme/inter_ocular"] < 0.02) == (1, True)
    album = open_album(data, load_skeleton("ibug-68"))
    assert [entry.name.rpartition("/")[2] for entry in album.entries] == ["astronaut.png"]
    moved = album.faces(0)[0] + 1
    album.save(0, [Face(moved, 0)], album.version(0), "done")
    assert album.faces(0)[0] == pytest.approx(moved, abs=1e-3)


def test_written_json_fits_its_schema(nasion, astronaut, tmp_path, read_json):
    pytest.importorskip("jsonschema")
    images.write(tmp_path / "wall.png", np.full((200, 300, 3), 120, np.uint8))
    images.write(tmp_path / "faces" / "a.png", data.astronaut())
    images.write(tmp_path / "faces" / "b.png", np.ascontiguousarray(data.astronaut()[:, ::-1]))
    assert nasion("predict", "astronaut.png", "wall.png")[0] == 0
    assert (
        nasion("predict", "astronaut.png", "--box", "176,95,275,180", "--max-spread", "0.02", "--out", "some")[0] == 0
    )
    assert nasion("match", "astronaut.png", "faces/b.png", "--frames", 2)[0] == 0
    assert nasion("match", "faces")[0] == 0
    assert nasion("evaluate", "default", "synthetic:2?skeleton=ibug-68", "--json", "scores.json")[0] == 0
    make_imm(tmp_path / "imm", shape(58))
    assert nasion("convert", "imm:imm", "json:converted.json")[0] == 0
    written = {
        "predictions/keypoints.json": "keypoints",
        "some/keypoints.json": "keypoints",
        "match/match.json": "match",
        "match/mean-face.json": "mean-face",
        "scores.json": "scores",
        "converted.json": "keypoints",
    }
    for name, kind in written.items():
        read_json(name, kind)


def test_image_without_a_face(nasion, tmp_path):
    images.write(tmp_path / "wall.png", np.full((200, 300, 3), 120, np.uint8))
    code, out, _ = nasion("predict", "wall.png")
    assert code == 0
    assert "no face found" in out
    (entry,) = json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"]
    assert entry == {"image": "wall.png", "width": 300, "height": 200, "faces": []}
    assert nasion("predict", "wall.png", "--require-face")[0] == 1
    assert nasion("predict", "wall.png", "--format", "csv")[0] == 0
    assert nasion("predict", "wall.png", "--format", "pts")[0] == 0


def test_images_of_every_kind_by_pattern_pipe_and_box(nasion, astronaut, monkeypatch, tmp_path, yunet_file):
    picture = PillowImage.fromarray(data.astronaut())
    picture.convert("L").save("gray.png")
    picture.convert("CMYK").save("cmyk.jpg")
    picture.convert("RGBA").save("alpha.png")
    picture.save("small.webp")
    PillowImage.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save("deep.png")
    turned = picture.transpose(PillowImage.Transpose.ROTATE_90)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    turned.save("turned.jpg", exif=exif)
    code, _, error = nasion("predict", "*.*", "--detector-weights", yunet_file)
    assert (code, error) == (0, "")
    table = json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"]
    assert len(table) == 7
    nose = {entry["image"]: entry["faces"][0]["keypoints"][30] for entry in table}
    for name, place in nose.items():
        assert place == pytest.approx(nose["astronaut.png"], abs=4), name
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(astronaut.read_bytes())))
    assert nasion("predict", "-", "--box", "176,95,275,180", "--out", "piped")[0] == 0
    (entry,) = json.loads((tmp_path / "piped" / "keypoints.json").read_text())["images"]
    assert entry["faces"][0]["keypoints"][30] == pytest.approx(nose["astronaut.png"], abs=2)
    assert (tmp_path / "piped" / "stdin-points.jpg").exists()
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\nastronaut.png,176,95,275,180\n")
    assert nasion("predict", "astronaut.png", "--box", "boxes.csv", "--out", "boxed")[0] == 0
    boxed = json.loads((tmp_path / "boxed" / "keypoints.json").read_text())["images"]
    assert boxed[0]["faces"][0]["keypoints"] == entry["faces"][0]["keypoints"]


def test_two_faces_are_numbered_and_matched(nasion, yunet_file, tmp_path):
    one = data.astronaut()[:220, 120:330]
    images.write(tmp_path / "two.png", np.concatenate([one, one[:, ::-1]], axis=1))
    images.write(tmp_path / "one.png", one)
    images.write(tmp_path / "wall.png", np.full((200, 300, 3), 120, np.uint8))
    code, out, _ = nasion("predict", "two.png", "--detector-weights", yunet_file)
    assert code == 0
    assert "2 faces with 68 points" in out
    code, out, error = nasion(
        "match", "one.png", "two.png", "--face", "0,1", "--frames", 3, "--detector-weights", yunet_file
    )
    assert (code, error) == (0, "")
    assert "68 points matched" in out
    table = json.loads((tmp_path / "match" / "match.json").read_text())
    assert table["similarity"]["scale"] == pytest.approx(1, abs=0.05)
    code, _, error = nasion("match", "one.png", "wall.png", "--out", "none", "--detector-weights", yunet_file)
    assert code == 2
    assert "wall.png: no face" in error
    assert not (tmp_path / "none").exists()
    code, _, error = nasion("match", "one.png", "two.png", "--face", "0,7", "--detector-weights", yunet_file)
    assert code == 2
    assert "no face 7; it has 2" in error


def test_mean_of_a_folder(nasion, tmp_path, yunet_file):
    one = data.astronaut()[:220, 120:330]
    for name, picture in {"a": one, "b": one[:, ::-1], "wall": np.full((99, 99, 3), 9, np.uint8)}.items():
        images.write(tmp_path / "faces" / f"{name}.png", np.ascontiguousarray(picture))
    code, out, error = nasion("match", "faces", "--detector-weights", yunet_file)
    assert code == 0
    assert "mean of 2 faces from 3 images" in out
    assert "wall.png" in error
    mean = images.read(tmp_path / "match" / "mean-face.jpg").astype(float)
    assert np.abs(mean - mean[:, ::-1]).mean() < 12  # a face and its mirror have a mirrored mean
    assert nasion("match", "faces", "faces/a.png")[0] == 2


def test_input_images_are_never_overwritten(nasion, tmp_path):
    images.write(tmp_path / "me.png", np.full((24, 24, 3), 9, np.uint8))
    images.write(tmp_path / "me-points.jpg", np.full((24, 24, 3), 90, np.uint8))
    before = (tmp_path / "me-points.jpg").read_bytes()
    code, _, error = nasion("predict", "me.png", "--box", "2,2,20,20", "--out", ".")
    assert code == 2
    assert "choose another folder with --out" in error
    assert (tmp_path / "me-points.jpg").read_bytes() == before


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("image;x0;y0;x1;y1\na.png;10,5;20,5;30,5;40,5\n", "need the columns"),
        ("image,x0,y0,x1,y1\na.png,5,5,1,1\n", "line 2: not a box"),
        ("image,x0,y0,x1,y1\nother.png,1,1,5,5\n", "has no box for it"),
        ("", "need the columns"),
    ],
)
def test_malformed_box_tables_are_rejected(nasion, tmp_path, table, words):
    images.write(tmp_path / "a.png", np.full((24, 24, 3), 9, np.uint8))
    (tmp_path / "boxes.csv").write_text(table)
    code, _, error = nasion("predict", "a.png", "--box", "boxes.csv")
    assert code == 2
    assert words in error
    assert error.count("\n") == 1


def test_names_with_brackets_and_equal_stems(nasion, tmp_path):
    for name in ("a[bold].png", "stdin.png", "b/x.png", "x.png"):
        images.write(tmp_path / name, np.full((24, 24, 3), 9, np.uint8))
    code, out, _ = nasion("predict", "a[bold].png", "stdin.png", "x.png", "b/x.png", "--box", "2,2,20,20")
    assert code == 0
    assert "a[bold].png" in out
    names = {path.name for path in (tmp_path / "predictions").glob("*.jpg")}
    assert names == {"a[bold]-points.jpg", "stdin-points.jpg", "x-points.jpg", "b-x-points.jpg"}


def test_files_of_several_faces_do_not_collide(nasion, tmp_path):
    boxes = "image,x0,y0,x1,y1\na.png,2,2,20,20\na.png,4,4,22,22\na_1.png,2,2,20,20\n"
    (tmp_path / "boxes.csv").write_text(boxes)
    for name in ("a.png", "a_1.png"):
        images.write(tmp_path / name, np.full((24, 24, 3), 9, np.uint8))
    assert nasion("predict", "a.png", "a_1.png", "--box", "boxes.csv", "--format", "pts")[0] == 0
    assert len(list((tmp_path / "predictions").glob("*.pts"))) == 3


def test_models_are_listed_with_their_cards(nasion):
    code, out, _ = nasion("models")
    assert code == 0
    for word in ("default", "ibug-68", "research", "nme/inter_ocular", "nasion train", "sha256"):
        assert word in out, word


def test_model_with_a_wrong_checksum_is_rejected(nasion, monkeypatch, tmp_path, astronaut):
    from nasion.predict import model_zoo

    for path in model_zoo._folder().iterdir():
        shutil.copy(path, tmp_path / path.name)
    content = bytearray((tmp_path / "default.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "default.onnx").write_bytes(content)
    monkeypatch.setattr(model_zoo, "_folder", lambda: tmp_path)
    code, _, error = nasion("predict", astronaut)
    assert code == 2
    assert "its SHA-256 differs" in error
    assert not (tmp_path / "predictions").exists()


def test_broken_images_in_a_large_folder_are_skipped(nasion, tmp_path):
    for number in range(40):
        if number % 4:
            images.write(tmp_path / "many" / f"{number:03}.png", np.full((24, 24, 3), number, np.uint8))
        else:
            (tmp_path / "many").mkdir(exist_ok=True)
            (tmp_path / "many" / f"{number:03}.png").write_text("broken")
    code, out, error = nasion("predict", "many", "--box", "2,2,20,20")
    assert code == 0
    assert "30 faces in 30 images" in out
    assert "skipped 10 of 40 images" in out
    assert error.count("skipped") == 10
    assert len(json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"]) == 30


@pytest.mark.parametrize(("form", "name"), [("pts", "a.pts"), ("pts", "a_1.pts"), ("csv", "keypoints.csv")])
def test_labels_beside_the_images_are_not_overwritten(nasion, tmp_path, form, name):
    images.write(tmp_path / "faces" / "a.png", np.full((24, 24, 3), 9, np.uint8))
    (tmp_path / "faces" / name).write_text("by hand")
    code, _, error = nasion("predict", "faces", "--box", "2,2,20,20", "--format", form, "--out", "faces")
    assert code == 2
    assert f"{name} already exists among your files" in error
    assert (tmp_path / "faces" / name).read_text() == "by hand"
    assert not (tmp_path / "faces" / "a-points.jpg").exists()


def test_image_too_long_for_jpeg_is_drawn_as_png(nasion, tmp_path):
    images.write(tmp_path / "some" / "a.png", np.full((30, 66_000, 3), 90, np.uint8))
    images.write(tmp_path / "some" / "b.png", np.full((30, 30, 3), 90, np.uint8))
    code, out, _ = nasion("predict", "some", "--box", "2,2,20,20")
    assert code == 0
    assert "2 faces in 2 images" in out
    assert (tmp_path / "predictions" / "a-points.png").exists()


def test_json_written_in_parts_is_valid(nasion, tmp_path):
    for name in "ab":
        images.write(tmp_path / "some" / f"{name}.png", np.full((30, 30, 3), 90, np.uint8))
    assert nasion("predict", "some", "--box", "2,2,20,20")[0] == 0
    text = (tmp_path / "predictions" / "keypoints.json").read_text()
    assert [entry["image"] for entry in json.loads(text)["images"]] == ["some/a.png", "some/b.png"]
    assert text.endswith("]}\n")


def test_faces_of_earlier_images_are_released(nasion, monkeypatch, tmp_path):
    from nasion.predict.predictor import Predictor

    count = 4 * cores() + 4
    for number in range(count):
        images.write(tmp_path / "some" / f"{number}.png", np.full((24, 24, 3), number, np.uint8))
    seen, alive, call = [], [], Predictor.__call__

    def watched(self, image, boxes=None):
        gc.collect()
        alive.append(sum(face() is not None for face in seen))
        faces = call(self, image, boxes)
        seen.extend(weakref.ref(face) for face in faces)
        return faces

    monkeypatch.setattr(Predictor, "__call__", watched)
    assert nasion("predict", "some", "--box", "2,2,20,20")[0] == 0
    assert len(seen) == len(json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"]) == count
    assert max(alive) <= 2 * cores() + 1  # images that threads work on, or that wait for their turn


def test_results_before_ctrl_c_are_written(nasion, monkeypatch, tmp_path):
    from nasion.predict import image_files

    for number in range(3):
        images.write(tmp_path / "some" / f"{number}.png", np.full((24, 24, 3), number, np.uint8))
    read = image_files.images.read

    def interrupted(path):
        if path.name == "2.png":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(image_files.images, "read", interrupted)
    assert nasion("predict", "some", "--box", "2,2,20,20")[0] == 130
    assert len(json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"]) == 2


def test_points_that_are_dropped_are_counted(nasion, tmp_path):
    images.write(tmp_path / "face.png", data.astronaut())
    code, output, _ = nasion("predict", "face.png", "--box", "176,95,275,180", "--max-spread", "0.001")
    assert code == 0
    assert "68 points, 68 points dropped by --max-spread" in output


def test_confidence_draws_ellipses_and_prints_their_basis(nasion, tmp_path):
    face = render_face(seed=0, person=0, view=0, skeleton="imm-58")
    images.write(tmp_path / "a.png", face.image)
    box = ",".join(f"{value:.0f}" for value in box_around(face.keypoints))
    code, _, error = nasion("predict", "a.png", "--box", box, "--confidence", "0.9", "--out", "found")
    assert code == 0
    assert "spreads contain 90 % of points: " in error
    code, _, error = nasion("predict", "a.png", "--box", box, "--confidence", "1", "--out", "other")
    assert (code, error) == (2, "nasion: a confidence of 1 cannot be drawn; choose one above 0, up to 0.99\n")
    assert not (tmp_path / "other").exists()


class TestShards:
    """nasion predict --shard: one complete file per shard, or none."""

    def predict(self, nasion, model, part, *words):
        return nasion(
            "predict", "faces", "--model", model, "--shard", part, "--format", "csv", "--out", "found", *words
        )

    @pytest.fixture
    def faces(self, tmp_path):
        for person in range(5):
            images.write(tmp_path / "faces" / f"{person}.png", render_face(5, person, 0, "imm-58").image)

    def test_shards_cover_every_image_once_without_drawn_images(self, nasion, trained, faces, tmp_path):
        for number in (1, 2, 3):
            assert self.predict(nasion, trained, f"{number}/3")[0] == 0
        files = sorted(path.name for path in (tmp_path / "found").iterdir())
        assert files == [f"keypoints-{number}-of-3.csv" for number in (1, 2, 3)]
        rows = [line for name in files for line in (tmp_path / "found" / name).read_text().splitlines()[1:]]
        assert sorted(row.split(",")[0] for row in rows) == [f"faces/{person}.png" for person in range(5)]

    def test_a_finished_shard_is_not_predicted_again(self, nasion, trained, faces, tmp_path):
        (tmp_path / "found").mkdir()
        (tmp_path / "found" / "keypoints-1-of-1.csv").write_text("as it was")
        code, out, _ = self.predict(nasion, "no such model", "1/1")
        assert (code, out) == (0, "found/keypoints-1-of-1.csv exists; nothing to do\n")
        assert (tmp_path / "found" / "keypoints-1-of-1.csv").read_text() == "as it was"

    def test_an_interrupted_shard_leaves_no_file(self, nasion, trained, faces, tmp_path, monkeypatch):
        from nasion.predict.writers import ResultWriter

        add = ResultWriter.add

        def add_and_interrupt(self, *arguments):
            add(self, *arguments)
            raise KeyboardInterrupt

        monkeypatch.setattr(ResultWriter, "add", add_and_interrupt)
        assert self.predict(nasion, trained, "1/1")[0] == 130
        assert not (tmp_path / "found").exists()

    def test_a_shard_without_a_readable_image_is_done(self, nasion, trained, tmp_path):
        (tmp_path / "faces").mkdir()
        (tmp_path / "faces" / "notes.jpg").write_text("a diary")
        codes = [self.predict(nasion, trained, part) for part in ("1/2", "2/2")]
        assert [code for code, _, _ in codes] == [0, 0]
        assert sum("notes.jpg" in error for _, _, error in codes) == 1
        assert len(list((tmp_path / "found").glob("keypoints-?-of-2.csv"))) == 2

    def test_drawn_images_on_request(self, nasion, trained, faces, tmp_path):
        self.predict(nasion, trained, "1/1", "--draw")
        assert len(list((tmp_path / "found").glob("*-points.jpg"))) == 5

    def test_no_drawn_images_on_request(self, nasion, trained, faces, tmp_path):
        code, out, _ = nasion("predict", "faces", "--model", trained, "--no-draw", "--out", "found")
        assert code == 0
        assert "faces/0.png: 1 point\n" in out
        assert [path.name for path in (tmp_path / "found").iterdir()] == ["keypoints.json"]

    @pytest.mark.parametrize(("part", "form"), [("0/64", "csv"), ("65/64", "csv"), ("1/2", "pts")])
    def test_what_cannot_be_a_shard_is_refused(self, nasion, part, form, tmp_path):
        code, _, error = nasion("predict", "faces", "--shard", part, "--format", form, "--out", "found")
        assert code == 2
        assert error.count("\n") == 1
        assert not (tmp_path / "found").exists()
