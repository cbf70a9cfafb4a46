"""Audited systems: models, and other predictors of the points of faces in given boxes."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from nasion.datasets.mapping import PointMapping
from nasion.errors import AnnotationError, ConfigError, SkeletonError
from nasion.geometry import FloatArray, box_around, similarity_between
from nasion.measure.heads import head_of
from nasion.predict.backends.backend import is_rejected
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet, Image, Prediction

__all__ = ["Found", "ModelSystem", "System"]


class Found(NamedTuple):
    """A face that a system found.

    Attributes:
        keypoints: (K, 2) the points that are labeled, px of the image.
        spread: (K,), px, and anisotropy: (K, 2), as in `Prediction`; NaN where unknown.
        is_rejected: whether the system rejects the face as a false detection.
        complete: the prediction with all points of the model; None if the system is not a model of nasion.
    """

    keypoints: FloatArray
    spread: FloatArray
    anisotropy: FloatArray
    is_rejected: bool = False
    complete: Prediction | None = None


class System(Protocol):
    """Finds the points of faces in given boxes.

    Attributes:
        name: its name in tables.
    """

    name: str

    def labeled(self, faces: DataSet) -> DataSet:
        """Return labeled faces with the points that the system finds.

        Raises:
            SkeletonError: they lack some of these points.
        """
        ...

    def box(self, face: Annotation) -> FloatArray:
        """Return the box (4,), image px, around a labeled face, as the system expects it.

        Raises:
            AnnotationError: the face has no bounding box.
        """
        ...

    def find(self, images: Sequence[Image], box: FloatArray) -> list[Found | None]:
        """Return the face in a box (4,) of each image (H, W, 3) uint8 RGB, px; None if the system returns no face."""
        ...


class ModelSystem:
    """A model of nasion.

    Args:
        predictor: the model.
        mapping: maps the model's points to the labeled ones, if their skeletons have no points in common; boxes then
            surround a mean head that is aligned with the labeled points.

    Raises:
        ConfigError: the model uses full images, or the mapping is from other points than the model's.
        SkeletonError: with a mapping, the model's skeleton has no head.
    """

    def __init__(self, predictor: Predictor, mapping: PointMapping | None = None) -> None:
        self.name, self.predictor, self.mapping = predictor.backend.name, predictor, mapping
        if predictor.uses_full_image:
            raise ConfigError(f"{self.name} uses full images; an audit needs a model that crops a box around the face")
        self.head: FloatArray | None = None
        if mapping is not None:
            mapping.check(predictor.skeleton)
            self.head = head_of(predictor.skeleton).points[:, :2] * [1, -1]  # y downwards, as in images

    def labeled(self, faces: DataSet) -> DataSet:
        """Return the faces with the model's points, or with those of the mapping."""
        if self.mapping is None:
            return faces.reduced_to(self.predictor.skeleton)
        if self.mapping.skeleton.names != faces.skeleton.names:
            raise SkeletonError(
                f"the mapping is to {self.mapping.skeleton.name}, but the data has the points of {faces.skeleton.name}"
            )
        return faces

    def box(self, face: Annotation) -> FloatArray:
        """Return the box (4,), image px, around the labeled points, or around a mean head that is aligned with them."""
        if self.mapping is None or self.head is None:
            return face.points_box()
        try:
            return box_around(similarity_between(self.mapping.mean(self.head), face.keypoints)(self.head))
        except ValueError:
            raise AnnotationError(f"{face.name}: its points are too few, or in one place") from None

    def find(self, images: Sequence[Image], box: FloatArray) -> list[Found | None]:
        """Return the face in a box (4,) of each image (H, W, 3) uint8 RGB, px."""
        return [self._found(each) for each in self.predictor.predict_boxes(images, [box] * len(images))]

    def _found(self, face: Prediction) -> Found:
        rejected = is_rejected(face, self.predictor.backend)
        if self.mapping is None:
            return Found(face.keypoints, face.spread, face.anisotropy, rejected, face)
        keypoints = self.mapping.mean(face.keypoints)  # the error of a mean of points is unknown
        unknown = np.full(len(keypoints), np.nan)
        return Found(keypoints, unknown, np.zeros_like(keypoints), rejected, face)
