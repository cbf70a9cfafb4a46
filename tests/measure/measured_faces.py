"""Faces with known pose, openings and errors."""

from dataclasses import replace

import numpy as np

from nasion.measure.camera import rotation_matrix
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton

IBUG = load_skeleton("ibug-68")
HEAD = np.array(IBUG.head)


def face_of(keypoints, spread=1.0, anisotropy=(0.0, 0.0), skeleton=IBUG):
    """A prediction with the same ellipse around each keypoint."""
    count = len(keypoints)
    box = np.array([0.0, 0, 400, 400])
    return Prediction(
        np.asarray(keypoints, np.float64),
        np.full(count, float(spread)),
        np.tile(np.asarray(anisotropy, np.float64), (count, 1)),
        box,
        1.0,
        skeleton,
    )


def with_hidden(face, points, probability=0.9):
    """A face with points that are hidden with a probability, and others that are not."""
    hidden = np.zeros(len(face.keypoints))
    hidden[list(points)] = probability
    return replace(face, hidden_probability=hidden)


def projected(yaw, pitch, roll, scale=10.0, shift=(200.0, 180.0), head=HEAD):
    """The head (K, 3), cm, in weak perspective, image px."""
    return (head @ rotation_matrix(np.radians([yaw, pitch, roll])).T)[:, :2] * scale + shift
