"""video: a clip, its table, damage, and options that do not fit."""

from dataclasses import dataclass, field

import pytest

from nasion.cli import video as module
from nasion.measure import Event
from nasion.video.process import ClipSummary


@dataclass
class Clip:
    path: str = "clip.mp4"
    ended_early: str = ""
    damaged: int = 0


@dataclass
class Calls:
    arguments: list = field(default_factory=list)
    regions: list = field(default_factory=list)
    events: list = field(default_factory=list)
    measured: list = field(default_factory=list)


@pytest.fixture
def calls(monkeypatch):
    """Replaces reading and tracking; the summary is that of 30 frames with a face."""
    seen, clip = Calls(), Clip()
    summary = ClipSummary(frames=30, frames_by_face={0: 30, 2: 11}, detector_runs=3, seconds=2.0)

    def process(source, predictor, out, csv, smooth, reporter, draw_regions, events, measure):
        seen.events.append(events and str(events))
        seen.arguments.append((out and str(out), csv and str(csv), smooth))
        seen.regions.append(draw_regions)
        seen.measured.append(measure)
        return summary

    monkeypatch.setattr("nasion.video.reader.open_clip", lambda _path: clip)
    monkeypatch.setattr("nasion.video.process.process_clip", process)
    monkeypatch.setattr(module, "make_predictor", lambda *_, **__: None)
    seen.clip, seen.summary = clip, summary
    return seen


def test_clip_is_written_beside_its_name_by_default(nasion, calls):
    code, out, error = nasion("video", "folder/clip.mp4")
    assert (code, error) == (0, "")
    assert calls.arguments == [("clip-points.mp4", None, "light")]
    assert "30 frames, 15 frames/s; face 0 in 30, face 2 in 11; detector ran 3 times\n  clip-points.mp4" in out


def test_table_alone_writes_no_clip(nasion, calls):
    assert nasion("video", "clip.mp4", "--csv", "points.csv", "--smooth", "none")[0] == 0
    assert calls.arguments == [(None, "points.csv", "none")]
    assert nasion("video", "clip.mp4", "--csv", "points.csv", "--measure")[0] == 0
    assert calls.measured == [False, True]


def test_both_are_written_on_request(nasion, calls):
    _, out, _ = nasion("video", "clip.mp4", "--csv", "points.csv", "--out", "drawn.mp4")
    assert calls.arguments == [("drawn.mp4", "points.csv", "light")]
    assert out.splitlines()[1:] == ["  drawn.mp4", "  points.csv"]


def test_regions_are_colored_on_request(nasion, calls, monkeypatch):
    nasion("video", "clip.mp4")
    nasion("video", "clip.mp4", "--regions")
    assert calls.regions == [False, True]
    monkeypatch.setattr(
        "nasion.video.camera.show_camera", lambda *given: calls.regions.append(given[-1]) or calls.summary
    )
    nasion("video", "0", "--regions")
    assert calls.regions[-1] is True


def test_damage_is_reported_on_standard_error(nasion, calls):
    calls.clip.ended_early, calls.clip.damaged, calls.summary.lost_sound = "cut off", 2, "no sound"
    _, out, error = nasion("video", "clip.mp4")
    assert [line.removeprefix("nasion: clip.mp4: ") for line in error.splitlines()] == [
        "it ends after 30 frames (cut off); the frames before are written",
        "skipped 2 damaged parts",
        "no sound",
    ]
    assert "damaged" not in out


def test_a_single_frame_is_counted_in_the_singular(nasion, calls):
    calls.summary.frames, calls.summary.detector_runs = 1, 1
    _, out, _ = nasion("video", "clip.mp4")
    assert out.startswith("1 frame, ")
    assert "detector ran 1 time\n" in out


def test_many_faces_are_summarized(nasion, calls):
    calls.summary.frames_by_face = dict.fromkeys(range(10), 5)
    _, out, _ = nasion("video", "clip.mp4")
    assert "face 7 in 5 and 2 more; detector" in out
    calls.summary.frames_by_face = {}
    assert "no face found; detector" in nasion("video", "clip.mp4")[1]


def test_events_alone_write_no_clip_and_are_counted(nasion, calls):
    calls.summary.events = [Event(0, kind, 1.0, 1.2, 0.1, 0.02) for kind in ("blink", "yawn", "blink")]
    code, out, _ = nasion("video", "clip.mp4", "--events", "e.csv")
    assert code == 0
    assert "; blink: 2; yawn: 1\n  e.csv" in out
    assert (calls.arguments, calls.events) == ([(None, None, "light")], ["e.csv"])


def test_camera_writes_no_files(nasion, calls):
    code, _, error = nasion("video", "0", "--csv", "points.csv")
    assert code == 2
    assert "record a video first" in error


def test_camera_is_shown(nasion, calls, monkeypatch):
    shown = []
    monkeypatch.setattr("nasion.video.camera.show_camera", lambda number, *_: shown.append(number) or calls.summary)
    assert nasion("video", "12")[0] == 0
    assert shown == [12]
    assert calls.arguments == []
    assert nasion("video", "123")[0] == 0  # a file name
    assert len(calls.arguments) == 1


@pytest.mark.parametrize("words", [("nowhere.mp4",), ("nowhere.mp4", "--smooth", "much")])
def test_mistakes_are_one_line(nasion, words):
    code, _, error = nasion("video", *words)
    assert code == 2
    assert error.count("\n") == 1
