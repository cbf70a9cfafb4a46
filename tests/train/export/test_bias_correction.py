"""Corrected biases: rounded weights give the mean outputs of the exact ones, and what is not rounded stays."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from nasion.train.export.bias_correction import correct_biases
from train.runs.small_graphs import initializers, model_of, run

KEEP = ("head",)


def coarse(weights):
    return np.round(weights)


def network(groups, rounding=lambda weights: weights):
    """Return images (B, 4, h, w) → Conv without padding → Conv of the head; the first one's weights are rounded."""
    random = np.random.default_rng(groups)
    values = {
        "a.weight": rounding(random.normal(0, 1, (8, 4 // groups, 3, 3))).astype(np.float32),
        "a.bias": random.normal(size=8).astype(np.float32),
        "head.weight": random.normal(size=(2, 8, 1, 1)).astype(np.float32),
        "head.bias": np.zeros(2, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "a.weight", "a.bias"], ["features"], group=groups),
        helper.make_node("Conv", ["features", "head.weight", "head.bias"], ["out"]),
    ]
    return model_of(nodes, values, ("images", TensorProto.FLOAT, ["batch", 4, None, None]))


def constant_images(count=6):
    """Images (N, 4, 5, 5) whose channels are constant, so that means predict the outputs exactly on average."""
    levels = np.random.default_rng(3).uniform(0, 2, (count, 4, 1, 1))
    return (levels * np.ones((5, 5))).astype(np.float32)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_rounded_weights_give_the_mean_outputs_of_the_exact_ones(groups):
    images = constant_images()
    exact, rounded = (run(network(groups, rounding), images) for rounding in (lambda weights: weights, coarse))
    model = network(groups)
    correct_biases(model, [images[:4], images[4:]], coarse, KEEP)
    bias = initializers(model)["a.bias"]
    corrected = network(groups, coarse)
    next(each for each in corrected.graph.initializer if each.name == "a.bias").raw_data = bias.tobytes()
    found = run(corrected, images)
    assert found.mean((0, 2, 3)) == pytest.approx(exact.mean((0, 2, 3)), abs=1e-4)
    assert np.abs(rounded.mean((0, 2, 3)) - exact.mean((0, 2, 3))).max() > 0.1


def test_only_biases_of_rounded_convolutions_change():
    model = network(2)
    before = initializers(model)
    correct_biases(model, [constant_images()], coarse, KEEP)
    after = initializers(model)
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {"a.bias"}


def test_weights_that_are_not_changed_by_rounding_need_no_correction():
    model = network(1)
    before = initializers(model)
    correct_biases(model, [constant_images()], lambda weights: weights, KEEP)
    assert np.array_equal(initializers(model)["a.bias"], before["a.bias"])
