"""Names for the points that a user places in a face, from the 68 points that a model finds there."""

from typing import NamedTuple

from nasion.geometry import FloatArray
from nasion.skeleton import index_list

__all__ = ["Landmark", "landmarks"]

COUNT = 68
"""Number of points of the skeleton ibug-68, whose indices `PARTS` uses."""

PARTS = {
    "right_eye": "36-41",
    "left_eye": "42-47",
    "right_eye_outer": "36",
    "right_eye_inner": "39",
    "left_eye_inner": "42",
    "left_eye_outer": "45",
    "right_brow": "17-21",
    "left_brow": "22-26",
    "nose_bridge": "27",
    "nose": "30",
    "right_nostril": "31",
    "left_nostril": "35",
    "right_mouth_corner": "48",
    "left_mouth_corner": "54",
    "upper_lip": "51",
    "lower_lip": "57",
    "mouth": "48-59",
    "chin": "8",
    "right_jaw": "4",
    "left_jaw": "12",
}
"""Parts of a face, and the points of ibug-68 whose mean each is; left and right are the person's."""


class Landmark(NamedTuple):
    """A named place in a face.

    Attributes:
        name: its name.
        point: (2,) image px.
    """

    name: str
    point: FloatArray


def landmarks(keypoints: FloatArray) -> list[Landmark]:
    """Return the named places of a face with the points of ibug-68, (68, 2), image px; none for other points."""
    if len(keypoints) != COUNT:
        return []
    return [Landmark(name, keypoints[list(index_list(spec))].mean(0)) for name, spec in PARTS.items()]
