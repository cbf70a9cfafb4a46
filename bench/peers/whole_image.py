"""Compare whole systems, from a decoded image to the keypoints of all faces: each with its own detector, on one core.

python bench/peers/whole_image.py IMM_DIR DLIB_FACES_DIR [--detector-weights FILE]

The first folder is the IMM Face Database (640 x 480 px, one face); its test images are persons 33 to 40. The second has
photographs with several faces and their labels in dlib's XML.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import dlib
import face_recognition_models
import mediapipe
import numpy as np
import typer
from measures import one_core
from rich.console import Console
from rich.table import Table

import nasion
from nasion import datasets, images
from nasion.detect import iou
from nasion.geometry import FloatArray, box_around
from nasion.sample import Image

ROUNDS = 3
"""Repetitions of each timing; the systems take turns, and the fastest counts."""

MOST_FACES = 40
"""Largest number of faces that MediaPipe is asked for."""

SAME_FACE = 0.3
"""IoU from which a found face is the labeled one."""


class System(NamedTuple):
    """A system: its name, and a function from an image (H, W, 3) to the points (K, 2), image px, of each face."""

    name: str
    find: Callable[[Image], list[FloatArray]]


def of_nasion(model: str, weights: Path | None) -> System:
    """Return a packaged model with nasion's default detector."""
    predictor = nasion.Predictor(model, weights)
    return System(f"nasion, {model}", lambda image: [face.keypoints for face in predictor(image)])


def of_dlib(upsample: int) -> System:
    """Return dlib's frontal detector on an image enlarged 2 ** `upsample` times, and its shipped 68-point model."""
    detect = dlib.get_frontal_face_detector()
    predict = dlib.shape_predictor(face_recognition_models.pose_predictor_model_location())

    def find(image: Image) -> list[FloatArray]:
        found = (predict(image, box) for box in detect(image, upsample))
        return [np.array([[point.x, point.y] for point in face.parts()], np.float64) for face in found]

    return System(f"dlib, image enlarged {2**upsample}x" if upsample else "dlib", find)


def of_mediapipe() -> System:
    """Return MediaPipe's face mesh with its own detector."""
    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=MOST_FACES)

    def find(image: Image) -> list[FloatArray]:
        size = np.array(image.shape[1::-1])
        found = mesh.process(image).multi_face_landmarks or ()
        return [np.array([[mark.x, mark.y] for mark in face.landmark]) * size - 0.5 for face in found]

    return System("MediaPipe face mesh", find)


def milliseconds(systems: list[System], scenes: list[Image]) -> dict[str, float]:
    """Return each system's mean time per image, ms, on one core, in its fastest round."""
    best = dict.fromkeys((system.name for system in systems), np.inf)
    with one_core():
        for _ in range(ROUNDS):
            for system in systems:
                began = time.perf_counter()
                for image in scenes:
                    system.find(image)
                best[system.name] = min(best[system.name], 1000 * (time.perf_counter() - began) / len(scenes))
    return best


def recall(system: System, folder: Path) -> tuple[int, int, int]:
    """Return the number of labeled faces that a system finds, of labeled faces, and of other detections."""
    labeled: dict[Path, list[FloatArray]] = {}
    for file in sorted(folder.glob("*.xml")):
        for face in datasets.load(f"dlib:{file}").annotations:
            labeled.setdefault(face.image, []).append(face.points_box())
    hits = others = 0
    for path, boxes in labeled.items():
        found = np.array([box_around(points) for points in system.find(images.read(path))]).reshape(-1, 4)
        overlap = iou(np.array(boxes)[:, None], found) if len(found) else np.zeros((len(boxes), 1))
        hits += int((overlap.max(1) >= SAME_FACE).sum())
        others += int((overlap.max(0) < SAME_FACE).sum()) if len(found) else 0
    return hits, sum(map(len, labeled.values())), others


def main(
    imm: Annotated[Path, typer.Argument(help="folder of the IMM Face Database")],
    groups: Annotated[Path, typer.Argument(help="folder with photographs of several faces, and dlib's XML")],
    detector_weights: Annotated[Path | None, typer.Option(help="YuNet's file, instead of its download")] = None,
) -> None:
    """Print the table."""
    systems = [of_nasion(name, detector_weights) for name in ("default", "tiny")]
    systems += [of_dlib(0), of_dlib(1), of_mediapipe()]
    test = datasets.load(f"imm:{imm}").of_split("test")
    single = [test.load(index).image for index in range(len(test))]
    largest = max((images.read(path) for path in groups.glob("*.jpg")), key=np.size)
    one, many = milliseconds(systems, single), milliseconds(systems, [largest])
    height, width = largest.shape[:2]
    table = Table("", title="From a decoded image to the keypoints of all faces, one core", title_justify="left")
    columns = (
        "640 x 480,\none face, ms",
        f"{width} x {height},\nms",
        "faces\nthere",
        "labeled faces\nfound",
        "other\ndetections",
    )
    for title in columns:
        table.add_column(title, justify="right")
    for system in systems:
        hits, count, others = recall(system, groups)
        faces = len(system.find(largest))
        row = f"{one[system.name]:.1f}", f"{many[system.name]:.0f}", f"{faces}", f"{hits} of {count}", f"{others}"
        table.add_row(system.name, *row)
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
