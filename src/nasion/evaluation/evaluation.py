"""A predictor on labeled faces: every error in image px, and the scores that follow from them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from nasion.detect.yunet import iou
from nasion.errors import AnnotationError, ConfigError, ImageError
from nasion.evaluation import metrics
from nasion.geometry import FloatArray
from nasion.predict.image_files import read_boxes
from nasion.predict.predictor import Predictor, check_box, relative_spread
from nasion.sample import Annotation, DataSet, Image, Prediction, Problem
from nasion.uncertainty import expected_errors, mahalanobis

__all__ = ["BOXES", "THRESHOLD", "Evaluation", "Given", "evaluate"]

THRESHOLD = 0.08
"""NME above which a face counts as failed: the 300-W challenge's."""

MULTIPLES = (1, 2, 3)
"""Spreads within which points are counted."""

BOXES = ("points", "picture", "detector")
"""What the network is given: the box around the true points, the whole picture, or what a detector shows."""

MIN_IOU = 0.2
"""Intersection over union below which a box is another face's."""

CHUNK = 16
"""Pictures in memory at a time: half a GB of 12-megapixel photographs."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Found and true points of N faces, image px.

    Attributes:
        model, data, split, boxes: what was measured, on what, from which boxes.
        faces: the annotations, in the order of the arrays.
        true_keypoints, pred_keypoints: (N, K, 2).
        spread, anisotropy: (N, K) and (N, K, 2), as a `Prediction` has them.
        crops: (N, 4), what the network looked at last.
        lengths: name to (N,), what errors are divided by.
        seconds: of prediction alone, without reading pictures.
        problems: faces that could not be measured.
        lost: faces for which no box was found, and which are in no other score.
    """

    model: str
    data: str
    split: str
    boxes: str
    faces: tuple[Annotation, ...]
    true_keypoints: FloatArray
    pred_keypoints: FloatArray
    spread: FloatArray
    anisotropy: FloatArray
    crops: FloatArray
    lengths: Mapping[str, FloatArray]
    seconds: float
    problems: tuple[Problem, ...]
    lost: tuple[Problem, ...] = ()

    @property
    def errors(self) -> FloatArray:
        """Distances (N, K), image px; NaN where a true point is missing."""
        return metrics.point_errors(self.pred_keypoints, self.true_keypoints)

    @property
    def mahalanobis(self) -> FloatArray:
        """The same distances in spreads (N, K): 1 is on the point's ellipse; NaN too where no spread is known."""
        return mahalanobis(self.pred_keypoints - self.true_keypoints, self.spread, self.anisotropy)

    @property
    def expected_errors(self) -> FloatArray:
        """Mean distances (N, K), image px, that the spreads foretell; NaN where none is known."""
        return expected_errors(self.spread, self.anisotropy)

    def nme(self, normalizer: str) -> FloatArray:
        """Return each face's NME (N,)."""
        return metrics.face_errors(self.errors, self.lengths[normalizer])

    def _statistics(self) -> dict[str, tuple[FloatArray, Callable[[FloatArray], float]]]:
        """Return every score's name with the faces' values and what makes one number of them."""
        face_px = metrics.face_errors(self.errors)
        table: dict[str, tuple[FloatArray, Callable[[FloatArray], float]]] = {
            "error_px/mean": (face_px, _mean),
            "error_px/median": (face_px, _median),
        }
        for name in self.lengths:
            table[f"nme/{name}"] = self.nme(name), _mean
        for name in (name for name in self.lengths if name.startswith("inter_")):
            table[f"auc@{THRESHOLD}/{name}"] = self.nme(name), partial(metrics.auc, threshold=THRESHOLD)
            table[f"failure_rate@{THRESHOLD}/{name}"] = (
                self.nme(name),
                partial(metrics.failure_rate, threshold=THRESHOLD),
            )
        return table

    def scores(self) -> dict[str, float]:
        """Return the scores by name, fractions; "n" is the number of faces."""
        measured = {name: statistic(values) for name, (values, statistic) in self._statistics().items()}
        # Profiles may lack an eye: who has no inter-ocular distance is in no score by it, and that is said.
        limit_faces = {f"n/{name}": int(np.isfinite(self.nme(name)).sum()) for name in self.lengths}
        limit_faces = {name: count for name, count in limit_faces.items() if count < len(self.faces)}
        within = {f"within@{k}/spread": metrics.share_within(self.mahalanobis, k) for k in MULTIPLES}
        within = {name: share for name, share in within.items() if np.isfinite(share)}
        lost = {"n/lost": len(self.lost)} if self.boxes not in ("points", "picture") else {}
        pace = {"ms_per_face": 1000 * self.seconds / len(self.faces)}
        return {"n": len(self.faces), **lost, **limit_faces, **measured, **within, **pace}

    def intervals(self, rounds: int = 1000) -> dict[str, tuple[float, float]]:
        """Return the 95 % bootstrap interval of each score, drawing whole persons or photographs."""
        groups = [face.subject or face.name for face in self.faces]
        table = self._statistics()
        return {
            name: metrics.bootstrap(values, groups, statistic, rounds) for name, (values, statistic) in table.items()
        }

    def relative_spreads(self) -> FloatArray:
        """Return how unsure the network was of each face (N,), as `predict.relative_spread` has it; NaN if it cannot say."""
        return np.array([relative_spread(spread, box) for spread, box in zip(self.spread, self.crops, strict=True)])

    def by_point(self) -> FloatArray:
        """Return each point's mean error (K,), image px."""
        return np.array([_mean(column) for column in self.errors.T])

    def bias(self) -> FloatArray:
        """Return each point's mean error vector (K, 2), found minus true, image px: what does not average out."""
        return np.stack([[_mean(axis) for axis in point] for point in (self.pred_keypoints - self.true_keypoints).T]).T

    def by_region(self) -> dict[str, float]:
        """Return each region's mean error, image px."""
        errors = self.errors
        regions = self.faces[0].skeleton.regions
        return {name: _mean(errors[:, list(indices)]) for name, indices in regions.items()}

    def order(self) -> np.ndarray:
        """Return the measured faces' indices from the best to the worst, by mean error over the face's size."""
        size = self.lengths.get("box_size")
        values = metrics.face_errors(self.errors, size)
        order = np.argsort(values, kind="stable")  # NaN comes last
        return order[np.isfinite(values[order])]


def _mean(values: FloatArray) -> float:
    present = values[np.isfinite(values)]
    return float(present.mean()) if len(present) else float("nan")


def _median(values: FloatArray) -> float:
    present = values[np.isfinite(values)]
    return float(np.median(present)) if len(present) else float("nan")


Given = Callable[[Annotation, Image], ArrayLike | None]
"""Returns the box (4,) that the network is given for a face; None for the whole picture.

Raises:
    NoBoxError: there is none for this face.
"""


class NoBoxError(Exception):
    """No box was found for a face: it is lost, which is counted, not an error."""


def given_boxes(boxes: str, predictor: Predictor) -> Given:
    """Return where a predictor is told to look: one of `BOXES`, or a CSV file of boxes.

    Raises:
        ConfigError: `boxes` is something else, or does not fit how the model was trained.
    """
    if boxes == "picture":
        return lambda _face, _image: None
    if boxes not in BOXES and not boxes.lower().endswith(".csv"):
        raise ConfigError(f'boxes are {", ".join(BOXES)} or a CSV file, not "{boxes}"')
    if predictor.backend.crop.box == "picture":
        raise ConfigError(f"{predictor.backend.name} was trained on whole pictures; measure it with --boxes picture")
    if boxes == "points":
        return lambda face, _image: face.points_box()
    if boxes == "detector":
        return lambda face, image: _nearest([each.box for each in predictor.detector(image)], face)
    table = read_boxes(boxes)
    return lambda face, _image: _nearest([check_box(box) for box in table(face.image) or () if box], face)


def _told_boxes(boxes: str | Given, predictor: Predictor) -> str:
    if not isinstance(boxes, str):
        return "given boxes"
    return f"boxes of {predictor.detector.name}" if boxes == "detector" else boxes


def _nearest(boxes: Sequence[FloatArray], face: Annotation) -> FloatArray:
    true = face.points_box()
    best = max(boxes, key=lambda box: iou(box, true), default=None)
    if best is None or iou(best, true) < MIN_IOU:
        raise NoBoxError("no box lies on this face")
    return best


def evaluate(
    predictor: Predictor,
    faces: DataSet,
    boxes: str | Given = "points",
    split: str = "all",
    tick: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Return the predictor's points on every face that can be read.

    Args:
        predictor: what is measured.
        faces: of the predictor's skeleton, or one that has its points.
        boxes: one of `BOXES`, a CSV file of boxes, or a function that gives each face's box.
        split: the name of the faces' split, for those who read the scores.
        tick: called after each face.

    Raises:
        SkeletonError: the faces do not have the predictor's points.
        AnnotationError: no picture can be read.
        ConfigError: `boxes` is something else.
    """
    give = given_boxes(boxes, predictor) if isinstance(boxes, str) else boxes
    faces = faces.reduced_to(predictor.skeleton)
    kept: list[Annotation] = []
    problems: list[Problem] = list(faces.problems)
    lost: list[Problem] = []
    found: list[Prediction] = []
    seconds = 0.0
    for start in range(0, len(faces), CHUNK):
        pictures, here, given = [], [], []
        for index in range(start, min(start + CHUNK, len(faces))):
            face = faces.annotations[index]
            try:
                image = faces.load(index).image
                given.append(give(face, image))
                pictures.append(image)
                here.append(face)
            except (ImageError, AnnotationError) as error:
                problems.append(Problem(face.name, str(error)))
            except NoBoxError as error:
                lost.append(Problem(face.name, str(error)))
            tick()
        began = time.perf_counter()
        found += predictor.predict_boxes(pictures, given)
        seconds += time.perf_counter() - began
        kept += here
    if not kept:
        raise AnnotationError(f"{faces.name}: no face can be measured; the first: {[*problems, *lost][0].reason}")
    lengths = [face.lengths() for face in kept]
    return Evaluation(
        model=predictor.backend.name,
        data=faces.name,
        split=split,
        boxes=_told_boxes(boxes, predictor),
        faces=tuple(kept),
        true_keypoints=np.stack([face.keypoints for face in kept]),
        pred_keypoints=np.stack([each.keypoints for each in found]),
        spread=np.stack([each.spread for each in found]),
        anisotropy=np.stack([each.anisotropy for each in found]),
        crops=np.stack([each.box for each in found]),
        lengths={name: np.array([each[name] for each in lengths]) for name in lengths[0]},
        seconds=seconds,
        problems=tuple(problems),
        lost=tuple(lost),
    )
