"""Faces that the program draws: a head of curves in space, turned, projected and painted.

    head.py    who it is and how it looks in a moment: curves in space, and the keypoints on them
    paint.py   the projected curves as a picture

The keypoints are points of the very curves that are painted, so they are exact by construction.
"""

from typing import NamedTuple

import numpy as np

from nasion.datasets.drawn.head import SKELETONS, keypoints_of, projected, sample_head, sample_moment
from nasion.datasets.drawn.paint import paint, sample_appearance
from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["SIZE", "SKELETONS", "DrawnFace", "render_face"]

SIZE = (480, 640)
"""(height, width) of a drawn picture, px."""


class DrawnFace(NamedTuple):
    """A picture (H, W, 3) uint8 RGB, empty if not asked for, and its keypoints (K, 2), image px."""

    image: Image
    keypoints: FloatArray


def render_face(seed: int, person: int, view: int, skeleton: str, render: bool = True) -> DrawnFace:
    """Return one picture of one invented person; the same numbers give the same face.

    Args:
        seed: which people.
        person: who.
        view: which picture of them: 0 neutral, 1 smiling, 2 and 3 turned, 4 lit from a side, 5 any.
        skeleton: one of `SKELETONS`.
        render: whether to paint; without, `image` is empty.

    >>> draw_face(0, 1, 2, "ibug-68", render=False).keypoints.shape
    (68, 2)
    """
    identity = np.random.default_rng([seed, person])
    moments = np.random.default_rng([seed, person, 1 + view])
    head, look = sample_head(identity), sample_appearance(identity)
    moment = sample_moment(moments, view, SIZE)
    curves = projected(head, moment)
    image = paint(curves, look, moment, moments, SIZE) if render else np.zeros((0, 0, 3), np.uint8)
    return DrawnFace(image, keypoints_of(curves, skeleton))
