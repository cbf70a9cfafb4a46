"""The errors of models on women and men, with and without glasses, and on turned faces.

    python bench/open/groups.py MTFL_DIR MODEL...

MTFL_DIR holds `keypoints.csv`: five manual points per face (eye centers, nose tip, mouth corners) and the columns sex,
glasses and pose. The five points are means of the 68 that a model predicts. Each model's median offset per point in
the frame of the face is subtracted, because people define these points differently.
"""

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from nasion import images
from nasion.geometry import FloatArray
from nasion.predict.predictor import Predictor

MEANS = (range(36, 42), range(42, 48), (30,), (48,), (54,))
"""Points whose mean is each of the five points."""

POINTS = ("eye_image_left", "eye_image_right", "nose_tip", "mouth_image_left", "mouth_image_right")

GROUPS = {
    "women": ("sex", "2"),
    "men": ("sex", "1"),
    "no glasses": ("glasses", "2"),
    "glasses": ("glasses", "1"),
    "yaw about -60": ("pose", "1"),
    "yaw about -30": ("pose", "2"),
    "frontal": ("pose", "3"),
    "yaw about 30": ("pose", "4"),
    "yaw about 60": ("pose", "5"),
}
"""The column and the value of each group."""

BOX = 2.6
"""Side of the first crop's box, in distances between the centers of the eyes and of the mouth."""

PASSES = 3
"""Crops of each face, because the first is a guess."""

FAILURE = 0.1
"""Error, as a share of the size of the five points, above which a face counts as a failure."""

SAMPLES = 2000
"""Bootstrap samples of the faces for the intervals."""


def main(folder: Path, models: Sequence[str]) -> None:
    """Print a table for each model."""
    with (folder / "keypoints.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["pose"]]
    labels = np.array([[[float(row[f"{name}_{axis}"]) for axis in "xy"] for name in POINTS] for row in rows])
    for model in models:
        error = errors(Predictor(model), [folder / "images" / row["image"] for row in rows], labels)
        print(f"{model}: {len(rows)} faces, error in % of the size of the five points, 95 % interval, failures in %")
        for name, chosen in groups(rows).items():
            print(f"  {name:14} {chosen.sum():5}  {row_of(error[chosen])}")


def groups(rows: Sequence[Mapping[str, str]]) -> dict[str, NDArray[np.bool_]]:
    """Return which rows (N,) belong to each group."""
    chosen = {name: np.array([row[column] == value for row in rows]) for name, (column, value) in GROUPS.items()}
    return {"all": np.ones(len(rows), bool), **chosen}


def errors(predictor: Predictor, files: Sequence[Path], labels: FloatArray) -> FloatArray:
    """Return the mean error of each face (N,), as a share of the size of its labels (N, 5, 2), image px."""
    offsets: list[FloatArray] = []
    for file, truth in track(list(zip(files, labels, strict=True)), description="predicting"):
        (face,) = predictor.predict_boxes([images.read(file)], [first_box(truth)], PASSES)
        found = np.array([face.keypoints[list(points)].mean(0) for points in MEANS])
        offsets.append((found - truth) @ upright(truth))
    return np.linalg.norm(np.array(offsets) - np.median(offsets, axis=0), axis=-1).mean(-1)


def first_box(truth: FloatArray) -> FloatArray:
    """Return a box (4,), image px, about as large as that of the 68 points, for five points (5, 2)."""
    eyes, mouth = truth[:2].mean(0), truth[3:].mean(0)
    half = BOX / 2 * np.linalg.norm(eyes - mouth)
    return np.concatenate([(eyes + mouth) / 2 - half, (eyes + mouth) / 2 + half])


def upright(truth: FloatArray) -> FloatArray:
    """Return the matrix (2, 2) that turns offsets, px, upright and divides them by the size of five points (5, 2)."""
    x, y = truth[3:].mean(0) - truth[:2].mean(0)
    length = np.hypot(x, y)
    size = np.linalg.norm(np.ptp(truth, axis=0))
    return np.array([[y, x], [-x, y]]) / length / size


def row_of(error: FloatArray) -> str:
    """Return the mean, its interval and the failures of errors (N,)."""
    drawn = np.random.default_rng(0).choice(error, (SAMPLES, len(error))).mean(1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{100 * error.mean():5.2f}  {100 * low:5.2f} - {100 * high:5.2f}  {100 * (error > FAILURE).mean():5.2f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
