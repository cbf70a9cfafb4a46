"""Smoothing reduces jitter with hardly any lag, whatever the face's size and wherever it moves."""

from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.errors import ConfigError
from nasion.geometry import Affine
from nasion.video.smooth import MIN_WEIGHT, STRENGTHS, OneEuro, Smoother, Strength, check_strength

RATE = 25.0
FACE = np.random.default_rng(3).uniform(-50, 50, (68, 2)) + [320, 240]
CERTAIN = np.full(68, 1.0)
SIZE = 40.0


def run(frames, strength="light", spread=CERTAIN, size=SIZE):
    smoother = Smoother(STRENGTHS[strength])
    return np.array([smoother(points, spread, 1 / RATE, size) for points in frames])


def noisy(frames, deviation=0.3):
    """Points that jitter independently, and all together."""
    random = np.random.default_rng(0)
    together = random.normal(0, deviation / 2, (len(frames), 1, 2))
    return frames + random.normal(0, deviation, frames.shape) + together


def jitter(frames):
    return float(np.sqrt(np.var(frames, axis=0).sum(-1)).mean())


def test_one_euro_matches_the_formulas_of_the_paper():
    seconds, cutoff, beta, unit = 0.1, 1.5, 7.0, 20.0
    rows = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 9.0]])
    smoothed = OneEuro(Strength(cutoff, beta))
    value, rate = rows[0], np.zeros(2)
    assert smoothed(rows[:1], seconds, unit)[0] == pytest.approx(value)
    for new in rows[1:]:
        rate = rate + ((new - value) / seconds - rate) / (1 + 1 / (2 * pi * 1.0 * seconds))
        tau = 1 / (2 * pi * (cutoff + beta * np.linalg.norm(rate) / unit))
        value = value + (new - value) / (1 + tau / seconds)
        assert smoothed(new[None], seconds, unit)[0] == pytest.approx(value)


def test_one_euro_filters_each_row_by_its_own_speed_and_weight():
    smoothed = OneEuro(Strength(1.0, 5.0))
    smoothed(np.zeros((3, 2)), 0.1)
    slow, fast, light = smoothed(np.array([[1.0, 0], [4.0, 0], [4.0, 0]]), 0.1, 1.0, np.array([1.0, 1.0, 0.1]))
    assert slow[0] < fast[0] / 4
    assert light[0] < fast[0]


def test_one_euro_restarts_without_a_time_step():
    smoothed = OneEuro(Strength(1.0, 0.0))
    smoothed(np.array([[0.0]]), 0.1)
    assert smoothed(np.array([[7.0]]), 0.0) == pytest.approx(np.array([[7.0]]))
    assert smoothed(np.array([[7.0]]), 0.1) == pytest.approx(np.array([[7.0]]))


@given(st.floats(0.1, 10), st.floats(0, 10), st.floats(0.001, 1), st.floats(-100, 100))
def test_one_euro_stays_between_the_old_and_the_new_value(cutoff, beta, seconds, new):
    smoothed = OneEuro(Strength(cutoff, beta))
    smoothed(np.array([[5.0]]), seconds)
    result = smoothed(np.array([[new]]), seconds).item()
    assert min(5, new) - 1e-9 <= result <= max(5, new) + 1e-9


@pytest.mark.parametrize(("strength", "share"), [("light", 0.5), ("strong", 0.4)])
def test_still_face_jitters_at_most_half_as_much(strength, share):
    frames = noisy(np.tile(FACE, (100, 1, 1)))
    assert jitter(run(frames, strength)[20:]) < share * jitter(frames[20:])
    assert run(frames, strength)[-1] == pytest.approx(FACE, abs=1.5)


def test_strong_smoothing_is_stronger_than_light():
    frames = noisy(np.tile(FACE, (100, 1, 1)))
    assert jitter(run(frames, "strong")[20:]) < 0.8 * jitter(run(frames, "light")[20:])


@pytest.mark.parametrize("strength", ["light", "strong"])
@pytest.mark.parametrize("speed", [20.0, 100.0, 400.0])
def test_moving_face_lags_by_at_most_two_frames(strength, speed):
    frames = np.stack([FACE + [speed * k / RATE, 0] for k in range(60)])
    lag = (frames - run(frames, strength))[30:, :, 0].mean() / (speed / RATE)
    assert 0 <= lag < 2


def test_rotating_and_approaching_face_keeps_its_shape():
    frames = np.stack(
        [
            (Affine.rotation(1.5 * k, [320, 240]) @ Affine.linear(1.01**k * np.eye(2), [320, 240]))(FACE)
            for k in range(60)
        ]
    )
    smoothed = run(frames, "light")
    assert np.linalg.norm(smoothed - frames, axis=-1)[30:].max() < 0.12 * np.ptp(frames[-1])


def test_size_and_position_of_the_face_do_not_matter():
    frames = noisy(np.stack([FACE + [3 * k, k] for k in range(40)]))
    twice = Affine(np.array([[2.0, 0, 70], [0, 2.0, -30]]))
    assert run(twice(frames), size=2 * SIZE) == pytest.approx(twice(run(frames)))


def test_first_frame_is_unchanged():
    assert run(FACE[None]) == pytest.approx(FACE[None])


def test_uncertain_keypoint_jumps_less_but_moves_with_the_face():
    jump = np.tile(FACE, (30, 1, 1))
    jump[20:, 5] += [40, 0]
    spreads = np.tile(CERTAIN, (30, 1))
    spreads[20:, 5] = 10.0
    certain = run(jump)
    smoother, moving = Smoother(STRENGTHS["light"]), Smoother(STRENGTHS["light"])
    uncertain = np.array([smoother(p, s, 1 / RATE, SIZE) for p, s in zip(jump, spreads, strict=True)])
    assert uncertain[21, 5, 0] - FACE[5, 0] < 0.6 * (certain[21, 5, 0] - FACE[5, 0])
    shifted = [moving(p + [8.0 * k, 0], s, 1 / RATE, SIZE) for k, (p, s) in enumerate(zip(jump, spreads, strict=True))]
    assert np.abs((shifted - uncertain)[-1] - [8.0 * 29, 0]).max() < 20


def test_weight_is_the_squared_ratio_of_the_usual_to_the_current_spread():
    smoother = Smoother(STRENGTHS["light"])
    assert smoother._weights(np.array([2.0, 3.0, np.nan])) == pytest.approx([1, 1, 1])
    weights = smoother._weights(np.array([4.0, 1.0, 100.0]))
    assert weights == pytest.approx([((0.95 * 2 + 0.05 * 4) / 4) ** 2, 1, MIN_WEIGHT])


def test_single_keypoint_is_smoothed():
    frames = noisy(np.tile(FACE[:1], (80, 1, 1)))
    assert jitter(run(frames, spread=CERTAIN[:1])[20:]) < 0.6 * jitter(frames[20:])


def test_keypoints_that_coincide_are_only_translated():
    frames = np.tile(FACE[:1], (6, 3, 1)) + np.arange(6.0)[:, None, None]
    smoothed = run(frames, spread=CERTAIN[:3])
    assert np.isfinite(smoothed).all()
    assert np.ptp(smoothed, axis=1) == pytest.approx(0)


def test_unknown_spread_trusts_all_keypoints():
    frames = noisy(np.tile(FACE, (20, 1, 1)))
    assert run(frames, spread=np.full(68, np.nan)) == pytest.approx(run(frames))


def test_strengths_have_names():
    assert check_strength("none") is None
    assert check_strength("light") is STRENGTHS["light"]
    with pytest.raises(ConfigError, match=r'no smoothing "ligth".*light'):
        check_strength("ligth")
