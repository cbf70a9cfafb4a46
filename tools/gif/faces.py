"""The folder that the animation labels and trains on: drawn faces with labels, and one without."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import FloatRect

from nasion import images
from nasion.datasets.drawn import render_face
from nasion.geometry import FloatArray
from nasion.predict.predictor import Predictor

__all__ = ["COUNT", "MODEL", "UNLABELED", "screen_position", "write_faces", "write_unlabeled"]

COUNT = 200
"""Number of labeled faces: a training holds out a tenth of them, enough to tell which model is better."""

UNLABELED = "new.png"

SEED, CANDIDATES = 7, 4
"""The face without labels is one of these drawn faces; the labeled ones have another seed."""

FIRST = 17
"""Points with smaller numbers are on the outline of the face, where they may slide."""

MODEL = "tiny"
"""The model that the animation uses and trains; it trains fastest."""

MARGIN = 0.25
"""Margin of the tab Correct around a face, as a share of the longer side of the box around its points."""


def write_faces(folder: Path) -> None:
    """Write the labeled faces with `nasion convert`."""
    command = [sys.executable, "-m", "nasion", "convert", f"synthetic:{COUNT}?skeleton=ibug-68", f"ibug:{folder}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_unlabeled(folder: Path) -> tuple[int, FloatArray]:
    """Write the face that the model places worst, and return its worst point and where it belongs.

    Returns: number of the point, and its position (2,), image px.
    """
    predictor = Predictor(MODEL)
    found: list[tuple[float, int, int]] = []
    for person in range(CANDIDATES):
        face = render_face(SEED, person, 0, "ibug-68")
        predictions = predictor(face.image)
        if len(predictions) == 1:
            errors = np.linalg.norm(predictions[0].keypoints - face.keypoints, axis=1)[FIRST:]
            found.append((float(errors.max()), person, FIRST + int(errors.argmax())))
    _, person, point = max(found)
    face = render_face(SEED, person, 0, "ibug-68")
    images.write(folder / UNLABELED, face.image)
    return point, face.keypoints[point]


def screen_position(point: FloatArray, keypoints: FloatArray, canvas: FloatRect) -> tuple[float, float]:
    """Return where the tab Correct shows an image point of the face to which it has zoomed.

    Args:
        point: position (2,), image px.
        keypoints: all points of the face as they were when it was opened (K, 2), image px.
        canvas: x, y, width and height of the canvas, CSS px.

    Returns: x and y, CSS px.
    """
    low, high = keypoints.min(0), keypoints.max(0)
    scale = min(canvas["width"], canvas["height"]) / ((1 + 2 * MARGIN) * (high - low).max())
    x, y = (np.asarray(point) - (low + high) / 2) * scale
    return canvas["x"] + canvas["width"] / 2 + float(x), canvas["y"] + canvas["height"] / 2 + float(y)
