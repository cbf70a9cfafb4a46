"""Synthetic faces: a head made of curves in space, which is turned, projected and painted.

    head.py    shape and pose: curves in space, and the keypoints on them
    paint.py   the projected curves as an image

The keypoints are points of the painted curves, so they are exact by construction.
"""

from typing import NamedTuple

import numpy as np

from nasion.datasets.drawn.head import SKELETONS, keypoints_of, project_curves, sample_head, sample_shot
from nasion.datasets.drawn.paint import paint, sample_appearance
from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["SIZE", "SKELETONS", "DrawnFace", "render_face"]

SIZE = (480, 640)
"""(height, width) of a synthetic image, px."""


class DrawnFace(NamedTuple):
    """A synthetic image (H, W, 3) uint8 RGB, (0, 0, 3) if it was not rendered, and its keypoints (K, 2), image px."""

    image: Image
    keypoints: FloatArray


def render_face(seed: int, person: int, view: int, skeleton: str, render: bool = True) -> DrawnFace:
    """Return one synthetic image of one invented person; the same arguments give the same face.

    Args:
        seed: selects a population of people.
        person: the person's number in the population.
        view: the image's number: 0 neutral, 1 smiling, 2 turned left, 3 turned right, 4 lit from one side, 5 anything.
        skeleton: one of `SKELETONS`.
        render: whether to paint the image; if not, only the keypoints are computed.

    Returns: image (H, W, 3) uint8 RGB and keypoints (K, 2), image px.

    >>> render_face(0, 1, 2, "ibug-68", render=False).keypoints.shape
    (68, 2)
    """
    identity = np.random.default_rng([seed, person])
    variation = np.random.default_rng([seed, person, 1 + view])
    head, appearance = sample_head(identity), sample_appearance(identity)
    shot = sample_shot(variation, view, SIZE)
    curves = project_curves(head, shot)
    image = paint(curves, appearance, shot, variation, SIZE) if render else np.zeros((0, 0, 3), np.uint8)
    return DrawnFace(image, keypoints_of(curves, skeleton))
