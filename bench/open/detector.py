"""Faces that detectors find in labeled photographs, alone or with a model that rejects non-faces, and other places.

    python bench/open/detector.py 300W_DIR IMM_DIR DLIB_DIR YUNET_FILE

Of 300-W, 300 training photographs are used, of IMM 150, of dlib's examples those with labels; a face is found if the
IoU of a detection with the box around its points exceeds 0.4. Some of the other places are faces without labels.
"""

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nasion import datasets, images
from nasion.detect import Detector, YuNet, iou
from nasion.detect.calibration import BoxCalibration
from nasion.detect.peaks import PeakDetector
from nasion.geometry import FloatArray, box_around
from nasion.predict.predictor import Predictor
from nasion.sample import DataSet, Image

SAME_FACE = 0.4
"""IoU from which a detection is a labeled face."""

CASCADE = BoxCalibration(0.849, 0.830, 0.145)
"""Where the keypoints lie in a box of the cascade: medians over 500 training faces of 300-W."""

Find = Callable[[Image], list[FloatArray]]


def main(w300: str, imm: str, dlib: str, weights: str) -> None:
    """Print the table."""
    examples = [f"dlib:{path}" for path in sorted(Path(dlib).glob("*with_face_landmarks.xml"))]
    sets = {
        "dlib's examples": [datasets.load(name) for name in examples],
        "300-W": [chosen(datasets.load(f"ibug:{w300}").of_split("train"), 300)],
        "IMM": [chosen(datasets.load(f"imm:{imm}"), 150)],
    }
    columns = [f"{name}: found, others, IoU" for name in sets]
    table = Table("", *columns)
    for name, find in finders(weights).items():
        rows = [measured(find, each, f"{name}, {where}") for where, each in sets.items()]
        table.add_row(name, *rows)
    Console(width=140).print(table)


def finders(weights: str) -> dict[str, Find]:
    """Return functions that find boxes around the keypoints of an image's faces, image px."""
    detector, yunet = PeakDetector(), YuNet(weights)
    found: dict[str, Find] = {
        "open with nasion's detector": by_model("open", detector),
        "default with nasion's detector": by_model("default", detector),
        "default with YuNet": by_model("default", yunet),
        "nasion's detector alone": lambda image: [each.box for each in detector(image)],
        "YuNet": lambda image: [each.box for each in yunet(image)],
    }
    make: Any = getattr(cv2, "CascadeClassifier", None)
    if make is None:
        print(f"without the cascade, which OpenCV {cv2.__version__} lacks: pip install 'opencv-python-headless<5'")
        return found
    cascade = make(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))
    return {**found, "OpenCV's frontal cascade": lambda image: by_cascade(cascade, image)}


def by_model(name: str, detector: Detector) -> Find:
    """Return a function that finds the boxes around the keypoints that a model predicts and does not reject."""
    model = Predictor(name, detector)
    return lambda image: [box_around(face.keypoints) for face in model(image)]


def by_cascade(cascade: Any, image: Image) -> list[FloatArray]:
    """Return the boxes (4,) around the keypoints that the boxes of OpenCV's cascade suggest."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = cascade.detectMultiScale(gray, scaleFactor=1.08, minNeighbors=4, minSize=(24, 24))
    return [CASCADE.keypoints_box(np.array([x, y, x + w, y + h], float) - 0.5) for x, y, w, h in found]


def chosen(faces: DataSet, count: int) -> DataSet:
    """Return the faces in `count` photographs, chosen at random."""
    files = sorted({face.image for face in faces.annotations})
    kept = {files[k] for k in np.random.default_rng(0).permutation(len(files))[:count]}
    return faces.subset([face for face in faces.annotations if face.image in kept])


def measured(find: Find, sets: list[DataSet], title: str) -> str:
    """Return how many faces are found, how many other places, and the mean IoU of the faces found."""
    truth: dict[Path, list[FloatArray]] = defaultdict(list)
    for each in sets:
        for face in each.annotations:
            truth[face.image].append(box_around(face.keypoints))
    found, others, overlaps = 0, 0, list[float]()
    for path, boxes in track(truth.items(), title):
        left = list(boxes)
        for box in find(images.read(path)):
            best = max(left, key=lambda each: iou(box, each), default=None)
            if best is not None and iou(box, best) > SAME_FACE:
                left = [each for each in left if each is not best]
                found, overlaps = found + 1, [*overlaps, iou(box, best)]
            else:
                others += 1
    total = sum(map(len, truth.values()))
    return f"{found} of {total}, {others}, {np.mean(overlaps):.2f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
