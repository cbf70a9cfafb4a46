"""How much a model's error depends on the box that it is given: boxes moved and scaled away from the true one."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nasion.errors import ConfigError
from nasion.evaluation.evaluation import Given, evaluate
from nasion.geometry import FloatArray, scale_box
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet, Image

__all__ = ["SCALES", "SHIFTS", "BoxCurve", "box_curve"]

SHIFTS = (0.0, 0.05, 0.1, 0.15, 0.2)
"""How far a box is moved, as a share of its width and height; each face in a direction of its own."""

SCALES = (0.8, 0.9, 1.0, 1.1, 1.2)
"""How much larger a box is made about its center."""


class BoxCurve(NamedTuple):
    """A model's mean NME for each of `SHIFTS` and of `SCALES`.

    Attributes:
        normalizer: what errors are divided by.
        shifted, scaled: fractions, (5,) each.
    """

    normalizer: str
    shifted: FloatArray
    scaled: FloatArray


def box_curve(predictor: Predictor, faces: DataSet, tick: Callable[[], None] = lambda: None) -> BoxCurve:
    """Return how the error grows as boxes get worse.

    Args:
        predictor: a model that is given boxes.
        faces: of its skeleton, or one that has its points.
        tick: called after each face of each of the ten measurements.

    Raises:
        ConfigError: the model is given whole pictures.
        AnnotationError: no picture can be read.
        SkeletonError: the faces do not have the predictor's points.
    """
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, len(faces))
    directions = {(face.image, face.face): angle for face, angle in zip(faces.annotations, angles, strict=True)}

    def moved(shift: float, scale: float) -> Given:
        def give(face: Annotation, _image: Image) -> FloatArray:
            angle = directions[face.image, face.face]
            return scale_box(face.points_box(), scale, shift * np.array([np.cos(angle), np.sin(angle)]))

        return give

    if predictor.backend.crop.box == "picture":
        raise ConfigError(f"{predictor.backend.name} was trained on whole pictures: it has no box to be moved")
    faces = faces.reduced_to(predictor.skeleton)
    first = next(iter(faces.annotations))
    normalizer = next((name for name in first.lengths() if name.startswith("inter_")), "box_size")

    def nme(shift: float, scale: float) -> float:
        return float(np.nanmean(evaluate(predictor, faces, moved(shift, scale), tick=tick).nme(normalizer)))

    return BoxCurve(
        normalizer,
        np.array([nme(shift, 1.0) for shift in SHIFTS]),
        np.array([nme(0.0, scale) for scale in SCALES]),
    )
