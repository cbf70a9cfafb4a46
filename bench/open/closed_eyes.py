"""The error at the lids of closed eyes, relative to that at the lids of open ones.

    python bench/open/closed_eyes.py MODEL DATA_DIR HEADS_DIR

DATA_DIR has the folders 300w and aflw68; `closed_eyes.csv` lists eyes among their training photographs in which nobody
sees an iris, found by hand among the narrowest labels. HEADS_DIR comes from `nasion heads`; there the labels are exact
and say which eyes are closed. An error is the mean distance of an eye's four lid points from their labels, divided by
the distance of the outer corners of the eyes.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from rich.progress import track

from nasion import datasets
from nasion.geometry import FloatArray
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet

EYES = {"right": range(36, 42), "left": range(42, 48)}
"""Points of each eye: a corner, the upper lid, the other corner, the lower lid."""

CORNERS = 36, 45
"""Outer corners of the eyes."""

CLOSED, OPEN = 0.06, 0.2
"""Openness, height by width, up to which eyes of rendered heads are closed, and from which all eyes are open."""

LEAST_PX = 40
"""Smallest distance of the outer corners, px."""

EVERY = 5
"""One in how many faces without closed eyes is measured."""

HEADS = 2000
"""Number of rendered heads."""


def openness(points: FloatArray) -> float:
    """Return the height of an eye (6, 2) divided by its width."""
    height = np.linalg.norm(points[[1, 2]] - points[[5, 4]], axis=1).mean()
    return float(height / np.linalg.norm(points[0] - points[3]))


IsClosed = Callable[[Annotation, str], bool]
"""Says whether the eye "right" or "left" of a face is closed."""


def errors(model: Predictor, faces: DataSet, is_closed: IsClosed) -> Iterator[tuple[bool, float]]:
    """Yield whether an eye is closed, and the error at its lids; eyes between open and closed are left out."""
    for index, face in enumerate(track(faces.annotations, description=faces.name)):
        points, closed = face.keypoints, {eye: is_closed(face, eye) for eye in EYES}
        scale = float(np.linalg.norm(points[CORNERS[0]] - points[CORNERS[1]]))
        if scale < LEAST_PX or not (any(closed.values()) or index % EVERY == 0):
            continue
        (found,) = model(faces.load(index).image, [face.points_box()])
        for eye, each in EYES.items():
            lids = [each[k] for k in (1, 2, 4, 5)]
            if closed[eye] or openness(points[list(each)]) > OPEN:
                yield closed[eye], float(np.linalg.norm(found.keypoints[lids] - points[lids], axis=1).mean() / scale)


def show(title: str, measured: list[tuple[bool, float]]) -> None:
    """Print one line: the errors at closed and open eyes, and their ratio."""
    closed, opened = ([error for is_closed, error in measured if is_closed is kind] for kind in (True, False))
    ratio = np.mean(closed) / np.mean(opened)
    counts = f"{len(closed)} closed {100 * np.mean(closed):.2f} %, {len(opened)} open {100 * np.mean(opened):.2f} %"
    print(f"{title}: {counts}, ratio {ratio:.2f}")


def main(model: str, folder: Path, heads: Path) -> None:
    """Print a line for the photographs and one for the rendered heads."""
    predictor = Predictor(model)
    with (Path(__file__).parent / "closed_eyes.csv").open() as file:
        known = {(row["image"], int(row["face"]), row["eye"]) for row in csv.DictReader(file)}
    measured: list[tuple[bool, float]] = []
    train = datasets.load(f"ibug:{folder}/300w").of_split("train")
    for faces in (train, datasets.load(f"coco:{folder}/aflw68/train.json")):
        measured += errors(
            predictor,
            faces,
            lambda face, eye: (Path(face.image).relative_to(folder).as_posix(), face.face, eye) in known,
        )
    show("photographs", measured)
    faces = datasets.load(f"coco:{heads}/keypoints.json")
    some = faces.subset(faces.annotations[:HEADS])
    show(
        "rendered heads",
        list(errors(predictor, some, lambda face, eye: openness(face.keypoints[list(EYES[eye])]) < CLOSED)),
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
