"""A clip through the command line: drawn, written as a table, its sound kept; and what is refused."""

import csv

import numpy as np
import pytest
from skimage import data
from typer.testing import CliRunner

from nasion import images
from nasion.cli import app
from nasion.detect.yunet import Detection
from nasion.errors import ConfigError, NasionError, OutputError
from nasion.geometry import Affine
from nasion.predict.model_zoo import resolve
from nasion.predict.onnx_backend import OnnxBackend
from nasion.predict.predictor import Predictor
from nasion.video.process import write_clip
from nasion.video.reader import Writer, open_clip

av = pytest.importorskip("av")

COUNT = 12
BOX = np.array([176.0, 95, 275, 180])


def backend():
    return OnnxBackend(resolve("default"), threads=1)


def detector(_image):
    return [Detection(BOX, 0.9)]


@pytest.fixture(scope="module")
def predictor():
    return Predictor(backend(), detector)


@pytest.fixture
def clip(tmp_path):
    from fractions import Fraction

    with Writer(tmp_path / "a.mp4", (512, 512), Fraction(25)) as writer:
        for k in range(COUNT):
            writer.add(k / 25, images.warp(data.astronaut(), Affine.translation(k, 0), (512, 512)))
    return open_clip(tmp_path / "a.mp4")


def test_points_are_drawn_and_written(clip, predictor, tmp_path):
    still = predictor(data.astronaut())[0].keypoints
    counts = []
    out, table = tmp_path / "out" / "b.mp4", tmp_path / "b.csv"
    story = write_clip(clip, predictor, out, table, "none", lambda so_far: counts.append(so_far.frames))
    assert (story.frames, story.shown, story.lost_sound) == (COUNT, {0: COUNT}, "")
    assert counts == list(range(1, COUNT + 1))
    rows = list(csv.DictReader((tmp_path / "b.csv").read_text().splitlines()))
    assert [row["frame"] for row in rows] == [str(k) for k in range(COUNT)]
    assert float(rows[5]["time_s"]) == pytest.approx(0.2, abs=1e-3)
    for k, row in enumerate(rows):
        found = np.array([[float(row[f"x{j}"]), float(row[f"y{j}"])] for j in range(68)])
        assert np.linalg.norm(found - still - [k, 0], axis=1).mean() < 3
    drawn = [image for _, image in open_clip(tmp_path / "out" / "b.mp4").frames()]
    assert len(drawn) == COUNT
    x, y = np.rint(still[30]).astype(int)
    assert np.abs(drawn[0][y, x].astype(int) - [30, 120, 255]).sum() < 150


def test_until_ctrl_c_all_is_written(clip, predictor, tmp_path):
    def stop(story):
        if story.frames == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(clip, predictor, tmp_path / "b.mp4", tmp_path / "b.csv", "light", stop)
    assert len((tmp_path / "b.csv").read_text().splitlines()) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.csv", "b.mp4"]
    assert len(list(open_clip(tmp_path / "b.mp4").frames())) == 5


def test_what_fails_leaves_the_older_files(clip, predictor, tmp_path):
    def full(story):
        if story.frames == 5:
            raise OutputError("no space left")

    for name in ("b.mp4", "b.csv"):
        (tmp_path / name).write_text("an older one")
    with pytest.raises(OutputError):
        write_clip(clip, predictor, tmp_path / "b.mp4", tmp_path / "b.csv", "light", full)
    for name in ("b.mp4", "b.csv"):
        assert (tmp_path / name).read_text() == "an older one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.csv", "b.mp4"]


def test_through_the_command_line(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nasion.cli.images.make_predictor", lambda *_: Predictor(backend(), detector))
    run = CliRunner()
    done = run.invoke(app, ["video", "a.mp4"])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-points.mp4", "a.mp4"]
    assert run.invoke(app, ["video", "a.mp4", "--csv", "b.csv"]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-points.mp4", "a.mp4", "b.csv"]
    (tmp_path / "20240101123000").write_text("a diary")
    for bad in (["nowhere.mp4"], ["20240101123000"], ["a.mp4", "--smooth", "much"], ["a.mp4", "--out", "a.mp4"]):
        refused = run.invoke(app, ["video", *bad])
        assert refused.exit_code != 0
        assert isinstance(refused.exception, (SystemExit, NasionError)), refused.exception


@pytest.mark.parametrize(
    ("out", "table", "words"),
    [
        ("a.mp4", None, "the clip itself"),
        ("b.avi", None, r"written as \.mp4"),
        (None, "b.json", r"written as \.csv"),
        ("d.mp4", None, "is a folder"),
        ("e.mp4", None, "write-protected"),
        (None, "e.csv", "write-protected"),
    ],
)
def test_files_that_are_refused(clip, predictor, tmp_path, out, table, words):
    (tmp_path / "d.mp4").mkdir()
    for name in ("e.mp4", "e.csv"):
        (tmp_path / name).write_text("kept")
        (tmp_path / name).chmod(0o444)
    with pytest.raises(ConfigError, match=words):
        write_clip(clip, predictor, out and tmp_path / out, table and tmp_path / table)
    assert open_clip(tmp_path / "a.mp4").count == COUNT


def test_a_clip_without_a_face_is_written_too(clip, tmp_path):
    nobody = Predictor(OnnxBackend(resolve("default"), threads=1), lambda _image: [])
    story = write_clip(clip, nobody, tmp_path / "b.mp4", tmp_path / "b.csv")
    assert (story.frames, story.shown) == (COUNT, {})
    assert len((tmp_path / "b.csv").read_text().splitlines()) == 1


def test_boxes_are_only_needed_where_nothing_is_followed(clip, tmp_path):
    asked = []

    def detector(_image):
        asked.append(1)
        return [Detection(BOX, 0.9)]

    story = write_clip(clip, Predictor(OnnxBackend(resolve("default"), threads=1), detector), None, tmp_path / "b.csv")
    assert story.looks == len(asked) == 1
