"""How a network's raw output stands for points, and how sure it is.

A codec is a module: `decode(raw) -> Decoded`, in the normalized frame of `geometry.normalize`, (-1, 1) from edge
to edge of the crop. `output_kind` names what its network must give.
"""

from typing import NamedTuple

from torch import Tensor

__all__ = ["Decoded"]


class Decoded(NamedTuple):
    """What a codec makes of a raw output.

    Attributes:
        keypoints: (B, K, 2), normalized.
        spread: (B, K), normalized by half the mean side; NaN where the codec cannot say.
        anisotropy: (B, K, 2), how much more so along one direction: see `nasion.uncertainty`; 0 is the same in all.
        log_maps: (B, K, h, w), log-probabilities over the cells; None for codecs without maps.
    """

    keypoints: Tensor
    spread: Tensor
    anisotropy: Tensor
    log_maps: Tensor | None
