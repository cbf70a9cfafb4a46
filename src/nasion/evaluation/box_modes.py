"""The boxes that an evaluation uses: from the ground truth, a detector, a CSV file, or the full image."""

from collections.abc import Callable, Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from nasion.detect import iou
from nasion.errors import ConfigError
from nasion.geometry import FloatArray
from nasion.predict.boxes import boxes_from, check_box
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, Image

__all__ = ["BOX_MODES", "BoxFunction", "NoBoxError", "box_function", "describe_boxes"]

BOX_MODES = ("points", "image", "detector")
"""The box around the true keypoints, the full image, or the detector's box."""

FORMER_NAMES = {"picture": "image"}
"""Former names of box modes, which are still accepted."""

MIN_IOU = 0.2
"""IoU with the true box below which a box belongs to another face."""

BoxFunction = Callable[[Annotation, Image], ArrayLike | None]
"""Returns the box (4,), image px, for a labeled face in an image (H, W, 3); None is the full image.

Raises `NoBoxError` if there is none.
"""


class NoBoxError(Exception):
    """No box was found for a face. The face counts as lost, which is a result, not an error."""


def box_function(boxes: str, predictor: Predictor) -> BoxFunction:
    """Return the boxes of one of `BOX_MODES`, or of a CSV file.

    Raises:
        ConfigError: `boxes` is something else, or does not fit how the model was trained.
    """
    boxes = FORMER_NAMES.get(boxes, boxes)
    if boxes == "image":
        return lambda _face, _image: None
    if boxes not in BOX_MODES and not boxes.lower().endswith(".csv"):
        raise ConfigError(f'no boxes "{boxes}"; choose {", ".join(BOX_MODES)} or a CSV file')
    if predictor.backend.crop.box == "image":
        raise ConfigError(f"{predictor.backend.name} was trained on full images; evaluate it with --boxes image")
    if boxes == "points":
        return lambda face, _image: face.points_box()
    if boxes == "detector":
        return lambda face, image: _best_match([each.box for each in predictor.detector(image)], face)
    table = boxes_from(str(Path(boxes)))
    return lambda face, _image: _best_match([check_box(box) for box in table(face.image) or () if box], face)


def describe_boxes(boxes: str | BoxFunction, predictor: Predictor) -> str:
    """Return which boxes an evaluation uses, in a few words."""
    if not isinstance(boxes, str):
        return "given boxes"
    boxes = FORMER_NAMES.get(boxes, boxes)
    return f"boxes of {predictor.detector.name}" if boxes == "detector" else boxes


def _best_match(boxes: Sequence[FloatArray], face: Annotation) -> FloatArray:
    """Return the box (4,), image px, with the largest IoU with the face's true box."""
    true = face.points_box()
    best = max(boxes, key=lambda box: iou(box, true), default=None)
    if best is None or iou(best, true) < MIN_IOU:
        raise NoBoxError("no box overlaps this face")
    return best
