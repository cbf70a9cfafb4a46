"""Constants worked out by hand, then properties."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion import images
from nasion.geometry import (
    Affine,
    box_around,
    box_to_aspect,
    denormalize,
    image_box,
    normalize,
    scale_box,
    similarity_between,
)

numbers = st.floats(-200, 200)
points = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5).map(np.array)
sizes = st.tuples(st.integers(2, 300), st.integers(2, 300))


@st.composite
def affines(draw):
    turned = Affine.rotation(draw(st.floats(-180, 180)), [draw(numbers), draw(numbers)])
    scaled = Affine.linear(np.diag([draw(st.floats(0.2, 5)), draw(st.floats(0.2, 5))]), [0, 0])
    return Affine.translation(draw(numbers), draw(numbers)) @ turned @ scaled


def test_resize_maps_centers_by_the_convention():
    # 256 → 64: s = 1/4, x' = (100 + 0.5) / 4 - 0.5 = 24.625
    assert Affine.resize((256, 256), (64, 64))([100.0, 100.0]) == pytest.approx([24.625, 24.625])


def test_mirror_maps_the_first_pixel_to_the_last():
    assert Affine.mirror(64)([[0.0, 3.0], [63.0, 3.0]]).tolist() == [[63.0, 3.0], [0.0, 3.0]]


def test_rotation_turns_x_towards_y():
    assert Affine.rotation(90, [10, 20])([[12.0, 20.0]]) == pytest.approx(np.array([[10.0, 22.0]]))


def test_crop_puts_the_box_edge_to_edge():
    crop = Affine.crop([10, 20, 42, 44], (48, 64))
    assert crop([[10.0, 20.0], [42.0, 44.0]]) == pytest.approx(np.array([[-0.5, -0.5], [63.5, 47.5]]))


@given(affines(), points)
def test_inverse_gives_points_back(affine, p):
    assert np.allclose(affine.inverse()(affine(p)), p, atol=1e-6)


@given(affines(), affines(), points)
def test_composition_is_first_right_then_left(a, b, p):
    assert np.allclose((a @ b)(p), a(b(p)), atol=1e-6)


@given(sizes, sizes, points)
def test_mirror_and_resize_commute(source, target, p):
    resize = Affine.resize(source, target)
    one = Affine.mirror(target[1]) @ resize
    other = resize @ Affine.mirror(source[1])
    assert np.allclose(one(p), other(p), atol=1e-6)


@given(st.integers(1, 300), points)
def test_mirror_twice_is_nothing(width, p):
    assert np.array_equal(Affine.mirror(width)(Affine.mirror(width)(p)), p) or np.allclose(
        Affine.mirror(width)(Affine.mirror(width)(p)), p, atol=1e-9
    )


@given(sizes, points)
def test_normalize_is_undone(size, p):
    assert np.allclose(denormalize(normalize(p, size), size), p, atol=1e-9)


def test_normalize_agrees_with_grid_sample_convention():
    assert normalize(image_box((48, 64)).reshape(2, 2), (48, 64)).tolist() == [[-1, -1], [1, 1]]


@given(affines())
def test_missing_points_stay_missing(affine):
    assert np.isnan(affine([[np.nan, np.nan]])).all()


def test_warp_agrees_with_area_resize_of_opencv():
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (64, 96, 3)).astype(np.uint8)
    ours = images.warp(image, Affine.resize((64, 96), (32, 48)), (32, 48))
    theirs = cv2.resize(image, (48, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("target", [(24, 32), (48, 64), (96, 128), (13, 17)])
def test_a_blob_follows_its_point_through_crops(target):
    y, x = np.mgrid[:96, :128]
    true = np.array([70.3, 41.8])
    blob = 255 * np.exp(-((x - true[0]) ** 2 + (y - true[1]) ** 2) / (2 * 6.0**2))
    affine = (
        Affine.rotation(20, [64, 48]) @ Affine.crop([30, 10, 110, 70], target)
        if target[0] > 48
        else Affine.crop([30, 10, 110, 70], target)
    )
    seen = images.warp(np.rint(blob).astype(np.uint8), affine, target, border=cv2.BORDER_CONSTANT).astype(float)
    rows, columns = np.mgrid[: target[0], : target[1]]
    centroid = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
    assert np.linalg.norm(centroid - affine(true)) < 0.1


def test_similarity_recovers_a_known_map():
    random = np.random.default_rng(1)
    source = random.normal(size=(5, 2))
    known = Affine.translation(3, -4) @ Affine.rotation(25, [0, 0]) @ Affine.linear(np.eye(2) * 1.7, [0, 0])
    found = similarity_between(source, known(source))
    assert found.matrix == pytest.approx(known.matrix)


def test_similarity_never_mirrors():
    source = np.array([[0.0, 0], [4, 0], [4, 1], [1, 3]])
    found = similarity_between(source, source * [-1, 1])
    assert np.linalg.det(found.matrix[:, :2]) > 0


def test_similarity_leaves_missing_points_out():
    source = np.array([[0.0, 0], [4, 0], [np.nan, np.nan], [1, 3]])
    assert similarity_between(source, source + 2).matrix == pytest.approx(Affine.translation(2, 2).matrix)


def test_similarity_of_one_point_is_refused():
    with pytest.raises(ValueError, match="two different points"):
        similarity_between([[1.0, 2.0]], [[3.0, 4.0]])


@given(st.tuples(numbers, numbers), st.tuples(st.floats(1, 50), st.floats(1, 50)), sizes)
def test_aspect_box_covers_the_box_around_its_center(low, side, size):
    box = np.array([*low, low[0] + side[0], low[1] + side[1]])
    wide = box_to_aspect(box, size)
    assert (wide[:2] <= box[:2] + 1e-6).all()
    assert (wide[2:] >= box[2:] - 1e-6).all()
    assert (wide[2] - wide[0]) / (wide[3] - wide[1]) == pytest.approx(size[1] / size[0])
    assert wide[:2] + wide[2:] == pytest.approx(box[:2] + box[2:], abs=1e-6)


def test_box_around_ignores_missing_points_and_refuses_none():
    assert box_around([[1.0, 5.0], [np.nan, np.nan], [4.0, 2.0]]).tolist() == [1, 2, 4, 5]
    with pytest.raises(ValueError, match="all are missing"):
        box_around([[np.nan, np.nan]])


def test_scale_box_shifts_by_its_own_side():
    assert scale_box([0, 0, 10, 20], 1.0, (0.1, -0.5)).tolist() == [1, -10, 11, 10]


def test_an_affine_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Affine.identity().matrix[0, 0] = 2
