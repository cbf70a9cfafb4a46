"""How far two labels of one photograph differ: corners of ArcFace crops, and points.

300-W has several copies of some photographs, each labeled separately, often with another size.

python bench/label_spread.py ibug:300w/lfpw/trainset ibug:300w/lfpw/testset ibug:300w/helen/trainset
"""

from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from nasion import datasets, images
from nasion.geometry import Affine, FloatArray
from nasion.measure.propagation import group_means
from nasion.measure.templates import corners, load_template
from nasion.sample import Annotation, DataSet, Image

SIZE = 112
"""Side of a crop, px."""

THUMBNAIL = 24
"""Side of the crops that are compared first, px."""

SIMILAR, SAME = 0.95, 0.99
"""Correlation from which thumbnails are compared, and from which registered photographs are the same."""

MIN_MATCHES = 100
"""Number of matched features from which one photograph is registered to another."""

FEATURES, TOLERANCE_PX = 1500, 1.5

console = Console()


def main(data: Annotated[list[str], typer.Argument(help="labeled faces with 68 points")]) -> None:
    """Compare all labels of one photograph, pair by pair."""
    faces: list[tuple[DataSet, Annotation]] = [
        (found, face) for found in map(datasets.load, data) for face in found.annotations
    ]
    thumbnails = np.stack([_thumbnail(*each) for each in track(faces, "reading", console=console)])
    likely = np.argwhere(np.triu(thumbnails @ thumbnails.T / thumbnails.shape[1] > SIMILAR, 1))
    found = [_compare(faces[a], faces[b]) for a, b in track(likely.tolist(), "comparing", console=console)]
    moved, apart = np.array([each for each in found if each is not None]).T
    console.print(
        f"{len(moved)} pairs of labels of one photograph, of {len(faces)} faces: corners of ArcFace crops are "
        f"{moved.mean():.2f} px apart on average, median {np.median(moved):.2f}; points {100 * np.median(apart):.2f} % "
        "of the inter-ocular distance (median)"
    )


def _arcface(keypoints: FloatArray) -> Affine:
    """Return the map from image px to crop px for keypoints (68, 2), image px."""
    template = load_template("arcface")
    return Affine(template.solve(group_means(keypoints, template.groups), SIZE))


def _thumbnail(data: DataSet, face: Annotation) -> FloatArray:
    """Return the gray values (N,) of a small aligned crop, with mean 0 and variance 1."""
    crop = images.warp(data.open_image(face), _arcface(face.keypoints), (SIZE, SIZE))
    small = cv2.resize(_gray(crop), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    return (small - small.mean()) / max(float(small.std()), 1e-6)


def _compare(first: tuple[DataSet, Annotation], second: tuple[DataSet, Annotation]) -> tuple[float, float] | None:
    """Return the mean distances of corners, crop px, and of points, shares; None for different photographs."""
    (data, face), (others, other) = first, second
    image, other_image = _gray(data.open_image(face)), _gray(others.open_image(other))
    register = _registered(image, other_image)
    if register is None:
        return None
    low, high = np.maximum(other.keypoints.min(0), 0).astype(int), other.keypoints.max(0).astype(int)
    part = slice(low[1], high[1]), slice(low[0], high[0])
    moved_image = cv2.warpAffine(image, register.matrix, other_image.shape[::-1])
    if np.corrcoef(moved_image[part].ravel(), other_image[part].ravel())[0, 1] < SAME:
        return None
    moved, square = register(face.keypoints), corners(SIZE)
    displaced = _arcface(moved)(_arcface(other.keypoints).inverse()(square)) - square
    apart = np.linalg.norm(moved - other.keypoints, axis=1).mean() / other.skeleton.normalizer_length(
        other.keypoints, "inter_ocular"
    )
    return float(np.linalg.norm(displaced, axis=1).mean()), float(apart)


def _registered(image: Image, other: Image) -> Affine | None:
    """Return the similarity from one gray image (H, W) uint8 to another, px; None without enough equal features."""
    detector = cv2.ORB.create(FEATURES)
    (points, described), (other_points, others) = (detector.detectAndCompute(each, None) for each in (image, other))
    if described is None or others is None:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(described, others)
    if len(pairs) < MIN_MATCHES:
        return None
    source = np.array([points[each.queryIdx].pt for each in pairs], np.float32)
    target = np.array([other_points[each.trainIdx].pt for each in pairs], np.float32)
    matrix, matched = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=TOLERANCE_PX)
    return Affine(np.asarray(matrix, np.float64)) if matrix is not None and matched.sum() >= MIN_MATCHES else None


def _gray(image: Image) -> Image:
    """Return an image (H, W, 3) uint8 RGB in gray (H, W)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


if __name__ == "__main__":
    typer.run(main)
