"""Points for faces that have no labels yet: a model's prediction or, for new skeletons, the mean of the labels."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import RLock
from typing import Literal, NamedTuple

import numpy as np

from nasion.evaluation.metrics import point_errors
from nasion.geometry import FloatArray, box_around, box_center, box_size, has_extent, is_present
from nasion.predict.predictor import Predictor
from nasion.sample import Image, Prediction
from nasion.studio.albums.album import Album
from nasion.studio.albums.point_names import Landmark, landmarks
from nasion.studio.albums.starting_shape import Example, matched, starting_points

__all__ = ["Start", "Suggestion", "Suggestions", "uncertainty"]

Start = Literal["labels", "model", "mean_shape", "none"]
"""Where the points of a face come from; "none" if the user has to place them."""

MAX_KEPT = 4000
"""Number of images whose detected faces are kept."""

MAX_EXAMPLES = 12
"""Number of labeled faces of which the mean is taken."""


MAX_UNCERTAINTY = 0.1
"""Uncertainty from which the mean of the labels takes the place of a model's points, as `uncertainty` returns it."""


class Suggestion(NamedTuple):
    """Points for a face.

    Attributes:
        keypoints: (K, 2), image px; NaN where unknown.
        prediction: the model's prediction; None if they come from the mean shape.
    """

    keypoints: FloatArray
    prediction: Prediction | None = None


class Suggestions:
    """Suggestions for one album.

    Args:
        album: the album.
    """

    def __init__(self, album: Album) -> None:
        self.album = album
        self._found: OrderedDict[tuple[int, Predictor], list[Prediction]] = OrderedDict()
        self._lock = RLock()

    def fits(self, predictor: Predictor) -> bool:
        """Return whether a model has the points of the album."""
        return predictor.skeleton.names == self.album.skeleton.names

    def detected(self, number: int, predictor: Predictor, image: Image | None = None) -> list[Prediction]:
        """Return the predicted faces of image `number`; they are kept.

        Args:
            number: the image.
            predictor: the model.
            image: (H, W, 3) uint8 RGB, if it has been read already.
        """
        key = number, predictor
        if key not in self._found:
            faces = predictor(self.album.read_image(number) if image is None else image)
            with self._lock:
                self._found[key] = faces
                while len(self._found) > MAX_KEPT:
                    self._found.popitem(last=False)
        return self._found[key]

    def faces(self, number: int, predictor: Predictor, reference: Predictor) -> tuple[list[Suggestion], Start]:
        """Return points for all faces of an image without labels, and where they come from.

        Args:
            number: the image.
            predictor: a model for the album's points, or any other one.
            reference: the model that aligns faces.
        """
        if self.fits(predictor):
            return self._trusted(number, self.detected(number, predictor), reference)
        examples = self._examples(reference)
        if not examples:
            return [], "none"
        found = self.detected(number, reference)
        return [Suggestion(starting_points(examples, face.keypoints)) for face in found], "mean_shape"

    def face_in(
        self, number: int, box: FloatArray, predictor: Predictor, reference: Predictor
    ) -> tuple[Suggestion | None, Start]:
        """Return points for the face in a box (4,), image px, that the user has drawn around it."""
        image = self.album.read_image(number)
        if self.fits(predictor):
            (suggestion,), start = self._trusted(number, predictor.predict_boxes([image], [box]), reference)
            return suggestion, start
        examples = self._examples(reference)
        if not examples:
            return None, "none"
        face = reference.predict_boxes([image], [box])[0]
        return Suggestion(starting_points(examples, face.keypoints)), "mean_shape"

    def predictions(
        self, number: int, labels: Sequence[FloatArray], predictor: Predictor, image: Image
    ) -> list[Prediction | None]:
        """Return the model's prediction of each labeled face (K, 2), image px; None where it has none."""
        if not self.fits(predictor):
            return [None] * len(labels)
        boxes = [box_around(face) if has_extent(face) else None for face in labels]
        given = [box for box in boxes if box is not None]
        predicted = iter(predictor.predict_boxes([image] * len(given), given) if given else [])
        return [
            self._nearest(number, face, predictor, image) if box is None else next(predicted)
            for face, box in zip(labels, boxes, strict=True)
        ]

    def landmarks(self, number: int, reference: Predictor) -> list[list[Landmark]]:
        """Return the named places of each face of an image."""
        return [landmarks(face.keypoints) for face in self.detected(number, reference)]

    def _trusted(
        self, number: int, faces: Sequence[Prediction], reference: Predictor
    ) -> tuple[list[Suggestion], Start]:
        """Return a model's faces; those of which it is too uncertain start at the mean of the labels instead.

        A model that was trained for a short time on few faces may know less than their mean.
        """
        suggestions = [Suggestion(face.keypoints, face) for face in faces]
        doubtful = [k for k, face in enumerate(faces) if (uncertainty(face, None) or 0) > MAX_UNCERTAINTY]
        examples = self._examples(reference) if doubtful else []
        others = self.detected(number, reference) if examples else []
        for k in doubtful if others else ():
            center = box_center(faces[k].box)
            near = min(others, key=lambda other: float(np.linalg.norm(box_center(other.box) - center)))
            suggestions[k] = Suggestion(starting_points(examples, near.keypoints))
        is_mean = bool(suggestions) and all(each.prediction is None for each in suggestions)
        return suggestions, "mean_shape" if is_mean else "model"

    def _nearest(self, number: int, face: FloatArray, predictor: Predictor, image: Image) -> Prediction | None:
        """Return the detected face nearest to labels (K, 2), image px, that have no extent, such as a single point."""
        found = self.detected(number, predictor, image)
        if not found or not is_present(face).any():
            return None
        center = box_center(box_around(face))
        return min(found, key=lambda each: float(np.linalg.norm(box_center(box_around(each.keypoints)) - center)))

    def _examples(self, reference: Predictor) -> list[Example]:
        """Return labeled faces with their points of the reference model, at most `MAX_EXAMPLES`."""
        if self.fits(reference):
            return []
        examples: list[Example] = []
        for number in sorted(self.album.labeled):
            for face in self.album.faces(number) or ():
                points = matched(face, self.detected(number, reference))
                if points is not None:
                    examples.append(Example(points, face))
            if len(examples) >= MAX_EXAMPLES:
                break
        return examples


def uncertainty(face: Prediction, labels: FloatArray | None) -> float | None:
    """Return the uncertainty of a face: the mean over its keypoints, as a fraction of the face's size.

    A keypoint counts with its predicted spread, or with its distance to the label if that is larger. Labels that were
    written by a model have no such distance; the spread still finds those of which the model was uncertain.

    Args:
        face: the prediction.
        labels: (K, 2), image px; None without labels.
    """
    errors = face.spread if labels is None else np.fmax(face.spread, point_errors(face.keypoints, labels))
    return float(np.nanmean(errors)) / box_size(face.box) if np.isfinite(errors).any() else None
