"""A replacement for face_alignment with its 68 points: `from nasion.compat import face_alignment`.

Names, arguments and types are those of face_alignment 1.5. Boxes are framed as by its default detector. Scores of
points are probabilities instead of heights of heatmaps. Points in three dimensions are not available.
"""

import warnings
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasion import images
from nasion.compat import shared
from nasion.compat.boxes import WIDER_FACE, keypoints_box
from nasion.datasets.folders import files_below
from nasion.errors import ConfigError
from nasion.geometry import box_size
from nasion.sample import Image, Prediction
from nasion.uncertainty import confidences

__all__ = ["FaceAlignment", "LandmarksType", "NetworkSize"]

Array = NDArray[np.float32]

Result = Any
"""Landmarks; or a triple of landmarks, scores and boxes if one of the latter two is requested."""

NO_FACES = "No faces were detected."
"""face_alignment's warning, which programs may filter."""


class LandmarksType(IntEnum):
    """The kind of points; nasion predicts `TWO_D`. The names with an underscore are those of earlier versions."""

    TWO_D = 1
    TWO_HALF_D = 2
    THREE_D = 3
    _2D = 1
    _2halfD = 2
    _3D = 3


class NetworkSize(IntEnum):
    """The size of face_alignment's network."""

    LARGE = 4


class FaceAlignment:
    """Predicts the 68 points of every face in an image.

    Args:
        landmarks_type: `LandmarksType.TWO_D`.
        network_size: not used, nor are the following, which configure face_alignment's networks;
            `nasion.compat.use` sets nasion's model.
        device: not used.
        dtype: not used.
        flip_input: not used.
        face_detector: not used.
        face_detector_kwargs: not used.
        verbose: not used.
        compile: not used.
        max_batch_size: not used.

    Raises:
        ConfigError: other points are requested.
    """

    def __init__(
        self,
        landmarks_type: int,
        network_size: int = NetworkSize.LARGE,
        device: str = "cuda",
        dtype: Any = None,
        flip_input: bool = True,
        face_detector: str = "sfd",
        face_detector_kwargs: dict[str, Any] | None = None,
        verbose: bool = False,
        compile: bool = True,  # noqa: A002
        max_batch_size: int = 1,
    ) -> None:
        if landmarks_type != LandmarksType.TWO_D:
            raise ConfigError(
                "nasion predicts points in the image plane only; use LandmarksType.TWO_D, or face_alignment itself"
            )
        self.landmarks_type = LandmarksType.TWO_D

    def get_landmarks_from_image(
        self,
        image_or_path: Any,
        detected_faces: Sequence[ArrayLike] | None = None,
        return_bboxes: bool = False,
        return_landmark_score: bool = False,
    ) -> Result:
        """Return the points of each face, a list of (68, 2) float32, image px; None and a warning without faces.

        Args:
            image_or_path: (H, W, 3) RGB or (H, W) gray, an array or a tensor with values 0 to 255, or a path.
            detected_faces: boxes of faces, (4,) or with a score (5,): x0, y0, x1, y1, image px.
            return_bboxes: whether to also return the boxes, a list of (5,): x0, y0, x1, y1, image px, score.
            return_landmark_score: whether to return a score (68,) for each point, 0 to 1: the probability that the
                point is within 5 % of the face's size of its true position.

        Returns:
            The list; if boxes or scores are requested, a triple: the list, the scores or None, the boxes or None.

        Raises:
            ImageError: the image cannot be read, or a box lies outside.
            ConfigError: a box is empty.
        """
        image = images.read(image_or_path) if isinstance(image_or_path, (str, Path)) else shared.as_rgb(image_or_path)
        faces = _faces(image, detected_faces)
        boxes = [_box(face) for face in faces] if detected_faces is None else detected_faces
        if not faces:
            warnings.warn(NO_FACES, stacklevel=2)
        return _result(
            [face.keypoints.astype(np.float32) for face in faces] or None,
            [_scores(face) for face in faces] or None if return_landmark_score else None,
            boxes or None if return_bboxes else None,
            return_bboxes or return_landmark_score,
        )

    get_landmarks = get_landmarks_from_image

    def get_landmarks_from_batch(
        self,
        image_batch: Any,
        detected_faces: Sequence[Sequence[ArrayLike]] | None = None,
        return_bboxes: bool = False,
        return_landmark_score: bool = False,
    ) -> Result:
        """Return the points of each image, (68 N, 2) float32 image px for N faces; an empty list for no face.

        Args:
            image_batch: (B, 3, H, W) RGB, an array or a tensor with values 0 to 255.
            detected_faces: boxes of the faces of each image, px; see `get_landmarks_from_image`.
            return_bboxes: whether to also return the boxes of each image.
            return_landmark_score: whether to also return the scores of each image.
        """
        landmarks: list[Any] = []
        scores: list[list[Array] | None] = []
        boxes: list[Sequence[ArrayLike]] = []
        for number, planes in enumerate(image_batch):
            image = shared.as_rgb(np.moveaxis(np.asarray(planes.cpu() if hasattr(planes, "cpu") else planes), 0, -1))
            given = None if detected_faces is None else detected_faces[number]
            faces = _faces(image, given)
            landmarks.append(np.concatenate([face.keypoints for face in faces]).astype(np.float32) if faces else [])
            scores.append([_scores(face) for face in faces] or None)
            boxes.append([_box(face) for face in faces] if given is None else given)
        several = return_bboxes or return_landmark_score
        return _result(landmarks, scores if return_landmark_score else None, boxes if return_bboxes else None, several)

    def get_landmarks_from_directory(
        self,
        path: str | Path,
        extensions: Iterable[str] = (".jpg", ".png"),
        recursive: bool = True,
        show_progress_bar: bool = True,
        return_bboxes: bool = False,
        return_landmark_score: bool = False,
    ) -> dict[str, Result]:
        """Return the result of `get_landmarks_from_image`, points (68, 2), image px, for each image's path.

        Args:
            path: a folder.
            extensions: suffixes of the images.
            recursive: whether to include the folders below.
            show_progress_bar: not used.
            return_bboxes: whether to also return boxes.
            return_landmark_score: whether to also return scores.
        """
        wanted = {extension.lower() for extension in extensions}
        files = (file for file in files_below(Path(path)) if recursive or file.parent == Path(path))
        return {
            str(file): self.get_landmarks_from_image(str(file), None, return_bboxes, return_landmark_score)
            for file in files
            if file.suffix.lower() in wanted
        }


def _faces(image: Image, boxes: Sequence[ArrayLike] | None) -> list[Prediction]:
    """Return the faces of an image (H, W, 3), in the given boxes (4,) or (5,), px, or all that the detector finds."""
    if boxes is None:
        return shared.predictor()(image)
    framed = (np.asarray(box, np.float64)[:4] for box in boxes)
    return shared.predictor()(image, [WIDER_FACE.keypoints_box(box) for box in framed])


def _box(face: Prediction) -> Array:
    """Return the box of a face, framed as by face_alignment's detector, image px, and its score, (5,)."""
    return np.append(WIDER_FACE.detector_box(keypoints_box(face)), face.score).astype(np.float32)


def _scores(face: Prediction) -> Array:
    """Return the probability (K,) of each point to be close to its true position."""
    return confidences(face.spread, box_size(keypoints_box(face))).astype(np.float32)


def _result(landmarks: Any, scores: Any, boxes: Any, several: bool) -> Result:
    return (landmarks, scores, boxes) if several else landmarks


def __getattr__(name: str) -> Any:
    raise shared.missing_name(__name__, name, __all__)
