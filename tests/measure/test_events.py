"""Blinks and yawns in composed clips: as many as were composed, when they happened, and nothing else."""

import numpy as np
import pytest

from measure.measured_faces import HEAD, face_of, projected
from nasion.errors import SkeletonError
from nasion.measure.events import BLINK, CLOSED, YAWN, EventDetector
from nasion.skeleton import load_skeleton

RATE = 25.0
LIDS = (37, 38, 40, 41), (43, 44, 46, 47)
INNER_LIP = 65, 66, 67


def frame(closed=0.0, yawn=0.0, noise=0.0, seed=0, turn=0.0):
    """A face whose eyes are closed by a share and whose lower lip hangs, cm."""
    head = HEAD.copy()
    for upper1, upper2, lower1, lower2 in LIDS:
        for upper, lower in ((upper1, lower2), (upper2, lower1)):
            head[upper] += closed * (head[lower] - head[upper])
    head[list(INNER_LIP), 1] -= yawn
    keypoints = projected(turn, 0, 3, head=head)
    return face_of(keypoints + np.random.default_rng(seed).normal(0, noise, keypoints.shape), max(noise, 0.5))


def events_of(signal, number=0, seconds=10, **options):
    """The events of a clip of one face; `signal(time)` returns the closing and the yawn."""
    detector, found = EventDetector(), []
    for index in range(int(seconds * RATE)):
        face = frame(*signal(index / RATE), seed=index, **options)
        found += detector.add(index / RATE, number, face)
    return found + detector.finish()


def bump(time_s, start, length):
    """0 to 1 and back within `length` seconds."""
    phase = (time_s - start) / length
    return float(np.sin(np.pi * phase)) if 0 < phase < 1 else 0.0


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_every_blink_is_found_with_its_time(noise):
    starts = (1.0, 3.1, 4.7, 8.2)
    found = events_of(lambda t: (sum(bump(t, start, 0.3) for start in starts), 0.0), noise=noise)
    assert [event.kind for event in found] == [BLINK] * 4
    for event, start in zip(found, starts, strict=True):
        assert start < event.start_s < start + 0.15 < event.end_s < start + 0.3
        assert event.extreme < 0.1
        assert event.error > 0


@pytest.mark.parametrize("usual", [0.2, 0.3])
def test_narrow_eyes_are_not_closed_and_their_blinks_are_found(usual):
    (event,) = events_of(lambda t: (usual + (1 - usual) * bump(t, 5.0, 0.3), 0.0))
    assert event.kind == BLINK
    assert 5 < event.start_s < 5.15 < event.end_s < 5.3


@pytest.mark.parametrize(("closing", "kinds"), [(0.2, []), (0.3, [BLINK])])
def test_eyes_are_closed_below_three_quarters_of_their_usual_opening(closing, kinds):
    assert [event.kind for event in events_of(lambda t: (closing * (5 < t < 5.2), 0.0))] == kinds


def test_each_face_has_its_own_usual_opening():
    detector, found = EventDetector(), []
    for index in range(100):
        found += detector.add(index / RATE, 0, frame()) + detector.add(index / RATE, 1, frame(closed=0.35))
    assert {event.face for event in found + detector.finish() if event.end_s > 2} == set()


def test_a_long_sleep_is_one_event():
    (event,) = events_of(lambda t: (float(5 < t < 35), 0.0), seconds=40, noise=0.3)
    assert (event.kind, event.start_s, event.end_s) == (CLOSED, pytest.approx(5, abs=0.1), pytest.approx(35, abs=0.1))


def test_eyes_that_stay_closed_are_not_a_blink():
    (event,) = events_of(lambda t: (float(2 < t < 4), 0.0), turn=20)
    assert (event.kind, event.start_s, event.end_s) == (CLOSED, pytest.approx(2, abs=0.05), pytest.approx(4, abs=0.05))


def test_yawns_are_long_and_wide():
    (event,) = events_of(lambda t: (0.0, 4 * bump(t, 2, 4) + 4 * bump(t, 7, 0.6) + 1.0 * bump(t, 8, 1.9)))
    assert event.kind == YAWN
    assert 2 < event.start_s < 3
    assert 5 < event.end_s < 6
    assert event.extreme > 0.8


def test_events_end_with_the_clip_and_with_the_face():
    (event,) = events_of(lambda t: (float(t > 9.7), 0.0))
    assert event.end_s == pytest.approx(10 - 1 / RATE)
    detector, found = EventDetector(), []
    for time_s in (0.0, 0.04, 5.0, 5.04):  # the face is gone for five seconds
        found += detector.add(time_s, 3, frame(closed=1.0))
    assert [(e.face, e.kind, e.start_s, e.end_s) for e in found + detector.finish()] == [
        (3, BLINK, 0.0, 0.04),
        (3, BLINK, 5.0, 5.04),
    ]


def test_faces_have_their_own_events_and_missing_points_pause_them():
    detector, found = EventDetector(), []
    for index in range(20):
        open_face, blinking = frame(), frame(closed=float(5 <= index < 9))
        if index == 7:
            blinking.keypoints[36] = np.nan
        found += detector.add(index / RATE, 0, open_face) + detector.add(index / RATE, 1, blinking)
    (event,) = found + detector.finish()
    assert (event.face, event.kind) == (1, BLINK)
    assert 4 / RATE < event.start_s < 5 / RATE < 8 / RATE < event.end_s < 9 / RATE


def test_skeletons_without_eyes_and_lips_are_rejected():
    with pytest.raises(SkeletonError, match="no ring of points"):
        EventDetector().add(0.0, 0, face_of(np.zeros((1, 2)), skeleton=load_skeleton("nose-1")))
    imm = face_of(np.random.default_rng(0).uniform(0, 100, (58, 2)), skeleton=load_skeleton("imm-58"))
    assert EventDetector().add(0.0, 0, imm) == []
