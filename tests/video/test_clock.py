"""Timestamps of video files become increasing times, across missing, repeated and restarted timestamps."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.video.clock import SMALLEST_STEP_S, TOLERANCE_S, FrameClock, SoundClock

STEP = 0.04
TICK = Fraction(1, 100)


def frame_times(stamps, start=0, step=STEP):
    clock = FrameClock(Fraction(start), step)
    return [clock.frame_time(stamp) for stamp in stamps]


def sound_times(stamps, start=0, duration=2, clock=None):
    """The shifted timestamps of packets in ticks of 1/100 s; None for dropped ones."""
    clock = clock or SoundClock(Fraction(start))
    offsets = [clock.offset(stamp, duration, TICK) for stamp in stamps]
    return [None if offset is None else stamp + offset for stamp, offset in zip(stamps, offsets, strict=True)]


def test_frame_times_count_from_the_start():
    assert frame_times([10.5, 10.6, 12.0], start=10) == pytest.approx([0.5, 0.6, 2.0])


def test_frames_without_timestamps_are_evenly_spaced():
    assert frame_times([None, None, None]) == pytest.approx([0, 0.04, 0.08])
    assert frame_times([1.0, None, 1.5, None]) == pytest.approx([1.0, 1.04, 1.5, 1.54])


def test_first_frame_before_the_start_gets_time_zero():
    assert frame_times([9.5, 10.04], start=10) == pytest.approx([0, 0.04])


def test_repeated_timestamps_advance_by_the_smallest_step():
    assert frame_times([1.0, 1.0, 1.0]) == pytest.approx([1, 1 + SMALLEST_STEP_S, 1 + 2 * SMALLEST_STEP_S])


def test_small_step_back_is_not_a_restart():
    back = 2.0 - 0.9 * TOLERANCE_S
    times = frame_times([2.0, back, 3.0])
    assert times == pytest.approx([2.0, 2.0 + SMALLEST_STEP_S, 3.0])


def test_restarted_timestamps_continue_one_step_after_the_last_frame():
    times = frame_times([0.0, 2.0, 0.0, 0.04, 0.5])
    assert times == pytest.approx([0, 2.0, 2.04, 2.08, 2.54])


def test_second_restart_adds_to_the_first():
    times = frame_times([0.0, 3.0, 0.0, 2.0, 0.0, 0.1])
    assert times == pytest.approx([0, 3.0, 3.04, 5.04, 5.08, 5.18])


@given(st.lists(st.none() | st.floats(-50, 50), min_size=2, max_size=20), st.floats(0.001, 1))
def test_frame_times_always_increase_from_zero_or_later(stamps, step):
    times = frame_times(stamps, step=step)
    assert times[0] >= 0
    assert np.diff(times).min() > 0


@pytest.mark.parametrize(("frames_s", "expected"), [(4.0, False), (5.03, False), (5.05, True), (9.0, True)])
def test_clip_ends_early_when_frames_stop_a_second_and_a_step_before_the_header_says(frames_s, expected):
    clock = FrameClock(Fraction(0), STEP)
    clock.frame_time(3.9, duration_s=0.1)
    clock.see_packet(99.0)  # other streams do not count where the length of the video is known
    assert clock.ended_early(frames_s, 99.0) is expected


@pytest.mark.parametrize(("packets_s", "expected"), [(7.0, False), (6.0, True), (0.0, True)])
def test_without_a_video_length_the_packets_of_all_streams_count(packets_s, expected):
    clock = FrameClock(Fraction(0), STEP)
    clock.frame_time(3.0)
    clock.see_packet(packets_s)
    clock.see_packet(1.0)  # an earlier packet changes nothing
    assert clock.ended_early(0.0, 8.0) is expected


def test_without_a_video_length_late_frames_count_too():
    clock = FrameClock(Fraction(0), STEP)
    clock.frame_time(7.0)
    assert not clock.ended_early(0.0, 8.0)


def test_clip_without_any_length_never_ends_early():
    assert not FrameClock(Fraction(0), STEP).ended_early(0.0, 0.0)


def test_sound_is_shifted_to_the_start():
    assert sound_times([1000, 1002, 1010], start=10) == [0, 2, 10]


def test_sound_may_begin_before_the_start():
    assert sound_times([-5, -3], start=0) == [-5, -3]


def test_sound_packets_that_repeat_or_step_back_are_dropped():
    assert sound_times([50, 50, 20, 51]) == [50, None, None, 51]


def test_restarted_sound_continues_after_the_last_packet():
    assert sound_times([0, 200, 0, 2, 9]) == [0, 200, 202, 204, 211]


def test_step_back_of_exactly_the_tolerance_is_not_a_restart():
    assert sound_times([100, 0, -1]) == [100, None, 102]


def test_restarted_sound_without_durations_continues_after_one_tick():
    assert sound_times([0, 200, 0, 5], duration=0) == [0, 200, 201, 206]


@given(st.lists(st.integers(-5000, 5000), min_size=2, max_size=20), st.integers(-30, 30))
def test_sound_times_always_increase(stamps, start):
    kept = [time for time in sound_times(stamps, start) if time is not None]
    assert kept[0] == stamps[0] - 100 * start
    assert all(a < b for a, b in pairwise(kept))
