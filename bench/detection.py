"""Measure when a finer search for faces pays: recall and cost for several limits.

python bench/detection.py 300W_DIR YUNET_FILE

Collages of labeled training faces, from 1 to 25 % of the image's longer side, half of them on one image with faces of
all sizes, show what is missed; the training photographs themselves show how often the finer search runs in vain.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import typer
from numpy.random import Generator
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nasion import datasets, images
from nasion.detect import Detection, YuNet, iou, non_max_suppression, search, yunet
from nasion.geometry import Affine, FloatArray, box_size, scale_box
from nasion.sample import Annotation, DataSet, Image

SIZES = {"large": (1200, 1600), "small": (480, 640)}
"""(height, width) of the collages, px, and their kinds of images."""

SMALLEST, LARGEST = 0.012, 0.25
"""Size of a face relative to the longer side of its collage."""

SURROUNDINGS = 2.0
"""Size of the part of a photograph that is pasted, relative to the box around the face's points."""

TRIES = 60
"""Positions that are tried for a face."""

SAME_FACE = 0.4
"""IoU from which a detection is a labeled face."""

LIMITS = (np.inf, 24, 48, 64, 96)
WEAK_SCORES = (0.1, 0.2, 0.3)
"""Values of `search.SMALL_FACE` and `yunet.WEAK_SCORE`; an infinite limit always searches twice."""


class Scene(NamedTuple):
    """What both searches find in an image, the scale of the first, and the boxes (N, 4) of its faces, px."""

    boxes: FloatArray
    scale: float
    coarse: list[Detection]
    fine: list[Detection]


def main(
    data: Annotated[Path, typer.Argument(help="300-W's folder; its training faces are used")],
    weights: Annotated[Path, typer.Argument(help="YuNet's file")],
    count: Annotated[int, typer.Option(help="number of collages and of photographs")] = 120,
) -> None:
    """Print the table."""
    faces = datasets.load(f"ibug:{data}").of_split("train")
    yunet.WEAK_SCORE = min(WEAK_SCORES)
    detector = YuNet(weights)
    columns = ("images", "smallest face, px", "weak score", "recall, equal sizes", "all sizes")
    table = Table(*columns, "searched twice", "photographs")
    for kind, size in SIZES.items():
        random = np.random.default_rng(0)
        collages = [searched(detector, *collage(faces, size, random, k % 2 == 1)) for k in track(range(count), kind)]
        chosen = random.permutation(len(faces))[:count].tolist()
        photographs = (resized(faces.load(index).image, max(size)) for index in chosen)
        ordinary = [searched(detector, image, np.empty((0, 4))) for image in photographs]
        for limit, weak in product(LIMITS, WEAK_SCORES):
            if np.isfinite(limit) or weak == WEAK_SCORES[0]:
                table.add_row(kind, str(limit), str(weak), *rates(collages, ordinary, float(limit), weak))
    Console(width=120).print(table)


def rates(collages: Sequence[Scene], ordinary: Sequence[Scene], limit: float, weak: float) -> list[str]:
    """Return the recall on both kinds of collages, and the shares of collages and photographs searched twice."""
    search.SMALL_FACE = limit  # infinite: always search twice
    results = [decide(scene, weak) for scene in collages]
    hits = [np.mean([hit for found, _ in results[kind::2] for hit in found]) for kind in (0, 1)]
    twice = [np.mean([again for _, again in each]) for each in (results, [decide(scene, weak) for scene in ordinary])]
    return [f"{100 * value:.1f} %" for value in (*hits, *twice)]


def decide(scene: Scene, weak: float) -> tuple[list[bool], bool]:
    """Return whether each face of a scene is found, and whether it is searched twice."""
    candidates = [each for each in scene.coarse if each.score >= weak]
    twice = search.needs_finer(candidates, len(YuNet.search.accepted(candidates)), scene.scale)
    found = non_max_suppression(YuNet.search.accepted([*candidates, *(scene.fine if twice else ())]))
    boxes = np.array([each.box for each in found]).reshape(-1, 4)
    return [bool((iou(box, boxes) > SAME_FACE).any()) for box in scene.boxes], twice


def searched(detector: YuNet, image: Image, boxes: FloatArray) -> Scene:
    """Return what both searches find in an image (H, W, 3) with faces (N, 4), px."""
    longest = max(image.shape[:2])
    coarse, fine = search.SMALL_SIDES if longest <= search.SMALL_IMAGE else search.LARGE_SIDES
    results = (detector.search.at(image, detector.candidates, side) for side in (coarse, fine))
    return Scene(boxes, coarse / longest, *results)


def resized(image: Image, side: int) -> Image:
    """Return an image (H, W, 3) whose longer side is `side`, px."""
    scale = side / max(image.shape[:2])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)


def collage(faces: DataSet, size: tuple[int, int], random: Generator, mixed: bool) -> tuple[Image, FloatArray]:
    """Return a collage (H, W, 3) of `size`, and the boxes (N, 4) of its faces, px, on a blurred face."""
    height, width = size
    ground = faces.load(int(random.integers(len(faces)))).image
    canvas = cv2.GaussianBlur(cv2.resize(ground, (width, height)), (0, 0), width / 25)
    count = int(random.integers(1, 9))
    logs = random.uniform(np.log(SMALLEST), np.log(LARGEST), count if mixed else 1)
    taken: list[FloatArray] = []
    boxes: list[FloatArray] = []
    for side in sorted(np.broadcast_to(np.exp(logs) * width, count), reverse=True):
        part, box = cut(faces, int(random.integers(len(faces))), float(side))
        space = np.array([width - part.shape[1], height - part.shape[0]])
        for _ in range(TRIES if (space > 0).all() else 0):
            x, y = (int(value) for value in random.integers(0, space))
            place = np.array([x, y, x + part.shape[1], y + part.shape[0]], np.float64)
            if all(iou(place, other) == 0 for other in taken):
                taken.append(place)
                canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
                boxes.append(box + np.tile([x, y], 2))
                break
    return np.asarray(canvas, np.uint8), np.array(boxes).reshape(-1, 4)


def cut(faces: DataSet, index: int, size: float) -> tuple[Image, FloatArray]:
    """Return a face with its surroundings, scaled so that its box has `size`, px, and the box (4,) in it."""
    sample = faces.load(index)
    face: Annotation = sample.annotation
    box = face.points_box()
    limits = np.tile(sample.image.shape[1::-1], 2)
    x0, y0, x1, y1 = np.clip(np.rint(scale_box(box, SURROUNDINGS)), 0, limits).astype(int).tolist()
    part = sample.image[y0:y1, x0:x1]
    scale = size / box_size(box)
    shape = max(1, round(part.shape[0] * scale)), max(1, round(part.shape[1] * scale))
    return images.warp(part, Affine.resize(part.shape[:2], shape), shape), (box - np.tile([x0, y0], 2)) * scale


if __name__ == "__main__":
    typer.run(main)
