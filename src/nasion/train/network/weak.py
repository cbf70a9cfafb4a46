"""Weak labels in the loss: means of predicted points, with a learned offset, are compared with the labels.

Two definitions of a point, such as the tip of the nose, may lie a constant distance apart. The offset is learned in the
frame of the face: it turns with the face and grows with it.
"""

import torch
from torch import Tensor, nn

from nasion.geometry import FloatArray, box_around, box_size
from nasion.train.network.frame import half_sides

__all__ = ["WeakLabels"]


class WeakLabels(nn.Module):
    """Predicts weakly labeled points from the keypoints of the network.

    Args:
        weights: (M, K) the means, no unit.
        shape: (K, 2) the mean face, px of any size; a point that is NaN does not define the frame.

    Attributes:
        offset: (M, 2) what is added to the means, as a share of the size of the face, in the frame of the mean face.
    """

    weights: Tensor
    shape: Tensor

    def __init__(self, weights: FloatArray, shape: FloatArray) -> None:
        super().__init__()
        present = shape[~torch.from_numpy(shape).isnan().any(1).numpy()]
        centered = (shape - present.mean(0)) / box_size(box_around(present))
        self.register_buffer("weights", torch.from_numpy(weights).float())
        self.register_buffer("shape", torch.from_numpy(centered).nan_to_num().float())
        self.offset = nn.Parameter(torch.zeros(len(weights), 2))

    def forward(self, keypoints: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the M points (B, M, 2) of keypoints (B, K, 2), normalized, in crops of `size` (height, width), px.

        The offset does not move the keypoints that define its frame.
        """
        half = half_sides(size, keypoints)
        turn = self._turn(keypoints.detach() * half)
        moved = torch.einsum("bij,mj->bmi", turn, self.offset) / half
        return torch.einsum("mk,bki->bmi", self.weights, keypoints) + moved

    def _turn(self, points: Tensor) -> Tensor:
        """Return the rotations and scales (B, 2, 2) from the mean face to points (B, K, 2), crop px, least squares."""
        centered = points - points.mean(1, keepdim=True)
        (x, y), (u, v) = self.shape.unbind(-1), centered.unbind(-1)
        total = (x.square() + y.square()).sum()
        a, b = (x * u + y * v).sum(-1) / total, (x * v - y * u).sum(-1) / total
        return torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], -2)

    def loss(self, keypoints: Tensor, labels: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the mean absolute errors (B, M) of keypoints (B, K, 2) at labels (B, M, 2), normalized.

        The error is 0 where a label is NaN. `size` is the crop's (height, width), px.
        """
        present = labels.isfinite().all(-1)
        distance = (self(keypoints, size) - torch.where(present[..., None], labels, 0.0)).abs().mean(-1)
        return distance * present
