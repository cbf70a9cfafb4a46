"""Trained weights in a wider network, which at first predicts the same.

Old channels come first and ignore the new ones; new channels have their random weights. Training then changes both.
Source: Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", 2016, whose new channels
are copies; random ones need no noise to become different.
"""

from torch import Tensor

__all__ = ["widened"]


def widened(trained: Tensor, initial: Tensor) -> Tensor:
    """Return trained weights (O, I, ...) or (O,), no unit, in the shape of a wider layer with `initial` weights.

    Weights from new inputs to old outputs are 0. A tensor of another rank, or with a larger size, is returned as it is,
    because its layer is not a wider one.

    >>> import torch
    >>> widened(torch.tensor([[5.0]]), torch.ones(2, 3))
    tensor([[5., 0., 0.],
            [1., 1., 1.]])
    """
    sizes = trained.shape
    if (
        initial.shape == sizes
        or initial.dim() != len(sizes)
        or any(a > b for a, b in zip(sizes, initial.shape, strict=True))
    ):
        return trained
    if sizes[2:] != initial.shape[2:]:
        return trained
    wide = initial.clone()
    wide[: sizes[0]] = 0
    wide[tuple(slice(size) for size in sizes)] = trained.to(wide.dtype)
    return wide
