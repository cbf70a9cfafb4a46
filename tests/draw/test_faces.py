"""Predicted faces are drawn in proportion to their size, with their numbers outside of them."""

import numpy as np
import pytest

from nasion import datasets, draw
from nasion.draw.faces import draw_predictions, face_size, region_colors
from nasion.sample import Prediction
from nasion.skeleton import from_table, load_skeleton

BLACK = np.zeros((120, 160, 3), np.uint8)
LINE = from_table("line", {"names": ["a", "b", "c"], "regions": {"all": "0-2"}})
IBUG = load_skeleton("ibug-68")
NAN = [np.nan, np.nan]
SHAPE = datasets.load("synthetic:1?skeleton=ibug-68").annotations[0].keypoints
"""68 points of a face."""


def points(*pairs):
    return np.array(pairs, float)


def prediction(keypoints, spread=0.0, anisotropy=(0.0, 0.0), box=(0.0, 0, 100, 100), skeleton=LINE):
    count = len(keypoints)
    return Prediction(
        keypoints, np.full(count, float(spread)), np.tile(anisotropy, (count, 1)), np.array(box, float), 0.9, skeleton
    )


def face_of(side, corner=(0.0, 0.0)):
    """A face whose 68 points fill a square of `side` px."""
    low, high = SHAPE.min(0), SHAPE.max(0)
    keypoints = np.array(corner) + side * (SHAPE - low) / (high - low)
    return prediction(keypoints, box=(*corner, *(np.array(corner) + side)), skeleton=IBUG)


def inked(image):
    return image.any(-1)


def is_color(image, color):
    return (image == color).all(-1)


def extent(mask):
    """Return the smallest box (4,) of the pixels in a mask, xyxy, px."""
    ys, xs = np.nonzero(mask)
    return np.array([xs.min(), ys.min(), xs.max(), ys.max()])


def written(image, face, name):
    """Return a mask of the pixels of a face's name."""
    return (draw.draw_face(image, face, name) != draw.draw_face(image, face)).any(-1)


@pytest.mark.parametrize("side", [20, 40, 160, 640])
def test_drawing_covers_the_same_share_of_a_face_of_any_size(side):
    gap = side // 4
    canvas = np.zeros((side + 2 * gap, side + 2 * gap, 3), np.uint8)
    share = (draw.draw_face(canvas, face_of(side, (gap, gap)))[..., 2] / 255).sum() / side**2
    large = np.zeros((1500, 1500, 3), np.uint8)
    expected = (draw.draw_face(large, face_of(1000, (250.0, 250.0)))[..., 2] / 255).sum() / 1000**2
    assert share == pytest.approx(expected, rel=0.12)
    assert share < 0.2


@pytest.mark.parametrize(("sides", "size"), [((30.0, 40.0), 50.0), ((300.0, 400.0), 500.0)])
def test_size_is_the_diagonal_of_the_keypoints(sides, size):
    keypoints = points([10.0, 10], [10 + sides[0], 10], [10, 10 + sides[1]])
    assert face_size(prediction(keypoints, box=(0, 0, *sides))) == size


def test_size_of_few_points_is_half_the_crop():
    assert face_size(prediction(points([10.0, 10], NAN, NAN), box=(0, 0, 300, 400))) == 250
    assert face_size(prediction(points([10.0, 10], [11, 10], NAN), box=(0, 0, 300, 400))) == 250


def test_radius_is_a_share_of_the_size():
    face = prediction(points([60.0, 40], [20, 20], [30, 80]), box=(0, 0, 1, 1))
    expected = draw.draw_points(BLACK, face.keypoints, draw.PREDICTED, LINE, np.hypot(40, 60) / 120)
    assert np.array_equal(draw.draw_face(BLACK, face), expected)


def test_image_is_not_changed():
    image = BLACK.copy()
    draw.draw_predictions(image, [prediction(points([60.0, 40], [20, 20], [30, 80]), 4)] * 2, with_spread=True)
    assert not image.any()


def test_pixels_beside_the_marks_stay_as_they_are():
    image = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    face = prediction(points([60.0, 40], [20, 20], [30, 80]), box=(0, 0, 1, 1))
    marked = draw.draw_face(image, face)
    changed = (marked != image).any(-1)
    assert 20 < changed.sum() < 400
    assert np.array_equal(marked[~changed], image[~changed])
    assert (extent(changed) >= [18, 18, 0, 0]).all()
    assert (extent(changed) <= [300, 300, 63, 83]).all()


@pytest.mark.parametrize("side", [40, 100, 400])
def test_name_is_below_the_face_and_scales_with_it(side):
    canvas = np.zeros((3 * side, 3 * side, 3), np.uint8)
    face = face_of(side, (side, side))
    x0, y0, x1, y1 = extent(written(canvas, face, "7"))
    assert y0 > 2 * side
    assert (x0 + x1) / 2 == pytest.approx(1.5 * side, abs=0.05 * side)
    height = max(0.1 * side * 2**0.5, 8.0)
    assert y1 - y0 == pytest.approx(height * 1.4, rel=0.25)  # with the outline
    assert y1 < 2.45 * side
    assert is_color(draw.draw_face(canvas, face, "7"), draw.PAPER)[2 * side :].any()


@pytest.mark.parametrize(("left", "is_left"), [(100.0, True), (3.0, False)])
def test_name_of_a_face_at_the_lower_edge_is_beside_the_chin(left, is_left):
    canvas = np.zeros((400, 300, 3), np.uint8)
    x0, y0, x1, y1 = extent(written(canvas, face_of(100, (left, 290.0)), "7"))
    assert 370 < y0 < y1 < 400
    assert (x1 < left + 10) if is_left else (x0 > left + 90)


@pytest.mark.parametrize("corner", [(-40.0, 10.0), (240.0, 10.0), (100.0, 250.0), (100.0, -60.0), (-60.0, 230.0)])
def test_name_stays_inside_the_image(corner):
    canvas = np.zeros((300, 300, 3), np.uint8)
    whole = extent(written(np.zeros((900, 900, 3), np.uint8), face_of(100, (400.0, 400.0)), "12"))
    found = extent(written(canvas, face_of(100, corner), "12"))
    assert found[2:] - found[:2] == pytest.approx(whole[2:] - whole[:2], abs=2)


def test_regions_have_their_own_colors():
    colors = region_colors(IBUG)
    for number, indices in enumerate(IBUG.regions.values()):
        assert {colors[index] for index in indices} == {draw.REGIONS[number % len(draw.REGIONS)]}
    face = face_of(400, (50.0, 50.0))
    canvas = np.zeros((500, 500, 3), np.uint8)
    drawn = draw.draw_face(canvas, face, with_regions=True)
    assert all(is_color(drawn, color).any() for color in draw.REGIONS)
    assert not is_color(drawn, draw.PREDICTED).any()
    assert not is_color(draw.draw_face(canvas, face), draw.REGIONS[0]).any()
    assert np.array_equal(draw.draw_predictions(canvas, [face], with_regions=True), drawn)


def test_ellipse_of_an_oblique_keypoint_is_complete():
    """The longest half axis is 45 degrees oblique at the edge of the keypoints' box."""
    face = prediction(points([80.0, 60], NAN, NAN), 8, (1.0, 1.0), box=(0, 0, 40, 40))
    alone = draw.draw_face(BLACK, face, with_spread=True)
    pair = prediction(points([80.0, 60], [81, 60], NAN), 8, (1.0, 1.0), box=(0, 0, 40, 40))
    covered = inked(draw.draw_face(BLACK, pair, with_spread=True))
    assert covered[inked(alone)].all()


def test_face_without_points_has_no_name():
    assert not draw.draw_face(BLACK, prediction(points(NAN, NAN, NAN)), "7").any()


def test_several_faces_are_numbered_from_zero_and_one_face_is_not():
    one, two = (prediction(points([x, 80.0], [x + 20, 90], [x, 100])) for x in (20.0, 90.0))
    assert np.array_equal(draw.draw_predictions(BLACK, [one]), draw.draw_face(BLACK, one))
    expected = draw.draw_face(draw.draw_face(BLACK, one, "0"), two, "1")
    assert np.array_equal(draw.draw_predictions(BLACK, [one, two]), expected)
    assert not draw.draw_predictions(BLACK, []).any()


def ellipse_mask(spread, anisotropy):
    face = prediction(points([80.0, 60], NAN, NAN), spread, anisotropy)
    image = draw.draw_predictions(BLACK, [face], with_spread=True)
    return image[..., 1] > draw.SPREAD[1] * 0.45 / 2  # half of the opacity, at the middle of the antialiased edge


def test_circle_of_uncertainty_has_a_radius_of_two_spreads():
    assert ellipse_mask(10, (0.0, 0.0)).sum() == pytest.approx(np.pi * 20**2, rel=0.03)


def test_ellipse_of_uncertainty_has_the_half_axes_and_the_angle_of_the_prediction():
    anisotropy = (0.4, 0.5)
    (long, short, angle_deg), *_ = prediction(points([80.0, 60], NAN, NAN), 10, anisotropy).ellipses
    mask = ellipse_mask(10, anisotropy)
    ys, xs = np.nonzero(mask)
    offsets = np.stack([xs - 80, ys - 60])
    values, vectors = np.linalg.eigh(np.cov(offsets))
    assert 2 * np.sqrt(values) == pytest.approx([2 * short, 2 * long], rel=0.05)
    axis = vectors[:, 1] * np.sign(vectors[0, 1])
    assert np.degrees(np.arctan2(axis[1], axis[0])) % 180 == pytest.approx(angle_deg, abs=2)


def test_ellipses_are_translucent_and_below_the_points():
    gray = np.full_like(BLACK, 100)
    drawn = draw.draw_face(gray, prediction(points([80.0, 60], NAN, NAN), 10), with_spread=True)
    assert drawn[60, 95] == pytest.approx(np.array(draw.SPREAD) * 0.45 + 100 * 0.55, abs=1)
    assert drawn[60, 80].astype(int) == pytest.approx(draw.PREDICTED, abs=20)
    assert drawn[10, 10].tolist() == [100, 100, 100]


def test_ellipse_of_any_size_is_drawn():
    assert ellipse_mask(1e9, (3.0, 0.0)).all()


@pytest.mark.parametrize("spread", [np.nan, np.inf])
def test_unknown_uncertainty_draws_no_ellipse(spread):
    face = prediction(points([80.0, 60], [20, 20], NAN), spread)
    assert np.array_equal(draw.draw_face(BLACK, face, with_spread=True), draw.draw_face(BLACK, face))


def test_ellipses_have_the_wanted_size():
    """Half axes of one and of three spreads of 5 px, around a single point."""
    image = np.full((80, 80, 3), 40, np.uint8)
    face = prediction([[40.0, 40.0]], spread=5.0, box=(30.0, 30, 50, 50), skeleton=load_skeleton("nose-1"))
    for multiple in (1.0, 3.0):
        drawn = draw_predictions(image, [face], with_spread=True, multiple=multiple)
        changed = np.flatnonzero((drawn != 40).any(-1)[40])
        assert (changed[-1] - changed[0]) / 2 == pytest.approx(5 * multiple, abs=1.5)
