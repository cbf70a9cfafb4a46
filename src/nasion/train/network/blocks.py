"""The residual block that several models are built from.

Source: He et al., "Identity Mappings in Deep Residual Networks", 2016.
"""

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Block", "convolution"]


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut; initially the block equals its shortcut."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.first = convolution(width_in, width, 3)
        self.second = convolution(width, width, 3)
        self.shortcut = nn.Identity() if width_in == width else convolution(width_in, width, 1)
        norm = self.second[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.zeros_(norm.weight)  # the block starts as its shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, width, H, W), no unit, of features `x` (B, width_in, H, W)."""
        return F.relu(self.shortcut(x) + self.second(F.relu(self.first(x))))


def convolution(width_in: int, width: int, kernel: int, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    """Return a convolution with batch normalization; by default the padding keeps the size at stride 1."""
    padding = kernel // 2 if padding is None else padding
    layer = nn.Conv2d(width_in, width, kernel, stride, padding=padding, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(width))
