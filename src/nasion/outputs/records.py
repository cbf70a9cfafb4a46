"""Images with their faces, the form in which every format writes labels and predictions; what labels may hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasion.geometry import FloatArray, is_present
from nasion.outputs.names import ELLIPSE_FIELDS, SCHEMA_VERSION
from nasion.sample import Annotation, Prediction
from nasion.skeleton import Skeleton

__all__ = [
    "ELLIPSE_FIELDS",
    "LABEL_CONTENTS",
    "PREDICTED",
    "Content",
    "ImageRecord",
    "LabelSet",
    "ellipse_values",
    "face_values",
    "faces_by_image",
    "file_version",
    "header_values",
    "point_values",
    "predicted_faces",
    "prediction_values",
]

POINT_DECIMALS, BOX_DECIMALS, SCORE_DECIMALS = 3, 2, 4
"""Decimals of written coordinates and spreads, px, of boxes, px, and of scores."""


class Content(StrEnum):
    """What labels may hold beside coordinates; the values are the words that users read."""

    VISIBILITY = "visibility"
    MISSING = "missing points"
    BOXES = "boxes"
    NAMES = "point names"
    SUBJECTS = "subjects"
    SPLITS = "splits"
    SEVERAL = "several faces per image"
    EMPTY = "images without a face"
    SCORES = "scores"
    SPREAD = "uncertainty"
    ELLIPSES = "uncertainty ellipses"
    FRACTIONS = "fractions of a pixel"


PREDICTED = frozenset({Content.BOXES, Content.SCORES, Content.SPREAD, Content.ELLIPSES, Content.NAMES})
"""What predictions hold; missing points, several faces and images without a face are possible."""


LABEL_CONTENTS = {"subject": Content.SUBJECTS, "split": Content.SPLITS}
"""Attributes of labels that are written only if the contents name them."""


class ImageRecord(NamedTuple):
    """One image with its faces.

    Attributes:
        image: the name that is written, a path.
        size: (height, width) of the upright image, px.
        faces: the faces in order; empty if there is none.
    """

    image: str
    size: tuple[int, int]
    faces: Sequence[Annotation]


@dataclass(frozen=True, eq=False)
class LabelSet:
    """Images with their faces, and what holds for all of them.

    Attributes:
        skeleton: the skeleton of every face.
        images: the images in order; may be iterated several times.
        contents: what the faces hold.
        model: name of the model that predicted the faces; None for labels.
        measured: whether the faces have measurements.
    """

    skeleton: Skeleton
    images: Iterable[ImageRecord]
    contents: frozenset[Content] = PREDICTED
    model: str | None = None
    measured: bool = False


def faces_by_image(faces: Iterable[Annotation]) -> dict[Path, list[Annotation]]:
    """Return the faces of each image, in the order of the images' first faces."""
    found: dict[Path, list[Annotation]] = {}
    for face in faces:
        found.setdefault(face.image, []).append(face)
    return found


def predicted_faces(image: str | Path, faces: Sequence[Prediction], measure: bool = False) -> list[Annotation]:
    """Return predictions as labels of an image, with measurements on request."""
    return [
        Annotation(
            image=Path(image),
            keypoints=face.keypoints,
            skeleton=face.skeleton,
            visible=np.ones(face.skeleton.count, bool),
            box=face.box,
            face=number,
            score=face.score,
            spread=face.spread if np.isfinite(face.spread).any() else None,
            ellipses=face.ellipses if np.isfinite(face.spread).any() else None,
            hidden_probability=face.hidden_probability if np.isfinite(face.hidden_probability).any() else None,
            measurements=face.measurements if measure else None,
        )
        for number, face in enumerate(faces)
    ]


def file_version() -> dict[str, Any]:
    """Return the first entries of every JSON file: the versions of its form and of nasion."""
    return {"schema_version": SCHEMA_VERSION, "nasion_version": metadata.version("nasion")}


def header_values(skeleton: Skeleton, model: str | None) -> dict[str, Any]:
    """Return the values of `schema.Header`."""
    return {**file_version(), "model": model, "skeleton": skeleton.name, "point_names": list(skeleton.names)}


def face_values(number: int, face: Annotation, contents: frozenset[Content] = PREDICTED) -> dict[str, Any]:
    """Return the values of `schema.Face`, rounded; unknown values are None, and optional ones are left out.

    Args:
        number: the face's number in its image.
        face: the face.
        contents: what the labels hold; visibility, subject and split are written only if it names them.
    """
    values: dict[str, Any] = {
        "face": number,
        "score": None if face.score is None else round(face.score, SCORE_DECIMALS),
        "box": None if face.box is None else np.round(face.box, BOX_DECIMALS).tolist(),
        "keypoints": point_values(face.keypoints),
        "spread_px": None if face.spread is None else _numbers(face.spread),
        "ellipses": ellipse_values(face.ellipses),
    }
    if Content.VISIBILITY in contents:
        present = is_present(face.keypoints)
        values["hidden_probability"] = [
            float(not shown) if there else None for shown, there in zip(face.visible, present, strict=True)
        ]
    elif face.hidden_probability is not None:
        values["hidden_probability"] = _numbers(face.hidden_probability)
    if face.measurements is not None:
        values["measurements"] = {name: each.to_table() for name, each in face.measurements.items()}
    known = [key for key, content in LABEL_CONTENTS.items() if content in contents]
    return values | {key: getattr(face, key) for key in known if getattr(face, key)}


def prediction_values(number: int, face: Prediction, measure: bool = False) -> dict[str, Any]:
    """Return the values of `schema.Face` for a predicted face; `number` is its number in its image."""
    (label,) = predicted_faces("", [face], measure)
    return face_values(number, label)


def point_values(keypoints: FloatArray) -> list[tuple[float, float] | None]:
    """Return keypoints (K, 2), image px, as pairs rounded to 0.001 px; None for missing points.

    >>> point_values(np.array([[1.23456, 2.0], [np.nan, np.nan]]))
    [(1.235, 2.0), None]
    """
    pairs = np.round(keypoints, POINT_DECIMALS).tolist()
    return [None if isnan(x) or isnan(y) else (x, y) for x, y in pairs]


def ellipse_values(ellipses: FloatArray | None) -> dict[str, list[float | None]] | None:
    """Return the values of `schema.Ellipses` for ellipses (K, 3): half axes, image px, and angle, degrees."""
    if ellipses is None:
        return None
    known = np.where(np.isfinite(ellipses).all(1, keepdims=True), ellipses, np.nan)
    return {name: _numbers(column) for name, column in zip(ELLIPSE_FIELDS, known.T, strict=True)}


def _numbers(values: FloatArray) -> list[float | None]:
    return [None if isnan(value) else round(value, POINT_DECIMALS) for value in values.tolist()]
