"""Drawing on enlarged parts."""

import numpy as np
import pytest

from nasion.draw import fine
from nasion.draw.fine import paint_finely

NOISE = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)


@pytest.mark.parametrize(("radius", "factor"), [(9.0, 1), (3.0, 1), (2.9, 2), (1.0, 3), (0.4, 8), (0.01, 16)])
def test_part_is_enlarged_until_points_are_smooth(radius, factor):
    calls = []
    canvas = NOISE.copy()
    paint_finely(canvas, np.array([20.0, 30.2, 49.1, 59.0]), radius, lambda *given: calls.append(given))
    ((part, move, given_factor),) = calls
    assert part.shape == (30 * factor, 31 * factor, 3)
    assert given_factor == factor
    assert np.array_equal(part[factor // 2 :: factor, factor // 2 :: factor], NOISE[30:60, 20:51])
    assert move([[20, 30], [21, 32]]).tolist() == pytest.approx(
        np.array([[0.0, 0], [1, 2]]) * factor + (factor - 1) / 2
    )
    assert np.array_equal(canvas, NOISE)


def test_paint_is_reduced_again():
    canvas = np.zeros((40, 60, 3), np.uint8)

    def paint(part, move, factor):
        ((x, y),) = np.rint(move([[10, 20]])).astype(int)
        part[y - 1 : y + 2, x - 1 : x + 2] = 250

    paint_finely(canvas, np.array([5.0, 15, 15, 25]), 3 / 5, paint)
    assert canvas[20, 10].tolist() == [90, 90, 90]  # 9 of 25 pixels
    assert canvas.any(-1).sum() == 1


def test_part_is_cut_off_at_the_edges():
    sizes = []
    for box in ([-5.0, -5, 3, 2], [130.0, 80, 150, 95], [-9.0, 3, 500, 5]):
        paint_finely(NOISE.copy(), np.array(box), 1.5, lambda part, *_: sizes.append(part.shape[:2]))
    assert sizes == [(6, 8), (20, 20), (6, 280)]


@pytest.mark.parametrize("box", [[-20.0, 0, -5, 10], [0.0, 95, 10, 99], [200.0, 0, 210, 10]])
def test_nothing_is_drawn_outside_of_the_image(box):
    paint_finely(NOISE.copy(), np.array(box), 1.0, lambda *_: pytest.fail("there is nothing to draw on"))


def test_large_part_is_enlarged_less(monkeypatch):
    monkeypatch.setattr(fine, "MAX_PIXELS", 30 * 30 * 10)
    sizes = []
    paint_finely(NOISE.copy(), np.array([0.0, 0, 29, 29]), 0.1, lambda part, *_: sizes.append(part.shape[:2]))
    assert sizes == [(90, 90)]
