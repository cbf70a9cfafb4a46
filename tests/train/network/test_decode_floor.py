"""The error of decoding alone."""

import pytest

from contracts.small_networks import config
from nasion.train.config import load
from nasion.train.network import decode_floor
from nasion.train.network.decode_floor import DecodeFloor, measure_decode_floor
from nasion.train.network.network import KeypointNetwork


def network_with_stride(stride, size=(96, 128)):
    model = {"name": "unet", "widths": [4, 6, 8], "stride": stride}
    return KeypointNetwork(config(model, size=size), 3)


def test_mean_location_is_far_finer_than_the_highest_cell():
    network = KeypointNetwork(load("danes-heatmap", ["crop.height=128", "crop.width=128", "model.stride=4"]), 3)
    floor = measure_decode_floor(network)
    assert floor.cells == (32, 32)
    assert floor.decode_px < 0.1
    # the mean distance of a point in a square from its center is 0.3826 of the side: 4 px here
    assert floor.argmax_px == pytest.approx(0.3826 * 4, rel=0.05)


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_argmax_error_is_proportional_to_the_stride(stride):
    floor = measure_decode_floor(network_with_stride(stride))
    assert floor.cells == (96 // stride, 128 // stride)  # height first
    assert floor.argmax_px == pytest.approx(0.3826 * stride, rel=0.05)
    assert floor.decode_px < floor.argmax_px / 2


def test_floor_does_not_depend_on_the_weights():
    assert measure_decode_floor(network_with_stride(4)) == measure_decode_floor(network_with_stride(4))


def test_blobs_at_the_edge_are_cut_off_and_decode_worse(monkeypatch):
    inside = measure_decode_floor(network_with_stride(4))
    monkeypatch.setattr(decode_floor, "INSIDE", 1.0)
    everywhere = measure_decode_floor(network_with_stride(4))
    assert everywhere.decode_px > 2 * inside.decode_px


def test_regression_has_no_floor():
    assert measure_decode_floor(KeypointNetwork(config("cnn"), 2)) is None


def test_floor_names_its_numbers():
    assert DecodeFloor((3, 4), 0.5, 1.5)._asdict() == {"cells": (3, 4), "decode_px": 0.5, "argmax_px": 1.5}
