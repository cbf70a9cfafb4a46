"""Learned offsets of labels: for weak labels, and for datasets whose labelers define the points a little differently.

Two definitions of a point, such as the tip of the nose, may lie a constant distance apart. The offset is learned in the
frame of the face: it turns with the face and grows with it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nasion.geometry import FloatArray, box_around, box_size
from nasion.train.network.frame import half_sides

__all__ = ["SourceOffsets", "WeakLabels"]


class FaceFrame(nn.Module):
    """The frame of the mean face, placed on keypoints.

    Args:
        shape: (K, 2) the mean face, px of any size; a point that is NaN does not define the frame.
    """

    shape: Tensor

    def __init__(self, shape: FloatArray) -> None:
        super().__init__()
        present = shape[~torch.from_numpy(shape).isnan().any(1).numpy()]
        centered = (shape - present.mean(0)) / box_size(box_around(present))
        self.register_buffer("shape", torch.from_numpy(centered).nan_to_num().float())

    def forward(self, offsets: Tensor, keypoints: Tensor, size: tuple[int, int]) -> Tensor:
        """Return offsets (B, M, 2), normalized, of crops of `size` (height, width), px.

        The offsets have no gradient with respect to the keypoints, which only place the frame.

        Args:
            offsets: (B, M, 2) or (M, 2), shares of the size of the face, in the frame of the mean face.
            keypoints: (B, K, 2), normalized.
            size: (height, width) of the crops, px.
        """
        half = half_sides(size, keypoints)
        turn = self._turn(keypoints.detach() * half)
        return torch.einsum("bij,bmj->bmi", turn, offsets.expand(len(keypoints), -1, -1)) / half

    def _turn(self, points: Tensor) -> Tensor:
        """Return the rotations and scales (B, 2, 2) from the mean face to points (B, K, 2), crop px, least squares."""
        centered = points - points.mean(1, keepdim=True)
        (x, y), (u, v) = self.shape.unbind(-1), centered.unbind(-1)
        total = (x.square() + y.square()).sum()
        a, b = (x * u + y * v).sum(-1) / total, (x * v - y * u).sum(-1) / total
        return torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], -2)


class WeakLabels(nn.Module):
    """Predicts weakly labeled points from the keypoints of the network: means of these, plus a learned offset.

    Args:
        weights: (M, K) the means, no unit.
        shape: (K, 2) the mean face, px of any size; a point that is NaN does not define the frame.

    Attributes:
        offset: (M, 2) what is added to the means, as a share of the size of the face, in the frame of the mean face.
    """

    weights: Tensor

    def __init__(self, weights: FloatArray, shape: FloatArray) -> None:
        super().__init__()
        self.frame = FaceFrame(shape)
        self.register_buffer("weights", torch.from_numpy(weights).float())
        self.offset = nn.Parameter(torch.zeros(len(weights), 2))

    def forward(self, keypoints: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the M points (B, M, 2) of keypoints (B, K, 2), normalized, in crops of `size` (height, width), px."""
        return torch.einsum("mk,bki->bmi", self.weights, keypoints) + self.frame(self.offset, keypoints, size)

    def loss(self, keypoints: Tensor, labels: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the mean absolute errors (B, M) of keypoints (B, K, 2) at labels (B, M, 2), normalized.

        The error is 0 where a label is NaN. `size` is the crop's (height, width), px.
        """
        present = labels.isfinite().all(-1)
        distance = (self(keypoints, size) - torch.where(present[..., None], labels, 0.0)).abs().mean(-1)
        return distance * present


class SourceOffsets(nn.Module):
    """Corrects the labels of every data source but the first to the definitions of the first.

    Args:
        sources: S, the number of data sources.
        shape: (K, 2) the mean face, px of any size; a point that is NaN does not define the frame.
        flip: the index of each point in a mirrored face; None if unknown, and then no face is mirrored.

    Attributes:
        offset: (S - 1, K, 2) labels of a source minus those of the first, as a share of the size of the face, in the
            frame of the mean face.
    """

    flip: Tensor

    def __init__(self, sources: int, shape: FloatArray, flip: Sequence[int] | None) -> None:
        super().__init__()
        self.frame = FaceFrame(shape)
        self.register_buffer("flip", torch.tensor(range(len(shape)) if flip is None else flip))
        self.offset = nn.Parameter(torch.zeros(sources - 1, len(shape), 2))

    def forward(
        self, labels: Tensor, keypoints: Tensor, source: Tensor, mirrored: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """Return labels (B, K, 2), normalized, as the labelers of the first source would have placed them.

        Args:
            labels: (B, K, 2), normalized; NaN where missing.
            keypoints: (B, K, 2), normalized, the predicted ones, which place the frame.
            source: (B,) the number of the data source of each face, from 0.
            mirrored: (B,) bool, whether the crop shows a mirrored face.
            size: (height, width) of the crops, px.
        """
        none = torch.zeros_like(self.offset[:1])
        offsets = torch.cat([none, self.offset])[source]
        flipped = offsets[:, self.flip] * offsets.new_tensor([-1.0, 1.0])
        offsets = torch.where(mirrored[:, None, None], flipped, offsets)
        return labels - self.frame(offsets, keypoints, size)
