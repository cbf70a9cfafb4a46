"""Constants by hand, then properties."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion import images
from nasion.errors import AnnotationError
from nasion.geometry import (
    Affine,
    box_around,
    box_center,
    box_size,
    box_to_aspect,
    check_coordinates,
    has_extent,
    image_box,
    is_present,
    last_pixel,
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


def test_resize_maps_pixel_centers_by_the_convention():
    # 256 → 64: s = 1/4, x' = (100 + 0.5) / 4 - 0.5 = 24.625
    assert Affine.resize((256, 256), (64, 64))([100.0, 100.0]) == pytest.approx([24.625, 24.625])


def test_resize_takes_sizes_as_height_and_width():
    assert Affine.resize((10, 40), (30, 20))([[-0.5, -0.5], [39.5, 9.5]]) == pytest.approx(
        np.array([[-0.5, -0.5], [19.5, 29.5]])
    )


def test_mirror_maps_the_first_pixel_to_the_last():
    assert Affine.mirror(64)([[0.0, 3.0], [63.0, 3.0]]).tolist() == [[63.0, 3.0], [0.0, 3.0]]


def test_rotation_turns_x_towards_y():
    assert Affine.rotation(90, [10, 20])([[12.0, 20.0]]) == pytest.approx(np.array([[10.0, 22.0]]))


def test_crop_maps_the_box_edge_to_edge():
    crop = Affine.crop([10, 20, 42, 44], (48, 64))
    assert crop([[10.0, 20.0], [42.0, 44.0]]) == pytest.approx(np.array([[-0.5, -0.5], [63.5, 47.5]]))


def test_linear_maps_keep_their_center():
    turned = Affine.linear([[0, 2], [3, 0]], [5, 7])
    assert turned([[5.0, 7.0], [6.0, 7.0], [5.0, 8.0]]).tolist() == [[5, 7], [5, 10], [7, 7]]


def test_identity_and_translation():
    assert Affine.identity()([[3.0, 4.0]]).tolist() == [[3, 4]]
    assert Affine.translation(2, -5)([[3.0, 4.0]]).tolist() == [[5, -1]]


def test_an_affine_map_cannot_be_changed_from_outside():
    matrix = np.eye(2, 3)
    affine = Affine(matrix)
    matrix[0, 0] = 2
    assert affine.matrix[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        affine.matrix[0, 0] = 2


@pytest.mark.parametrize("shape", [(3, 3), (2, 2), (3, 2)])
def test_a_matrix_of_another_shape_is_rejected(shape):
    with pytest.raises(ValueError, match=r"needs a matrix of shape \(2, 3\), not"):
        Affine(np.zeros(shape))


def test_scale_is_the_root_of_the_change_in_area():
    assert Affine.linear([[4, 0], [0, 9]], [1, 2]).scale == pytest.approx(6)
    assert Affine.mirror(20).scale == pytest.approx(1)


@given(st.floats(-179, 179), st.floats(0.2, 5))
def test_rotation_and_scale_are_recovered(degrees, scale):
    affine = Affine.rotation(degrees, [3, 4]) @ Affine.linear(np.eye(2) * scale, [0, 0])
    assert affine.rotation_deg == pytest.approx(degrees, abs=1e-6)
    assert affine.scale == pytest.approx(scale)


@given(affines(), points)
def test_the_inverse_returns_the_points(affine, p):
    assert np.allclose(affine.inverse()(affine(p)), p, atol=1e-6)


@given(affines(), affines(), points)
def test_a_product_applies_the_right_map_first(a, b, p):
    assert np.allclose((a @ b)(p), a(b(p)), atol=1e-6)


@given(sizes, sizes, points)
def test_mirror_and_resize_commute(source, target, p):
    resize = Affine.resize(source, target)
    one = Affine.mirror(target[1]) @ resize
    other = resize @ Affine.mirror(source[1])
    assert np.allclose(one(p), other(p), atol=1e-6)


@given(st.integers(1, 300), points)
def test_mirroring_twice_is_the_identity(width, p):
    assert np.allclose(Affine.mirror(width)(Affine.mirror(width)(p)), p, atol=1e-9)


@given(affines())
def test_missing_points_stay_missing(affine):
    assert np.isnan(affine([[np.nan, np.nan]])).all()


def test_the_box_and_last_pixel_of_an_image():
    assert image_box((48, 64)).tolist() == [-0.5, -0.5, 63.5, 47.5]
    assert last_pixel((48, 64)).tolist() == [63, 47]
    assert last_pixel((1, 1)).tolist() == [0, 0]


def test_the_mirror_exchanges_the_first_and_the_last_pixel():
    assert Affine.mirror(64)(last_pixel((48, 64))).tolist() == [0, 47]


def test_a_point_is_present_if_both_coordinates_are_finite():
    assert is_present([[1, 2], [np.nan, 2], [1, np.nan], [np.inf, 0]]).tolist() == [True, False, False, False]
    assert is_present(np.zeros((3, 4, 5, 2))).shape == (3, 4, 5)


def test_the_bounding_box_ignores_missing_points():
    assert box_around([[1.0, 5.0], [np.nan, np.nan], [4.0, 2.0]]).tolist() == [1, 2, 4, 5]
    with pytest.raises(ValueError, match="all are missing"):
        box_around([[np.nan, np.nan]])


def test_box_centers_and_sizes_by_hand():
    assert box_center(np.array([[1.0, 2, 5, 12], [0, 0, 3, 1]])).tolist() == [[3, 7], [1.5, 0.5]]
    assert box_size(np.array([1.0, 2, 5, 11])) == pytest.approx(6)


def test_a_box_is_scaled_about_its_center_and_shifted_by_shares_of_its_sides():
    assert scale_box([0, 0, 10, 20], 1.0, (0.1, -0.5)).tolist() == [1, -10, 11, 10]
    assert scale_box([2, 4, 6, 12], 0.5).tolist() == [3, 6, 5, 10]
    assert scale_box([0, 0, 10, 20], 2.0, (0.1, 0)).tolist() == [-4, -10, 16, 30]


@given(st.tuples(numbers, numbers), st.tuples(st.floats(1, 50), st.floats(1, 50)), sizes)
def test_the_aspect_box_is_the_smallest_that_covers_the_box(low, side, size):
    box = np.array([*low, low[0] + side[0], low[1] + side[1]])
    wide = box_to_aspect(box, size)
    assert (wide[:2] <= box[:2] + 1e-6).all()
    assert (wide[2:] >= box[2:] - 1e-6).all()
    assert np.isclose(wide[2:] - wide[:2], side).any()
    assert (wide[2] - wide[0]) / (wide[3] - wide[1]) == pytest.approx(size[1] / size[0])
    assert wide[:2] + wide[2:] == pytest.approx(box[:2] + box[2:], abs=1e-6)


def test_normalized_coordinates_by_hand():
    # 64 px wide: x = 15.5 is a quarter of the way from -0.5 to 63.5
    assert normalize(np.array([15.5, 47.5]), (48, 64)).tolist() == [-0.5, 1.0]


def test_the_edges_of_an_image_are_normalized_to_one():
    assert normalize(image_box((48, 64)).reshape(2, 2), (48, 64)).tolist() == [[-1, -1], [1, 1]]


def test_arrays_are_normalized_in_double_precision():
    assert normalize(np.ones((3, 2), np.float32), (48, 64)).dtype == np.float64


def test_normalized_coordinates_agree_with_grid_sample():
    torch = pytest.importorskip("torch")
    image = torch.arange(5.0 * 7).reshape(1, 1, 5, 7)
    pixels = np.array([[2.0, 1], [6, 4], [0, 0], [3.5, 2]])
    grid = torch.tensor(normalize(pixels, (5, 7)), dtype=torch.float32)[None, None]
    sampled = torch.nn.functional.grid_sample(image, grid, align_corners=False)[0, 0, 0]
    assert sampled.numpy() == pytest.approx(pixels @ [1, 7], abs=1e-4)


def test_a_warp_agrees_with_opencv_resizing_by_area():
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (64, 96, 3)).astype(np.uint8)
    ours = images.warp(image, Affine.resize((64, 96), (32, 48)), (32, 48))
    theirs = cv2.resize(image, (48, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("target", [(24, 32), (48, 64), (96, 128), (13, 17)])
@pytest.mark.parametrize("degrees", [0, 20])
def test_a_blob_moves_with_its_point(target, degrees):
    y, x = np.mgrid[:96, :128]
    true = np.array([70.3, 41.8])
    blob = 255 * np.exp(-((x - true[0]) ** 2 + (y - true[1]) ** 2) / (2 * 6.0**2))
    affine = Affine.crop([30, 10, 110, 70], target) @ Affine.rotation(degrees, [70, 42])
    warped = images.warp(np.rint(blob).astype(np.uint8), affine, target, border=cv2.BORDER_CONSTANT).astype(float)
    rows, columns = np.mgrid[: target[0], : target[1]]
    centroid = np.array([(warped * columns).sum(), (warped * rows).sum()]) / warped.sum()
    assert np.linalg.norm(centroid - affine(true)) < 0.1


def test_a_similarity_recovers_a_known_map():
    random = np.random.default_rng(1)
    source = random.normal(size=(5, 2))
    known = Affine.translation(3, -4) @ Affine.rotation(25, [0, 0]) @ Affine.linear(np.eye(2) * 1.7, [0, 0])
    assert similarity_between(source, known(source)).matrix == pytest.approx(known.matrix)


def test_a_similarity_never_mirrors():
    source = np.array([[0.0, 0], [4, 0], [4, 1], [1, 3]])
    found = similarity_between(source, source * [-1, 1])
    assert np.linalg.det(found.matrix[:, :2]) > 0


def test_a_similarity_has_the_least_squared_distance():
    random = np.random.default_rng(2)
    source, target = random.normal(size=(2, 6, 2)) * 10
    best = similarity_between(source, target)

    def cost(affine):
        return ((affine(source) - target) ** 2).sum()

    center = best(source).mean(0)
    for change in (
        Affine.translation(0.1, 0),
        Affine.translation(0, -0.1),
        Affine.rotation(2, center),
        Affine.rotation(-2, center),
        Affine.linear(np.eye(2) * 1.05, center),
        Affine.linear(np.eye(2) * 0.95, center),
    ):
        assert cost(best) < cost(change @ best)


def test_a_similarity_leaves_points_out_that_are_missing_in_either_set():
    source = np.array([[0.0, 0], [4, 0], [np.nan, np.nan], [1, 3], [2, 2]])
    target = source + 2
    target[4] = np.nan
    assert similarity_between(source, target).matrix == pytest.approx(Affine.translation(2, 2).matrix)


@pytest.mark.parametrize("source", [[[1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0], [np.nan, np.nan]]])
def test_a_similarity_needs_two_different_points(source):
    with pytest.raises(ValueError, match="two different points"):
        similarity_between(source, np.arange(2.0 * len(source)).reshape(-1, 2))


@pytest.mark.parametrize("target", [[[1.0, 2.0], [1.0, 2.0]], [[1e-300, 0], [0, 1e-300]]])
def test_a_similarity_to_one_place_is_rejected_like_one_from_it(target):
    corners = [[0.0, 0.0], [3.0, 1.0]]
    for source, other in ((corners, target), (target, corners)):
        with pytest.raises(ValueError, match="two different points"):
            similarity_between(source, other)


@pytest.mark.parametrize("value", [1e6 + 1, -1e20, np.inf, -np.inf])
def test_coordinates_that_no_image_has_are_rejected_with_their_value(value):
    with pytest.raises(AnnotationError, match=r"a point has the coordinate .*; no image is larger than 1,000,000 px"):
        check_coordinates([[1.0, 2.0], [np.nan, value]], "a point", AnnotationError)


def test_possible_and_missing_coordinates_are_accepted():
    check_coordinates([[1e6, -1e6], [np.nan, np.nan]], "a point", AnnotationError)
    check_coordinates([], "a point", AnnotationError)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[1, 2], [3, 4]], True),
        ([[1, 2], [1.0005, 4]], False),
        ([[1, 2], [3, np.nan], [5, 9]], True),
        ([[1, 2], [np.nan, np.nan]], False),
        ([[np.nan, np.nan]], False),
    ],
)
def test_points_have_an_extent_if_their_box_has_an_area(points, expected):
    assert has_extent(np.array(points, float)) is expected
