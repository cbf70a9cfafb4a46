"""Normalized coordinates in torch agree with those of `nasion.geometry`."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasion import geometry
from nasion.train.network.frame import cell_centers, denormalize, half_sides, mean_half_side

SIZE = (48, 64)

sizes = st.tuples(st.integers(2, 500), st.integers(2, 500))
coordinates = st.lists(st.tuples(st.floats(-600, 600), st.floats(-600, 600)), min_size=2, max_size=7)


def test_edges_of_a_crop_are_minus_1_and_1():
    edges = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]])
    assert denormalize(edges, SIZE).tolist() == [[-0.5, -0.5], [63.5, 47.5], [31.5, 23.5]]


def test_x_is_divided_by_the_width_and_y_by_the_height():
    assert half_sides(SIZE, torch.zeros(1)).tolist() == [32.0, 24.0]
    moved = denormalize(torch.tensor([[0.5, 0.0], [0.0, 0.5]]), SIZE) - denormalize(torch.zeros(2, 2), SIZE)
    assert moved.tolist() == [[16.0, 0.0], [0.0, 12.0]]


def test_mean_half_side_is_the_mean_of_both_half_sides():
    assert mean_half_side(SIZE) == 28.0 == half_sides(SIZE, torch.zeros(1)).mean().item()


@given(coordinates, sizes)
def test_denormalize_inverts_normalize(points, size):
    px = torch.tensor(points, dtype=torch.float64)
    assert torch.allclose(denormalize(torch.from_numpy(geometry.normalize(px.numpy(), size)), size), px, atol=1e-9)


@given(coordinates, sizes)
def test_denormalized_points_are_normalized_back(points, size):
    normalized = np.array(points) / 300
    px = denormalize(torch.from_numpy(normalized), size).numpy()
    assert geometry.normalize(px, size) == pytest.approx(normalized, abs=1e-9)


@pytest.mark.parametrize("cells", [2, 3, 8, 25])
def test_cell_centers_are_the_pixel_centers_of_a_row(cells):
    """A map is a small image of the crop, so that its cells have the normalized coordinates of its pixels."""
    pixels = np.stack([np.arange(cells), np.zeros(cells)], -1).astype(float)
    expected = geometry.normalize(pixels, (5, cells))[:, 0]
    found = cell_centers(cells, torch.zeros(1, dtype=torch.float64))
    assert found.numpy() == pytest.approx(expected, abs=1e-12)


def test_cells_of_one_stride_lie_in_the_middle_of_their_pixels():
    # 16 cells over 64 px: the first covers pixels 0 to 3, whose middle is 1.5
    center = torch.stack([cell_centers(16, torch.zeros(1))[:1], torch.zeros(1)], -1)
    assert denormalize(center, SIZE)[0, 0].item() == 1.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_have_the_dtype_of_the_argument(dtype):
    like = torch.zeros(3, 2, dtype=dtype)
    assert half_sides(SIZE, like).dtype == cell_centers(4, like).dtype == denormalize(like, SIZE).dtype == dtype


def test_missing_points_stay_missing():
    found = denormalize(torch.tensor([[torch.nan, torch.nan], [0.0, 0.0]]), SIZE)
    assert found.isnan().tolist() == [[True, True], [False, False]]
