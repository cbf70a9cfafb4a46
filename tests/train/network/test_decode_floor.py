"""What a decode costs by itself."""

import pytest

from nasion.train.config import load
from nasion.train.network.decode_floor import measure_decode_floor
from nasion.train.network.network import KeypointNetwork


def test_the_mean_place_is_far_finer_than_the_highest_cell():
    network = KeypointNetwork(load("danes-heatmap", ["crop.height=128", "crop.width=128", "model.stride=4"]), 3)
    floor = measure_decode_floor(network)
    assert floor.cells == (32, 32)
    assert floor.decode_px < 0.1
    # the mean distance of a point in a square from its center is 0.3826 of the side: 4 px here
    assert floor.argmax_px == pytest.approx(0.3826 * 4, rel=0.05)


def test_regression_has_none():
    assert measure_decode_floor(KeypointNetwork(load("nose", ["crop.height=32", "crop.width=32"]), 1)) is None
