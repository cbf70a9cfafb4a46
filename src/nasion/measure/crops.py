"""Aligned crops of faces, with the maps in both directions."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from nasion import images
from nasion.errors import ConfigError, MeasurementError, suggest
from nasion.geometry import Affine, FloatArray
from nasion.measure.propagation import group_means, propagated_means
from nasion.measure.templates import MAX_SIDE, Template, corners, load_template
from nasion.sample import Image, Prediction

__all__ = ["BORDERS", "Crop", "align", "crop"]

BORDERS = {
    "black": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
}
"""What is shown beyond the edge of the image, by name."""

DEFAULT_BORDER = "black"
"""ArcFace's own crops are black beyond the image."""

MATRIX_DIGITS = 8
"""Decimals of a matrix in JSON; a coordinate of 10,000 px is then exact to 0.0001 px."""


@dataclass(frozen=True, eq=False)
class Crop:
    """An aligned crop of a face.

    Attributes:
        image: (N, N, 3) uint8 RGB.
        to_crop: maps image px to crop px.
        corner_error_px: standard error of the positions of the crop's corners, crop px: root mean square over them;
            NaN if the model predicts no uncertainty, or one of the template's points is hidden.
        template: the name of the template.
    """

    image: Image
    to_crop: Affine
    corner_error_px: float
    template: str

    @property
    def to_image(self) -> Affine:
        """The map from crop px to image px."""
        return self.to_crop.inverse()

    def to_table(self) -> dict[str, Any]:
        """Return the crop without its image as JSON values: matrices (2, 3) and sizes, px."""
        error = self.corner_error_px
        return {
            "template": self.template,
            "size": len(self.image),
            "image_to_crop": np.round(self.to_crop.matrix, MATRIX_DIGITS).tolist(),
            "crop_to_image": np.round(self.to_image.matrix, MATRIX_DIGITS).tolist(),
            "corner_error_px": round(error, 4) if np.isfinite(error) else None,
        }


def align(face: Prediction, template: str | Template = "arcface", size: int | None = None) -> tuple[Affine, float]:
    """Return the map from image px to crop px, and the standard error of the crop's corners, crop px.

    The map also uses the predicted positions of hidden points; the error is then NaN.

    Args:
        face: the face.
        template: a template, its name, or the path of its TOML file.
        size: side of the crop, px; default: the template's.

    Raises:
        ConfigError: the template or the size is unknown or out of range.
        SkeletonError: the template's points in the face's skeleton are unknown.
        MeasurementError: the template's points are missing in this face, or coincide.
    """
    form = load_template(template) if isinstance(template, str) else template
    side = form.size if size is None else size
    check_size(side)
    groups = form.indices_in(face.skeleton)
    base = form.solve(group_means(face.keypoints, groups), side)
    if not np.isfinite(base).all():
        raise MeasurementError(
            f'the template "{form.name}" needs points that are missing in this face, or all in one place'
        )
    affine = Affine(base)
    edges = affine.inverse()(corners(side))

    def moved(means: FloatArray) -> FloatArray:
        """Return where the corners of the crop would be (..., 8), crop px, for means (..., N, 2), image px."""
        matrices = form.solve(means, side)
        at = np.einsum("...ij,kj->...ki", matrices[..., :2], edges) + matrices[..., None, :, 2]
        return at.reshape(*at.shape[:-2], -1)

    _, covariance = propagated_means(face, groups, moved)
    return affine, float(np.sqrt(np.trace(covariance) / len(edges)))


def crop(
    face: Prediction,
    image: Image,
    template: str | Template = "arcface",
    size: int | None = None,
    border: str = DEFAULT_BORDER,
) -> Crop:
    """Return the aligned crop of a face.

    Args:
        face: the face.
        image: (H, W, 3) uint8 RGB, the image of the face.
        template: "arcface", "ffhq", "dlib", the path of a TOML file, or a template.
        size: side of the crop, px; default: the template's.
        border: what is shown beyond the image: "black", "replicate" or "reflect".

    Raises:
        ConfigError: template, size or border are unknown or out of range.
        SkeletonError: the template's points in the face's skeleton are unknown.
        MeasurementError: the template's points are missing in this face, or coincide.
    """
    mode = check_border(border)
    form = load_template(template) if isinstance(template, str) else template
    side = form.size if size is None else size
    affine, error = align(face, form, side)
    return Crop(images.warp(image, affine, (side, side), mode), affine, error, form.name)


def check_border(border: str) -> int:
    """Return OpenCV's number of a border mode.

    Raises:
        ConfigError: it is none of `BORDERS`.
    """
    if border not in BORDERS:
        raise ConfigError(f'unknown border "{border}"; {suggest(border, BORDERS)}')
    return BORDERS[border]


def check_size(side: int) -> None:
    """Check the side of a crop, px.

    Raises:
        ConfigError: it is out of range.
    """
    if not 1 <= side <= MAX_SIDE:
        raise ConfigError(f"a crop has a side of 1 to {MAX_SIDE} px, not {side}")
