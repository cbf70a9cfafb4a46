"""Where the points of a new skeleton lie in a face before a model for them exists: at their mean place.

Faces are aligned by the points of another model, which finds them in any face. A labeled face and its points of that
model are an example; the similarity that moves these onto a new face also moves the labels there. The start is the mean
over all examples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nasion.errors import ConfigError
from nasion.geometry import FloatArray, box_around, box_center, similarity_between
from nasion.sample import Prediction
from nasion.shapes import mean_points

__all__ = ["Example", "matched", "starting_points"]


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
    >>> starting_points([Example(eyes, nose)], 2 * eyes)
    array([[10., 12.]])
    """
    if not examples:
        raise ConfigError("no face of this folder is labeled yet; click the points of the first face yourself")
    return mean_points([similarity_between(each.reference, reference)(each.keypoints) for each in examples])


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
