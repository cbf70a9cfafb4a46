"""The error of a model without labels of 300-W, as it is and after maps fitted on faces of 300-W, for comparison only.

    python bench/open/measure.py MODEL 300W_DIR

The maps account for other definitions of the points: an offset per point in the frame of the face, fitted on 50
training faces, and the ridge regression that `bench/peers` grants MediaPipe's mesh, fitted on all training faces.
"""

import sys
from collections.abc import Sequence

import numpy as np
from rich.progress import track

from nasion import datasets
from nasion.datasets.splits import with_validation
from nasion.geometry import FloatArray, box_around, similarity_between
from nasion.predict.predictor import Predictor
from nasion.sample import DataSet

EYES = 36, 45
"""Points whose distance divides errors: the outer corners of the eyes."""

VALIDATION_SHARE = 0.1
"""Share of the training photographs that choose the regularization."""

FEW = 50
"""Number of faces for the offsets."""

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Regularizations, of which the validation faces choose one."""


def main(model: str, folder: str) -> None:
    """Print the errors on the test faces."""
    predictor, faces = Predictor(model), with_validation(datasets.load(f"ibug:{folder}"), VALIDATION_SHARE)
    train, validation, test = (pairs(predictor, faces.of_split(name)) for name in ("train", "val", "test"))
    mean = np.mean([unit(points) for points, _ in train], axis=0)
    framed = {name: in_frame(each, mean) for name, each in (("train", train), ("val", validation), ("test", test))}
    scale = np.array([np.linalg.norm(truth[EYES[0]] - truth[EYES[1]]) for _, truth in framed["test"]])
    shown, truth = (np.array([each[k] for each in framed["test"]]) for k in (0, 1))
    few = np.random.default_rng(0).permutation(len(framed["train"]))[:FEW]
    offset = np.median([framed["train"][k][1] - framed["train"][k][0] for k in few], axis=0)
    mapped = best_ridge(framed["train"], framed["val"]).predict(shown.reshape(len(shown), -1)).reshape(shown.shape)
    for name, points in (("as it is", shown), (f"offsets, {FEW} faces", shown + offset), ("ridge map", mapped)):
        error = np.linalg.norm(points - truth, axis=-1).mean(-1) / scale
        print(f"{name:20} {100 * error.mean():.2f} %")


Pair = tuple[FloatArray, FloatArray]
"""Predicted and true points (68, 2) of a face."""


def pairs(predictor: Predictor, faces: DataSet) -> list[Pair]:
    """Return the predictions from the boxes of the points, and the labels, image px."""
    found: list[Pair] = []
    for index in track(range(len(faces)), description="predicting"):
        sample = faces.load(index)
        (face,) = predictor(sample.image, [sample.annotation.points_box()])
        found.append((face.keypoints, sample.annotation.keypoints))
    return found


def unit(points: FloatArray) -> FloatArray:
    """Return points (68, 2) centered, with a box of unit area."""
    box = box_around(points)
    return (points - (box[:2] + box[2:]) / 2) / np.sqrt(np.prod(box[2:] - box[:2]))


def in_frame(found: Sequence[Pair], mean: FloatArray) -> list[Pair]:
    """Return the pairs in the frame of the mean face (68, 2), found by a similarity of the predicted points."""
    maps = [similarity_between(points, mean) for points, _ in found]
    return [(to_frame(points), to_frame(truth)) for to_frame, (points, truth) in zip(maps, found, strict=True)]


class Ridge:
    """A linear map with a constant from inputs (N, I) to outputs (N, O); `strength` keeps its weights small."""

    def __init__(self, strength: float, x: FloatArray, y: FloatArray) -> None:
        self.x, self.y = x.mean(0), y.mean(0)
        centered = x - self.x
        normal = centered.T @ centered + strength * np.eye(x.shape[1])
        self.weights = np.linalg.solve(normal, centered.T @ (y - self.y))

    def predict(self, x: FloatArray) -> FloatArray:
        """Return the outputs (N, O)."""
        return (x - self.x) @ self.weights + self.y


def best_ridge(train: Sequence[Pair], validation: Sequence[Pair]) -> Ridge:
    """Return the map from predicted points to labels with the best regularization for the validation faces."""
    x, y = (np.array([each[k].ravel() for each in train]) for k in (0, 1))
    held_x, held_y = (np.array([each[k].ravel() for each in validation]) for k in (0, 1))
    fitted = [Ridge(strength, x, y) for strength in STRENGTHS]
    errors = [np.linalg.norm((each.predict(held_x) - held_y).reshape(-1, 68, 2), axis=-1).mean() for each in fitted]
    return fitted[int(np.argmin(errors))]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
