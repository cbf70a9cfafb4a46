"""The residual block."""

import pytest
import torch
from torch.nn import functional as F

from nasion.train.network.blocks import Block, convolution


def test_new_block_of_equal_width_is_its_shortcut():
    x = torch.randn(2, 6, 5, 7)
    assert torch.equal(Block(6, 6).eval()(x), F.relu(x))


def test_block_changes_the_width():
    assert Block(6, 9)(torch.randn(2, 6, 5, 7)).shape == (2, 9, 5, 7)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"), [(3, 1, None, (8, 6)), (1, 1, None, (8, 6)), (4, 2, 1, (4, 3))]
)
def test_convolution_keeps_or_halves_the_size(kernel, stride, padding, size):
    assert convolution(3, 5, kernel, stride, padding)(torch.randn(2, 3, 8, 6)).shape == (2, 5, *size)
