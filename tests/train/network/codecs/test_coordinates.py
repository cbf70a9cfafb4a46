"""Direct regression: the outputs are the coordinates."""

import pytest
import torch

from nasion.train.network.codecs.coordinates import Coordinates, Options, build
from nasion.train.network.interfaces import InputSpec

SPEC = InputSpec(3, 1, (48, 64))


def test_outputs_are_read_as_pairs_of_x_and_y():
    decoded = build(Options(), SPEC).decode(
        torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    )
    assert decoded.keypoints[0].tolist() == [pytest.approx(pair) for pair in ([0.1, 0.2], [0.3, 0.4], [0.5, 0.6])]
    assert decoded.keypoints[1].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_there_are_two_outputs_per_keypoint():
    assert build(Options(), SPEC).outputs == 6
    assert Coordinates.output_kind == "vector"


def test_regression_provides_neither_spread_nor_maps():
    decoded = build(Options(), SPEC).decode(torch.zeros(2, 6))
    assert decoded.spread.shape == (2, 3)
    assert decoded.spread.isnan().all()
    assert decoded.anisotropy.shape == (2, 3, 2)
    assert not decoded.anisotropy.any()
    assert decoded.log_maps is None


def test_points_outside_the_crop_can_be_predicted():
    decoded = build(Options(), SPEC).decode(torch.full((2, 6), -1.75))
    assert (decoded.keypoints == -1.75).all()


def test_precision_is_that_of_the_outputs():
    decoded = build(Options(), SPEC).decode(torch.zeros(2, 6, dtype=torch.float64))
    assert decoded.keypoints.dtype == decoded.spread.dtype == torch.float64
