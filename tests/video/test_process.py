"""A clip becomes a clip with keypoints and a table; both are complete or absent, and bad outputs are rejected early."""

import csv
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from skimage import data
from typer.testing import CliRunner

from nasion import draw, images
from nasion.cli import app
from nasion.detect import Detection
from nasion.errors import ConfigError, ImageError, NasionError, OutputError
from nasion.geometry import Affine
from nasion.outputs.columns import MEASUREMENT_COLUMNS
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton
from nasion.video import Frame, TrackedFace
from nasion.video.process import ClipSummary, draw_faces, process_clip, track_frames
from nasion.video.reader import open_clip
from nasion.video.writer import ClipWriter
from video.video_files import copy_clip, difference, sound_bytes, write_with_sound

COUNT = 12
BOX = np.array([176.0, 95, 275, 180])


def detect(_image):
    return [Detection(BOX, 0.9)]


def detect_nothing(_image):
    return []


@pytest.fixture(scope="module")
def backend():
    return OnnxBackend(resolve("default"), threads=1)


@pytest.fixture(scope="module")
def predictor(backend):
    return Predictor(backend, detect)


@pytest.fixture
def clip(tmp_path):
    """A clip of a face that moves right by 1 px per frame."""
    with ClipWriter(tmp_path / "a.mp4", (512, 512), Fraction(25)) as writer:
        for k in range(COUNT):
            writer.add_frame(k / 25, images.warp(data.astronaut(), Affine.translation(k, 0), (512, 512)))
    return open_clip(tmp_path / "a.mp4")


class Recorder:
    """A reporter that records its tasks, and raises an error after some frames."""

    def __init__(self, stop_after=None, error=None):
        self.tasks, self.updates, self.stop_after, self.error = [], [], stop_after, error

    @contextmanager
    def task(self, title, total, unit=""):
        self.tasks.append((title, total, unit))
        yield self

    def update(self, completed, total=None, text=""):
        self.updates.append((completed, total, text))
        if completed == self.stop_after:
            raise self.error


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def blueness(window):
    """The largest difference of blue and red in (H, W, 3) pixels: positive on a marker, negative on skin."""
    red, _, blue = np.moveaxis(window.astype(int), -1, 0)
    return (blue - red).max()


def frames_in(path):
    return [image for _, image in open_clip(path).frames()]


def test_table_has_the_keypoints_of_every_frame(clip, predictor, tmp_path):
    still = predictor(data.astronaut())[0].keypoints
    summary = process_clip(clip, predictor, None, tmp_path / "b.csv", "none")
    assert (summary.frames, summary.frames_by_face, summary.detector_runs) == (COUNT, {0: COUNT}, 1)
    assert names(tmp_path) == ["a.mp4", "b.csv"]
    lines = (tmp_path / "b.csv").read_text().splitlines()
    assert lines[0].startswith("frame,time_s,face,score,box_x0,box_y0,box_x1,box_y1,jaw_0_x,jaw_0_y,")
    rows = list(csv.DictReader(lines))
    assert [(row["frame"], row["face"], row["score"]) for row in rows] == [
        (str(k), "0", "0.9000") for k in range(COUNT)
    ]
    assert [float(row["time_s"]) for row in rows] == pytest.approx([k / 25 for k in range(COUNT)], abs=1e-3)
    for k, row in enumerate(rows):
        predicted = np.array([[float(row[f"{name}_{axis}"]) for axis in "xy"] for name in predictor.skeleton.names])
        assert np.linalg.norm(predicted - still - [k, 0], axis=1).mean() < 3


def test_table_has_the_measurements_on_request(clip, predictor, tmp_path):
    process_clip(clip, predictor, None, tmp_path / "b.csv", "none", measure=True)
    rows = list(csv.DictReader((tmp_path / "b.csv").read_text().splitlines()))
    columns = list(rows[0])
    assert columns[-len(MEASUREMENT_COLUMNS) - 1 :] == ["inner_lip_7_y", *MEASUREMENT_COLUMNS]
    face = predictor(data.astronaut())[0]
    assert len(rows) == COUNT
    for row in rows:
        assert float(row["yaw"]) == pytest.approx(face.pose.yaw.value, abs=3)
        assert float(row["yaw_error"]) == pytest.approx(face.pose.yaw.error, rel=0.3)
        assert row["mouth_open"] in ("0.0000", "1.0000")
    with pytest.raises(ConfigError, match="with --csv"):
        process_clip(clip, predictor, None, None, measure=True)


def test_keypoints_are_drawn_on_every_frame(clip, predictor, tmp_path):
    still = predictor(data.astronaut())[0].keypoints
    process_clip(clip, predictor, tmp_path / "out" / "b.mp4", None, "none")
    assert names(tmp_path / "out") == ["b.mp4"]
    plain, drawn = frames_in(clip.path), frames_in(tmp_path / "out" / "b.mp4")
    assert len(drawn) == COUNT
    for k in (0, COUNT - 1):
        x, y = np.rint(still[30] + [k, 0]).astype(int)
        window = np.s_[y - 3 : y + 4, x - 3 : x + 4]  # predictions and the video's coding differ between processors
        assert blueness(plain[k][window]) < 0
        assert blueness(drawn[k][window]) > 30


def test_smoothing_changes_the_keypoints_after_the_first_frame(clip, predictor, tmp_path):
    for smooth in ("none", "strong"):
        process_clip(clip, predictor, None, tmp_path / f"{smooth}.csv", smooth)
    plain, smoothed = ((tmp_path / f"{name}.csv").read_text().splitlines() for name in ("none", "strong"))
    assert plain[:2] == smoothed[:2]
    assert plain[2] != smoothed[2]


def test_progress_is_reported_after_each_frame(clip, predictor):
    recorder = Recorder()
    summary = process_clip(clip, predictor, None, None, "light", recorder)
    assert recorder.tasks == [("tracking", COUNT, "")]
    assert [completed for completed, *_ in recorder.updates] == list(range(1, COUNT + 1))
    assert recorder.updates[-1][2] == f"{summary.rate:.0f} frames/s"
    assert summary.seconds > 0


def test_each_frame_is_shown_to_a_watcher_whose_errors_leave_no_file(clip, predictor, tmp_path):
    seen = []
    process_clip(clip, predictor, None, None, watch=lambda frame, summary: seen.append((frame.index, summary.frames)))
    assert seen == [(k, k + 1) for k in range(COUNT)]

    def stop(frame, _summary):
        if frame.index == 3:
            raise LookupError

    with pytest.raises(LookupError):
        process_clip(clip, predictor, tmp_path / "b.mp4", tmp_path / "b.csv", watch=stop)
    assert names(tmp_path) == ["a.mp4"]


def test_ctrl_c_keeps_what_was_written(clip, predictor, tmp_path):
    recorder = Recorder(stop_after=5, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        process_clip(clip, predictor, tmp_path / "b.mp4", tmp_path / "b.csv", "light", recorder)
    assert len((tmp_path / "b.csv").read_text().splitlines()) == 1 + 5
    assert len(frames_in(tmp_path / "b.mp4")) == 5
    assert names(tmp_path) == ["a.mp4", "b.csv", "b.mp4"]


def test_ctrl_c_before_the_first_frame_keeps_the_older_table(clip, backend, tmp_path):
    def interrupted(_image):
        raise KeyboardInterrupt

    (tmp_path / "b.csv").write_text("an older file")
    with pytest.raises(KeyboardInterrupt):
        process_clip(clip, Predictor(backend, interrupted), None, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == "an older file"


def test_error_keeps_the_older_files(clip, predictor, tmp_path):
    for name in ("b.mp4", "b.csv"):
        (tmp_path / name).write_text("an older file")
    recorder = Recorder(stop_after=5, error=OutputError("no space left"))
    with pytest.raises(OutputError, match="no space left"):
        process_clip(clip, predictor, tmp_path / "b.mp4", tmp_path / "b.csv", "light", recorder)
    for name in ("b.mp4", "b.csv"):
        assert (tmp_path / name).read_text() == "an older file"
    assert names(tmp_path) == ["a.mp4", "b.csv", "b.mp4"]


def test_clip_without_a_face_is_written_unchanged(clip, backend, tmp_path):
    summary = process_clip(clip, Predictor(backend, detect_nothing), tmp_path / "b.mp4", tmp_path / "b.csv")
    assert (summary.frames, summary.frames_by_face, summary.detector_runs) == (COUNT, {}, COUNT)
    assert len((tmp_path / "b.csv").read_text().splitlines()) == 1
    for before, after in zip(frames_in(tmp_path / "a.mp4"), frames_in(tmp_path / "b.mp4"), strict=True):
        assert difference(before, after) < 4


def test_sound_is_kept_and_its_loss_reported(backend, tmp_path):
    write_with_sound(tmp_path / "a.mkv", 0.5, tracks=2)
    nobody = Predictor(backend, detect_nothing)
    summary = process_clip(open_clip(tmp_path / "a.mkv"), nobody, tmp_path / "b.mp4", None)
    assert summary.lost_sound == "only the first of 2 sound tracks was kept"
    copy_clip(open_clip(tmp_path / "a.mkv"), tmp_path / "c.mp4")
    assert sound_bytes(tmp_path / "b.mp4") == sound_bytes(tmp_path / "c.mp4") != b""
    assert process_clip(open_clip(tmp_path / "a.mkv"), nobody, None, tmp_path / "b.csv").lost_sound == ""


def test_clip_without_a_readable_frame_is_rejected_and_nothing_is_written(clip, predictor, tmp_path, monkeypatch):
    monkeypatch.setattr(type(clip), "frames", lambda _clip, _sound: iter(()))
    with pytest.raises(ImageError, match=r"a\.mp4: it has no frame"):
        process_clip(clip, predictor, tmp_path / "b.mp4", tmp_path / "b.csv")
    assert names(tmp_path) == ["a.mp4"]


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
def test_outputs_are_rejected_before_the_work_starts(clip, predictor, tmp_path, out, table, words):
    (tmp_path / "d.mp4").mkdir()
    for name in ("e.mp4", "e.csv"):
        (tmp_path / name).write_text("kept")
        (tmp_path / name).chmod(0o444)
    recorder = Recorder()
    with pytest.raises(ConfigError, match=words):
        process_clip(clip, predictor, out and tmp_path / out, table and tmp_path / table, reporter=recorder)
    assert recorder.tasks == []
    assert open_clip(tmp_path / "a.mp4").count == COUNT


def test_suffixes_may_be_upper_case(clip, backend, tmp_path):
    nobody = Predictor(backend, detect_nothing)
    process_clip(clip, nobody, tmp_path / "B.MP4", tmp_path / "B.CSV")
    assert names(tmp_path) == ["B.CSV", "B.MP4", "a.mp4"]


def test_unknown_smoothing_is_rejected(clip, predictor, tmp_path):
    with pytest.raises(ConfigError, match="no smoothing"):
        process_clip(clip, predictor, None, tmp_path / "b.csv", "much")
    assert names(tmp_path) == ["a.mp4"]


def test_rate_is_frames_per_second_of_work():
    assert ClipSummary(frames=30, seconds=1.5).rate == 20
    assert ClipSummary().rate == 0


def face(number, shift=0.0):
    """A tracked face whose keypoints are not smoothed."""
    points = np.random.default_rng(0).uniform(60, 120, (68, 2)) + [shift, 0]
    box = np.array([40.0, 40, 140, 140])
    found = Prediction(points, np.ones(68), np.zeros((68, 2)), box, 0.9, load_skeleton("ibug-68"))
    return TrackedFace(number, found, found)


def test_summary_counts_the_frames_of_each_face():
    class Tracker:
        detector_runs = 0

        def __call__(self, image, _time_s):
            self.detector_runs += 2
            return tuple(face(number) for number in image)

    summary = ClipSummary()
    frames = list(track_frames([(0.5, (0, 3)), (0.7, ()), (1.0, (3,))], Tracker(), summary))
    assert [(frame.index, frame.time_s, len(frame.faces)) for frame in frames] == [
        (0, 0.5, 2),
        (1, 0.7, 0),
        (2, 1.0, 1),
    ]
    assert (summary.frames, summary.frames_by_face, summary.detector_runs) == (3, {0: 1, 3: 2}, 6)


BLACK = np.zeros((160, 240, 3), np.uint8)


@pytest.mark.parametrize(("numbers", "labels"), [([0], [""]), ([2], ["2"]), ([0, 1], ["0", "1"])])
def test_number_is_shown_unless_face_0_is_alone(numbers, labels):
    faces = tuple(face(number, 80.0 * k) for k, number in enumerate(numbers))
    expected = BLACK
    for each, label in zip(faces, labels, strict=True):
        expected = draw.draw_face(expected, each.prediction, label)
    assert np.array_equal(draw_faces(Frame(0, 0.0, BLACK, faces)), expected)
    assert not BLACK.any()


def test_command_writes_the_clip_and_the_table(clip, backend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nasion.cli.video.make_predictor", lambda *_, **__: Predictor(backend, detect))
    run = CliRunner()
    done = run.invoke(app, ["video", "a.mp4"])
    assert done.exit_code == 0, done.output
    assert names(tmp_path) == ["a-points.mp4", "a.mp4"]
    assert run.invoke(app, ["video", "a.mp4", "--csv", "b.csv"]).exit_code == 0
    assert names(tmp_path) == ["a-points.mp4", "a.mp4", "b.csv"]


@pytest.mark.parametrize("words", [["no.mp4"], ["2024"], ["a.mp4", "--smooth", "much"], ["a.mp4", "--out", "a.mp4"]])
def test_command_rejects_bad_arguments_without_a_traceback(clip, backend, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nasion.cli.video.make_predictor", lambda *_, **__: Predictor(backend, detect))
    (tmp_path / "2024").write_text("a diary")  # more digits than a camera's number has
    rejected = CliRunner().invoke(app, ["video", *words])
    assert rejected.exit_code != 0
    assert isinstance(rejected.exception, (SystemExit, NasionError)), rejected.exception


@pytest.mark.parametrize("smooth", ["none", "strong"])
def test_events_are_written_with_their_times(clip, predictor, tmp_path, monkeypatch, smooth):
    still = predictor(data.astronaut())[0]
    closed = still.keypoints.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        closed[upper] = closed[lower]
    frames = iter(range(COUNT))

    def blinking(_self, images, _boxes, passes=None):
        return [replace(still, keypoints=closed if 4 <= next(frames) < 8 else still.keypoints) for _ in images]

    monkeypatch.setattr(Predictor, "predict_boxes", blinking)
    summary = process_clip(clip, predictor, None, None, smooth, events=tmp_path / "e.csv")
    (row,) = csv.DictReader((tmp_path / "e.csv").read_text().splitlines())
    assert (row["face"], row["event"]) == ("0", "blink")
    assert 3 / 25 < float(row["start_s"]) < 4 / 25
    assert 7 / 25 < float(row["end_s"]) < 8 / 25
    assert float(row["opening"]) < 0.05
    assert float(row["standard_error"]) > 0
    assert [event.kind for event in summary.events] == ["blink"]


def test_events_of_a_clip_without_faces_are_an_empty_table(clip, backend, tmp_path):
    process_clip(clip, Predictor(backend, detect_nothing), None, None, events=tmp_path / "e.csv")
    assert (tmp_path / "e.csv").read_text() == "face,event,start_s,end_s,opening,standard_error\n"


def test_events_and_keypoints_need_two_files(clip, predictor, tmp_path):
    with pytest.raises(ConfigError, match="choose two names"):
        process_clip(clip, predictor, None, tmp_path / "b.csv", events=tmp_path / "b.csv")
    with pytest.raises(ConfigError, match=r"written as \.csv"):
        process_clip(clip, predictor, None, None, events=tmp_path / "b.txt")
