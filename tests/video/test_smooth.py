"""Smoothing: less trembling, hardly any lag, whatever the size of the face and wherever it goes."""

import numpy as np
import pytest

from nasion.errors import ConfigError
from nasion.geometry import Affine
from nasion.video.smooth import STRENGTHS, Smoother, check_strength

RATE = 25.0
FACE = np.random.default_rng(3).uniform(-50, 50, (68, 2)) + [320, 240]
SURE = np.full(68, 1.0)
SIZE = 40.0


def run(frames, strength="light", spread=SURE, size=SIZE):
    smoother = Smoother(STRENGTHS[strength])
    return np.array([smoother(points, spread, 1 / RATE, size) for points in frames])


def noisy(frames, deviation=0.3):
    """Points that tremble alone, and all together."""
    random = np.random.default_rng(0)
    together = random.normal(0, deviation / 2, (len(frames), 1, 2))
    return frames + random.normal(0, deviation, frames.shape) + together


def jitter(frames):
    return float(np.sqrt(np.var(frames, axis=0).sum(-1)).mean())


@pytest.mark.parametrize(("strength", "share"), [("light", 0.5), ("strong", 0.4)])
def test_a_still_face_trembles_at_most_half_as_much(strength, share):
    frames = noisy(np.tile(FACE, (100, 1, 1)))
    assert jitter(run(frames, strength)[20:]) < share * jitter(frames[20:])
    assert run(frames, strength)[-1] == pytest.approx(FACE, abs=1.5)


@pytest.mark.parametrize("strength", ["light", "strong"])
@pytest.mark.parametrize("speed", [20.0, 100.0, 400.0])
def test_a_moving_face_is_at_most_two_frames_behind(strength, speed):
    frames = np.stack([FACE + [speed * k / RATE, 0] for k in range(60)])
    behind = (frames - run(frames, strength))[30:, :, 0].mean() / (speed / RATE)
    assert 0 <= behind < 2


def test_a_turning_and_nearing_face_keeps_its_shape():
    frames = np.stack(
        [
            (Affine.rotation(1.5 * k, [320, 240]) @ Affine.linear(1.01**k * np.eye(2), [320, 240]))(FACE)
            for k in range(60)
        ]
    )
    smoothed = run(frames, "light")
    assert np.linalg.norm(smoothed - frames, axis=-1)[30:].max() < 0.12 * np.ptp(frames[-1])


def test_size_and_place_do_not_matter():
    frames = noisy(np.stack([FACE + [3 * k, k] for k in range(40)]))
    twice = Affine(np.array([[2.0, 0, 70], [0, 2.0, -30]]))
    assert run(twice(frames), size=2 * SIZE) == pytest.approx(twice(run(frames)))


def test_an_unsure_point_moves_less_but_goes_with_the_face():
    leap = np.tile(FACE, (30, 1, 1))
    leap[20:, 5] += [40, 0]
    doubted = np.tile(SURE, (30, 1))
    doubted[20:, 5] = 10.0
    smoother, plain = Smoother(STRENGTHS["light"]), run(leap)
    careful = np.array([smoother(points, spread, 1 / RATE, SIZE) for points, spread in zip(leap, doubted, strict=True)])
    assert careful[21, 5, 0] - FACE[5, 0] < 0.6 * (plain[21, 5, 0] - FACE[5, 0])
    moved = Smoother(STRENGTHS["light"])
    far = np.array(
        [moved(p + [8.0 * k, 0], s, 1 / RATE, SIZE) for k, (p, s) in enumerate(zip(leap, doubted, strict=True))]
    )
    assert np.abs((far - careful)[-1] - [8.0 * 29, 0]).max() < 20


def test_a_single_point():
    frames = noisy(np.tile(FACE[:1], (80, 1, 1)))
    assert jitter(run(frames, spread=SURE[:1])[20:]) < 0.6 * jitter(frames[20:])


def test_without_a_spread_all_points_count():
    frames = noisy(np.tile(FACE, (20, 1, 1)))
    assert run(frames, spread=np.full(68, np.nan)) == pytest.approx(run(frames))


def test_names():
    assert check_strength("none") is None
    with pytest.raises(ConfigError, match='no smoothing "ligth"'):
        check_strength("ligth")
