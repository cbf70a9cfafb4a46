"""Faces for the tests of matching."""

from pathlib import Path

import numpy as np

from nasion.datasets.drawn import render_face
from nasion.matching.write import ChosenFace
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton

SIZE = (60, 80)


def face(points, skeleton="imm-58"):
    points = np.asarray(points, float)
    skeleton = load_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
    return Prediction(points, np.ones(len(points)), np.zeros_like(points), np.array([0.0, 0, 1, 1]), 1.0, skeleton)


def scattered(count, seed=0, low=12, high=48):
    return np.random.default_rng(seed).uniform(low, high, (count, 2))


def synthetic(person, view=0, folder=Path()):
    made = render_face(11, person, view, "ibug-68")
    return ChosenFace(folder / f"{person}.png", made.image, face(made.keypoints, "ibug-68"), person)
