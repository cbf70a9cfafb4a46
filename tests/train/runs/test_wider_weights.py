"""Weights of a wider network, by hand; tests/train/runs/test_warm_start.py has the outputs."""

import pytest
import torch

from nasion.train.runs.wider_weights import widened


def test_new_outputs_keep_their_random_weights_and_old_ones_ignore_new_inputs():
    trained, initial = torch.randn(2, 3, 3, 3), torch.randn(4, 5, 3, 3)
    wide = widened(trained, initial)
    assert torch.equal(wide[:2, :3], trained)
    assert not wide[:2, 3:].any()
    assert torch.equal(wide[2:], initial[2:])


def test_a_vector_keeps_the_values_of_new_channels():
    assert widened(torch.tensor([5.0, 6.0]), torch.ones(3)).tolist() == [5.0, 6.0, 1.0]


@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (2, 3, 1), (2,), ()])
def test_layers_that_are_not_wider_keep_the_trained_weights(shape):
    trained = torch.randn(2, 3)
    assert widened(trained, torch.zeros(shape)) is trained


def test_another_kernel_is_not_widened():
    trained = torch.randn(2, 3, 4, 4)
    assert widened(trained, torch.zeros(3, 3, 6, 6)) is trained
