"""The commands crop and measure: what they write, for several images and faces, and what they reject."""

import csv
import io
import sys

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.detect import Detection
from nasion.predict.predictor import Predictor

BOX = np.array([176.0, 95, 275, 180])


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Return a folder with a face, an image without a face, and a text file; the detector returns the face's box."""

    def detect(image):
        return [Detection(BOX, 0.9)] if image.mean() > 20 else []

    monkeypatch.setattr(Predictor, "detector", property(lambda _predictor: detect))
    folder = tmp_path / "photos"
    images.write(folder / "a.png", data.astronaut())
    images.write(folder / "dark.png", np.zeros((60, 80, 3), np.uint8))
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def test_crop_writes_the_crops_and_their_maps(nasion, photos, tmp_path, read_json):
    code, out, error = nasion("crop", photos, "--as", "arcface", "--size", 96, "--border", "reflect")
    assert (code, out) == (0, "1 crop from 2 images → crops/crops.json\n")
    assert "dark.png: no face found" in error
    assert "skipped" in error
    table = read_json("crops/crops.json", "crops")
    assert [len(each["faces"]) for each in table["images"]] == [1, 0]
    (face,) = table["images"][0]["faces"]
    assert (face["file"], face["template"], face["size"], face["score"]) == ("a-0.png", "arcface", 96, 0.9)
    assert face["corner_error_px"] > 0
    shown = images.read(tmp_path / "crops" / "a-0.png")
    assert shown.shape == (96, 96, 3)
    x, y = np.rint(np.array(face["crop_to_image"]) @ [48, 60, 1]).astype(int)
    assert np.abs(shown[60, 48].astype(int) - data.astronaut()[y, x]).max() < 40


def test_crop_rejects_what_it_does_not_know_before_it_predicts(nasion, photos, tmp_path):
    (tmp_path / "bad.toml").write_text('title = "a"\nsize = 0\n')
    for words, message in (
        (("--as", "arc"), 'no template "arc"'),
        (("--as", "bad.toml"), "size = 0"),
        (("--border", "white"), '--border cannot be "white"'),
        (("--out", photos / "a.png"), "cannot write"),
    ):
        code, _, error = nasion("crop", photos / "a.png", *words)
        assert (code, error.count("\n")) == (2, 1)
        assert message in error
    assert nasion("crop", photos / "a.png", "--size", 0)[0] == 2
    assert not (tmp_path / "crops").exists()


def test_crop_says_when_no_image_could_be_read(nasion, photos):
    code, _, error = nasion("crop", photos / "broken.png")
    assert code == 2
    assert "not an image" in error.splitlines()[-1]


def test_measure_writes_a_row_per_number_with_its_error(nasion, photos, tmp_path):
    code, out, _ = nasion("measure", photos / "a.png", "--known", "pupils=63", "--axes", "axes")
    assert (code, out) == (0, "1 face in 1 image → measurements.csv\n")
    rows = list(csv.DictReader((tmp_path / "measurements.csv").read_text().splitlines()))
    assert list(rows[0]) == ["image", "face", "measurement", "value", "standard_error", "unit"]
    found = {(row["measurement"], row["unit"]): row for row in rows}
    assert abs(float(found["yaw", "°"]["value"])) < 40
    assert float(found["pupils", "mm"]["value"]) == pytest.approx(63)
    assert 0 < float(found["outer_mouth_width", "mm"]["standard_error"]) < 10
    assert found["mouth_open", ""]["standard_error"] == ""  # a yes or no has none
    drawn = images.read(tmp_path / "axes" / "a-axes.png")
    assert (drawn != data.astronaut()).any()


def test_measure_has_a_row_for_an_image_without_a_face(nasion, photos, tmp_path):
    code, out, error = nasion("measure", photos)
    assert (code, out) == (0, "1 face in 2 images → measurements.csv\n")
    assert "skipped" in error
    *_, last = csv.reader((tmp_path / "measurements.csv").read_text().splitlines())
    assert last == [str(photos / "dark.png"), "", "", "", "", ""]


@pytest.mark.parametrize("command", ["crop", "measure", "match"])
def test_box_score_and_device_are_options_of_each_command(nasion, photos, command):
    path = photos / "a.png"
    words = (command, *[path] * (1 + (command == "match")))
    assert nasion(*words, "--box", "176,95,275,180", "--device", "cpu")[0] == 0
    assert "no face" in nasion(*words, "--min-score", "0.95")[2]
    assert nasion(*words, "--device", "abacus")[2].startswith('nasion: --device cannot be "abacus"; known: auto')


def test_folders_in_folders_are_searched_on_request(nasion, photos, tmp_path):
    images.write(photos / "deep" / "b.png", data.astronaut())
    _, out, error = nasion("crop", photos)
    assert "1 crop from 2 images" in out
    assert f"{photos / 'deep'}: the images in this folder are left out; include them with --recursive" in error
    _, out, error = nasion("crop", photos, "--recursive", "--out", photos / "crops")
    assert "2 crops from 3 images" in out
    assert "left out" not in error
    assert "2 crops from 3 images" in nasion("crop", photos, "-r", "--out", photos / "crops")[1]


def test_measure_reads_standard_input(nasion, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((photos / "a.png").read_bytes())))
    code, out, _ = nasion("measure", "-", "--axes", "axes")
    assert (code, out) == (0, "1 face in 1 image → measurements.csv\n")
    assert (tmp_path / "axes" / "stdin-axes.png").exists()


def test_measure_reads_definitions(nasion, photos, tmp_path):
    (tmp_path / "face.toml").write_text('[distances]\nmine = ["right_eye", "jaw_8"]\n')
    code, _, _ = nasion("measure", photos / "a.png", "--definitions", "face.toml", "--out", "b.csv")
    assert code == 0
    names = {row["measurement"] for row in csv.DictReader((tmp_path / "b.csv").read_text().splitlines())}
    assert {"mine", "pitch", "mouth_opening"} <= names
    assert "pupils" not in names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--known", "pupils"), "such as pupils=63"),
        (("--known", "pupil=63"), 'did you mean "pupils"'),
        (("--known", "pupils=0"), "a positive number of mm"),
        (("--definitions", "missing.toml"), "cannot read the file of definitions"),
        (("--out", "a.txt"), "--out a.txt: the table needs a file name that ends in .csv, such as --out a.csv"),
        (("--out", "m2"), "such as --out m2.csv"),
        (("--out", "."), "such as --out measurements.csv"),
    ],
)
def test_measure_rejects_bad_options_with_one_line(nasion, photos, tmp_path, words, message):
    code, _, error = nasion("measure", photos / "a.png", *words)
    assert (code, error.count("\n")) == (2, 1)
    assert message in error
    assert not (tmp_path / "measurements.csv").exists()
