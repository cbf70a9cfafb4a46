"""Faces as objects of other packages: key points of supervision, labels and samples of FiftyOne."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, overload

import numpy as np

from nasion import images
from nasion.errors import ConfigError
from nasion.geometry import FloatArray, box_around, box_size, is_present, normalize
from nasion.outputs.records import faces_by_image, predicted_faces
from nasion.sample import Annotation, DataSet, Image, Prediction
from nasion.uncertainty import confidences

__all__ = ["to_fiftyone", "to_supervision"]

LABEL = "face"
"""Label of a face in FiftyOne, and class name in supervision."""

FACES = "faces"
"""Field of FiftyOne's samples with the faces."""


def to_supervision(faces: Sequence[Prediction]) -> Any:
    """Return the faces of an image as supervision's `KeyPoints`, image px.

    `xy` (N, K, 2) has (0, 0) for missing points, which supervision does not draw. If the model predicts an uncertainty,
    the confidence of a point is the probability that it is within 5 % of the face's size of its true position, and
    `data["spread_px"]` (N, K) is its spread, image px.

    Args:
        faces: the faces of an image, as a `Predictor` returns them.

    Raises:
        ConfigError: supervision is not installed.

    >>> import nasion, supervision                                         # doctest: +SKIP
    >>> points = nasion.to_supervision(nasion.Predictor()("me.jpg"))       # doctest: +SKIP
    >>> supervision.VertexAnnotator().annotate(image, points)              # doctest: +SKIP
    """
    key_points = _package("supervision", "to_supervision").KeyPoints
    if not len(faces):
        return key_points.empty()
    keypoints = np.stack([face.keypoints for face in faces])
    values: dict[str, Any] = {
        "xy": np.where(is_present(keypoints)[..., None], keypoints, 0.0).astype(np.float32),
        "class_id": np.zeros(len(faces), int),
        "data": {"class_name": np.array([LABEL] * len(faces))},
    }
    fields = key_points.__dataclass_fields__  # earlier versions have one kind of confidence, that of points
    if "detection_confidence" in fields:
        values["detection_confidence"] = np.array([face.score for face in faces], np.float32)
    if all(np.isfinite(face.spread).any() for face in faces):
        known = np.stack([_confidences(face.keypoints, face.spread) for face in faces])
        values["keypoint_confidence" if "keypoint_confidence" in fields else "confidence"] = known.astype(np.float32)
        values["data"]["spread_px"] = np.stack([face.spread for face in faces])
    return key_points(**values)


@overload
def to_fiftyone(faces: Sequence[Prediction], image: Image | str | Path) -> Any: ...
@overload
def to_fiftyone(faces: DataSet) -> list[Any]: ...


def to_fiftyone(faces: Sequence[Prediction] | DataSet, image: Image | str | Path | None = None) -> Any:
    """Return the faces of an image as FiftyOne's `Keypoints`, or a data set as a list of its `Sample`s.

    Points are shares of the image's width and height, NaN where missing. A face has its score, spreads, image px, and
    confidences, the probability of each point to be within 5 % of the face's size of its true position, as far as they
    are known. A sample has the faces in the field "faces", and its split as a tag.

    Args:
        faces: the faces of an image, as a `Predictor` returns them, or a data set.
        image: the image of the faces, (H, W, 3), or its path; only its size is used.

    Raises:
        ConfigError: FiftyOne is not installed, or the faces come without their image.
        ImageError: an image cannot be read.

    >>> import nasion, fiftyone                                            # doctest: +SKIP
    >>> dataset = fiftyone.Dataset("faces")                                # doctest: +SKIP
    >>> dataset.add_samples(nasion.to_fiftyone(nasion.load("ibug:DIR")))   # doctest: +SKIP
    """
    package = _package("fiftyone", "to_fiftyone")
    if isinstance(faces, DataSet):
        grouped = faces_by_image(faces.annotations) | {image: [] for image in faces.empty_images}
        return [_sample(package, path, inside) for path, inside in grouped.items()]
    if image is None:
        raise ConfigError(
            "to_fiftyone also needs the image of the faces, because FiftyOne's points are shares of its size"
        )
    size = images.size(image) if isinstance(image, (str, Path)) else np.shape(image)[:2]
    return _keypoints(package, predicted_faces("", faces), (size[0], size[1]))


def _package(name: str, function: str) -> Any:
    """Return another package.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(f"{function} needs {name} ({error}); pip install {name}") from None


def _sample(package: Any, path: Path, faces: Sequence[Annotation]) -> Any:
    tags = sorted({face.split for face in faces if face.split})
    sample = package.Sample(filepath=str(path.resolve()), tags=tags)
    sample[FACES] = _keypoints(package, faces, images.size(path))
    return sample


def _keypoints(package: Any, faces: Sequence[Annotation], size: tuple[int, int]) -> Any:
    """Return the faces of an image of `size` (height, width), px, as FiftyOne's Keypoints."""
    return package.Keypoints(keypoints=[_keypoint(package, face, size) for face in faces])


def _keypoint(package: Any, face: Annotation, size: tuple[int, int]) -> Any:
    """Return a face in an image of `size` (height, width), px, as FiftyOne's Keypoint."""
    shares = (normalize(face.keypoints, size) + 1) / 2
    known: dict[str, Any] = {}
    if face.spread is not None:
        known["confidence"] = _confidences(face.keypoints, face.spread).tolist()
        known["spread_px"] = face.spread.tolist()
    if face.score is not None:
        known["score"] = face.score
    if not face.visible.all():
        known["visible"] = face.visible.tolist()
    return package.Keypoint(label=LABEL, points=[tuple(point) for point in shares.tolist()], **known)


def _confidences(keypoints: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the probability (K,) of keypoints (K, 2) with a spread (K,), image px, to be close to the truth."""
    present = is_present(keypoints)
    return confidences(np.where(present, spread, np.nan), box_size(box_around(keypoints)) if present.any() else np.nan)
