"""Fit the box around the keypoints to YuNet's boxes and landmarks, and measure what it saves.

python bench/box_calibration.py 300W_DIR YUNET_FILE

The fit uses the training faces, the measurement the validation faces: the error after one pass of the network, with the
second passes that the package makes, and their share; for the box alone, and for box and landmarks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

import nasion
from nasion import datasets
from nasion.detect import Detection, LandmarkCorrection, YuNet, iou
from nasion.detect.calibration import EYES, MOUTH
from nasion.evaluation.evaluation import select_split
from nasion.geometry import FloatArray, box_center
from nasion.sample import DataSet, Sample
from nasion.skeleton import INTER_OCULAR

SAME_FACE = 0.3
"""IoU from which a detection is the labeled face."""

ROUNDS = 15
"""Rounds of reweighting: least squares become least absolute deviations."""

SMALLEST_RESIDUAL = 0.01
"""Residual below which the weight does not grow, in sides of the box."""


class Found(NamedTuple):
    """A labeled face, and its detection with the calibrated box."""

    sample: Sample
    detection: Detection


def main(
    data: Annotated[Path, typer.Argument(help="300-W's folder")],
    weights: Annotated[Path, typer.Argument(help="YuNet's file")],
) -> None:
    """Print the values and the table."""
    detector, faces = YuNet(weights), datasets.load(f"ibug:{data}")
    predictors = [nasion.Predictor(name, detector) for name in ("default", "tiny")]
    train, held_out = (select_split(faces, split, predictors[0]) for split in ("train", "val"))
    correction = fit([(sample.annotation.points_box(), detection) for sample, detection in found(detector, train)])
    console = Console(width=120)
    console.print(correction)
    table = Table("model", "box", "one pass", "with second passes", "second passes")
    chosen = list(found(detector, held_out))
    for predictor in predictors:
        for name, each in (("YuNet's box", None), ("box and landmarks", correction)):
            table.add_row(predictor.backend.name, name, *scores(predictor, chosen, each))
    console.print(table)


def found(detector: YuNet, faces: DataSet) -> Iterator[Found]:
    """Yield the labeled faces that are detected."""
    for index in track(range(len(faces)), "detecting"):
        sample = faces.load(index)
        detections = detector.search(sample.image, detector.candidates)
        overlap = [float(iou(each.box, sample.annotation.points_box())) for each in detections]
        if overlap and max(overlap) >= SAME_FACE:
            yield Found(sample, detections[int(np.argmax(overlap))])


def fit(pairs: list[tuple[FloatArray, Detection]]) -> LandmarkCorrection:
    """Return the correction with the least absolute deviations from the boxes (4,) around labeled points, image px."""
    rows = np.array([_features(box, detection) for box, detection in pairs])
    eyes_x, eyes_y, mouth_y, *targets = rows.T
    center, half_width, top, bottom = targets
    heights = np.stack([eyes_y, mouth_y, np.ones(len(rows))], -1)
    (shift,) = _least_deviations(eyes_x[:, None], center)

    def weights(target: FloatArray) -> tuple[float, float, float]:
        eyes, mouth, constant = _least_deviations(heights, target)
        return eyes, mouth, constant

    return LandmarkCorrection(shift, weights(half_width), weights(top), weights(bottom))


def _features(box: FloatArray, found: Detection) -> list[float]:
    """Return eyes x, y, mouth y, and center x, half width, top and bottom of the labeled box, in the detected box."""
    assert found.landmarks is not None
    origin, side = box_center(found.box), found.box[2:] - found.box[:2]
    eyes, mouth = ((found.landmarks[part].mean(0) - origin) / side for part in (EYES, MOUTH))
    (x0, y0), (x1, y1) = (box.reshape(2, 2) - origin) / side
    return [eyes[0], eyes[1], mouth[1], (x0 + x1) / 2, (x1 - x0) / 2, y0, y1]


def _least_deviations(features: FloatArray, target: FloatArray) -> list[float]:
    """Return the weights (F,) of features (N, F), box sides, with the least absolute deviations from targets (N,)."""
    weights = np.ones(len(target))
    solution = np.zeros(features.shape[1])
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        solution = np.linalg.lstsq(features * root[:, None], target * root, rcond=None)[0]
        weights = 1 / np.maximum(np.abs(features @ solution - target), SMALLEST_RESIDUAL)
    return [round(float(each), 3) for each in solution]


def scores(predictor: nasion.Predictor, faces: list[Found], correction: LandmarkCorrection | None) -> list[str]:
    """Return the NME after one pass and with second passes, and their share, with YuNet's box or the corrected one."""
    errors, again = [], 0
    for sample, (box, _, landmarks) in faces:
        if correction is not None and landmarks is not None:
            box = correction.keypoints_box(box, landmarks)
        one, all_passes = (predictor.predict_boxes([sample.image], [box], passes)[0] for passes in (1, None))
        again += not np.array_equal(one.box, all_passes.box)
        true = sample.annotation.keypoints
        scale = predictor.skeleton.normalizer_length(true, INTER_OCULAR)
        distances = [np.nanmean(np.linalg.norm(each.keypoints - true, axis=-1)) for each in (one, all_passes)]
        errors.append(np.array(distances) / scale)
    one, all_passes = 100 * np.mean(errors, axis=0)
    return [f"{one:.3f} %", f"{all_passes:.3f} %", f"{again / len(faces):.1%}"]


if __name__ == "__main__":
    typer.run(main)
