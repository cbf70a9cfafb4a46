"""Trained weights in a wider network, which at first predicts the same.

Old channels come first and ignore the new ones; new channels have their random weights. Training then changes both.
Source: Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", 2016, whose new channels
are copies; random ones need no noise to become different.
"""

from torch import Tensor

__all__ = ["shared_part", "widened"]


def shared_part(narrow: Tensor, wide: Tensor) -> tuple[slice, ...] | None:
    """Return the part of a wider layer's weights (O, I, ...) or (O,), no unit, that a narrower layer also has.

    It is None if the second layer is not a wider or equal version of the first: only O and I may differ.

    >>> import torch
    >>> shared_part(torch.ones(1, 2), torch.ones(2, 3))
    (slice(None, 1, None), slice(None, 2, None))
    """
    sizes, larger = narrow.shape, wide.shape
    if len(sizes) != len(larger) or sizes[2:] != larger[2:]:
        return None
    fits = all(size <= limit for size, limit in zip(sizes, larger, strict=True))
    return tuple(slice(size) for size in sizes) if fits else None


def widened(trained: Tensor, initial: Tensor) -> Tensor:
    """Return trained weights (O, I, ...) or (O,), no unit, in the shape of a wider layer with `initial` weights.

    Weights from new inputs to old outputs are 0. If the layer is not a wider one, the trained weights are returned.

    >>> import torch
    >>> widened(torch.tensor([[5.0]]), torch.ones(2, 3))
    tensor([[5., 0., 0.],
            [1., 1., 1.]])
    """
    part = shared_part(trained, initial)
    if part is None or initial.shape == trained.shape:
        return trained
    wide = initial.clone()
    wide[part[:1]] = 0
    wide[part] = trained.to(wide.dtype)
    return wide
