"""How much a model's error depends on the box: boxes shifted and scaled away from the true one."""

from typing import NamedTuple

import numpy as np

from nasion.errors import ConfigError
from nasion.evaluation.box_modes import BoxFunction
from nasion.evaluation.evaluation import default_normalizer, evaluate
from nasion.evaluation.metrics import mean
from nasion.geometry import FloatArray, scale_box
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import Annotation, DataSet, Image

__all__ = ["SCALES", "SHIFTS", "BoxSensitivity", "box_sensitivity"]

SHIFTS = (0.0, 0.05, 0.1, 0.15, 0.2)
"""Shifts of a box, as shares of its width and height; each face's box is shifted in its own direction."""

SCALES = (0.8, 0.9, 1.0, 1.1, 1.2)
"""Factors by which a box is scaled about its center."""


class BoxSensitivity(NamedTuple):
    """A model's mean NME for each of `SHIFTS` and of `SCALES`.

    Attributes:
        normalizer: what errors are divided by.
        shifted, scaled: (5,) each, fractions of the normalizer.
    """

    normalizer: str
    shifted: FloatArray
    scaled: FloatArray

    def __str__(self) -> str:
        shifted = ", ".join(f"{100 * s:g} %: {100 * e:.2f} %" for s, e in zip(SHIFTS, self.shifted, strict=True))
        scaled = ", ".join(f"x {s:g}: {100 * e:.2f} %" for s, e in zip(SCALES, self.scaled, strict=True))
        return f"NME {self.normalizer}, boxes shifted by {shifted}; scaled by {scaled}"


def box_sensitivity(predictor: Predictor, faces: DataSet, reporter: Reporter = SILENT) -> BoxSensitivity:
    """Return how the error grows as boxes get worse.

    Args:
        predictor: a model that crops around boxes.
        faces: labeled with its skeleton, or with one that contains its points.
        reporter: shows the progress.

    Raises:
        ConfigError: the model uses full images.
        AnnotationError: no image can be read.
        SkeletonError: the faces lack the predictor's points.
    """
    if predictor.backend.crop.box == "image":
        raise ConfigError(f"{predictor.backend.name} was trained on full images: it uses no box that could be shifted")
    faces = faces.reduced_to(predictor.skeleton)
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, len(faces))
    directions = {(face.image, face.face): angle for face, angle in zip(faces.annotations, angles, strict=True)}
    lengths = faces.annotations[0].normalizer_lengths()
    normalizer = default_normalizer(lengths)

    def changed(shift: float, scale: float) -> BoxFunction:
        def box(face: Annotation, _image: Image) -> FloatArray:
            angle = directions[face.image, face.face]
            return scale_box(face.points_box(), scale, shift * np.array([np.cos(angle), np.sin(angle)]))

        return box

    changes = [*((shift, 1.0) for shift in SHIFTS), *((0.0, scale) for scale in SCALES)]
    with reporter.task("changing boxes", len(changes)) as task:
        errors: list[float] = []
        for shift, scale in changes:
            errors.append(mean(evaluate(predictor, faces, changed(shift, scale)).nme(normalizer)))
            task.advance()
    return BoxSensitivity(normalizer, np.array(errors[: len(SHIFTS)]), np.array(errors[len(SHIFTS) :]))
