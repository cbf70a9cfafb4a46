"""Where the points of a new skeleton lie in a face before a model for them exists: at their mean place.

Faces are aligned by the points of another model, which finds them in any face. A labeled face and its points of that
model are an example: the points nearest to a label tell where it is in a new face. The start is the mean over all
examples.

Source: S. Schaefer, T. McPhail, J. Warren, "Image deformation using moving least squares", SIGGRAPH 2006, the version
with similarity transforms.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasion.errors import ConfigError
from nasion.geometry import FloatArray, box_around, box_center, is_present
from nasion.sample import Prediction
from nasion.shapes import mean_points

__all__ = ["Example", "matched", "starting_points"]

NEAREST = 0.02
"""Distance within which a reference point determines a label, as a fraction of the face's size."""


class Example(NamedTuple):
    """A labeled face.

    Attributes:
        reference: (R, 2) its points of another model, image px.
        keypoints: (K, 2) its labels, image px; NaN where missing.
    """

    reference: FloatArray
    keypoints: FloatArray


def starting_points(examples: Sequence[Example], reference: FloatArray) -> FloatArray:
    """Return the mean place (K, 2) of labels in a new face, image px; NaN for a point that no example has.

    Args:
        examples: labeled faces, at least one.
        reference: (R, 2) the new face's points of the model that aligns faces, image px.

    Raises:
        ConfigError: there is no example.

    >>> eyes, nose = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[5.0, 6.0]])
    >>> starting_points([Example(eyes, nose)], 2 * eyes).round(6)
    array([[10., 12.]])
    """
    if not examples:
        raise ConfigError("no face of this folder is labeled yet; click the points of the first face yourself")
    return mean_points([_moved(each, reference) for each in examples])


def _moved(example: Example, reference: FloatArray) -> FloatArray:
    """Return where the labels (K, 2) of an example are in a face with reference points (R, 2), image px.

    Each label moves with the similarity that fits the reference points, weighted by how near to the label they are.
    """
    source, present = example.reference, is_present(example.keypoints)
    labels = example.keypoints[present]
    nearest = NEAREST * float(np.ptp(source, axis=0).max())
    weights = 1 / (((source[None] - labels[:, None]) ** 2).sum(-1) + nearest**2)
    weights = weights / weights.sum(1, keepdims=True)
    a_mean, b_mean = weights @ source, weights @ reference
    a, b = _as_complex(source[None] - a_mean[:, None]), _as_complex(reference[None] - b_mean[:, None])
    turn = (weights * np.conj(a) * b).sum(1) / (weights * np.abs(a) ** 2).sum(1)  # scale and rotation as one number
    moved = _as_complex(b_mean) + turn * _as_complex(labels - a_mean)
    result = np.full_like(example.keypoints, np.nan)
    result[present] = np.stack([moved.real, moved.imag], axis=-1)
    return result


def _as_complex(points: FloatArray) -> NDArray[np.complex128]:
    """Return points (..., 2) as numbers x + iy (...)."""
    return points[..., 0] + 1j * points[..., 1]


def matched(keypoints: FloatArray, faces: Sequence[Prediction]) -> FloatArray | None:
    """Return the points (R, 2), image px, of the predicted face to which labels belong; None if there is none.

    It is the face in whose box the center of the labels lies, the nearest if there are several.

    Args:
        keypoints: (K, 2) labels of a face, image px; NaN where missing.
        faces: the predicted faces of its image.
    """
    center = box_center(box_around(keypoints))
    boxes = [box_around(face.keypoints) for face in faces]
    around = [
        (float(np.linalg.norm(box_center(box) - center)), number)
        for number, box in enumerate(boxes)
        if (box[:2] <= center).all() and (center <= box[2:]).all()
    ]
    return faces[min(around)[1]].keypoints if around else None
