"""A predictor on labeled faces: every error in image px, and the scores computed from the errors."""

from __future__ import annotations  # so that help() shows the names of the types

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasion.datasets import load
from nasion.datasets.splits import with_validation
from nasion.errors import AnnotationError, ImageError, MeasurementError, SkeletonError
from nasion.evaluation import metrics
from nasion.evaluation.box_modes import BoxFunction, NoBoxError, box_function, describe_boxes
from nasion.geometry import FloatArray, is_present
from nasion.measure import pose
from nasion.predict.backends.backend import relative_spread
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import Annotation, DataSet, Image, Prediction, Problem
from nasion.uncertainty import expected_errors, mahalanobis

__all__ = [
    "THRESHOLD",
    "ChunkRunner",
    "Evaluation",
    "MeasuredChunk",
    "default_normalizer",
    "evaluate",
    "labeled_yaw",
    "run_here",
    "select_split",
    "yaw_of",
]

THRESHOLD = 0.08
"""NME above which a face counts as a failure, as in the 300-W challenge."""

MULTIPLES = (1, 2, 3)
"""Numbers of spreads within which keypoints are counted."""

CHUNK = 16
"""Images in memory at a time: half a GB of 12-megapixel photographs."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predicted and true keypoints of N faces, image px.

    Attributes:
        model, data, split, boxes: what was measured, on which faces, from which boxes.
        faces: the annotations, in the order of the arrays.
        true_keypoints, pred_keypoints: (N, K, 2), image px.
        spread, anisotropy: (N, K), image px, and (N, K, 2), as in `Prediction`.
        hidden_probability: (N, K), as in `Prediction`.
        crops: (N, 4), the boxes of the network's last crops, image px.
        lengths: name to (N,), what errors are divided by, image px.
        seconds: time of the prediction, without reading images.
        problems: faces that could not be measured.
        lost: faces for which no box was found; no score includes them.
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
    hidden_probability: FloatArray
    crops: FloatArray
    lengths: Mapping[str, FloatArray]
    seconds: float
    problems: tuple[Problem, ...]
    lost: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        count = len(self.faces)
        return (
            f"<Evaluation: {self.model} on {count} face{'s' * (count != 1)} of {self.data}, boxes: {self.boxes}, "
            f"mean error {metrics.mean(metrics.face_errors(self.errors)):.2f} px>"
        )

    @property
    def errors(self) -> FloatArray:
        """Distances (N, K), image px; NaN where a true keypoint is missing."""
        return metrics.point_errors(self.pred_keypoints, self.true_keypoints)

    @property
    def mahalanobis(self) -> FloatArray:
        """Distances (N, K) in spreads (Mahalanobis distances): 1 is on the keypoint's ellipse; NaN where unknown."""
        return mahalanobis(self.pred_keypoints - self.true_keypoints, self.spread, self.anisotropy)

    @property
    def expected_errors(self) -> FloatArray:
        """Mean distances (N, K), image px, that the spreads predict; NaN where unknown."""
        return expected_errors(self.spread, self.anisotropy)

    def nme(self, normalizer: str) -> FloatArray:
        """Return each face's NME (N,), a fraction of the normalizer."""
        return metrics.face_errors(self.errors, self.lengths[normalizer])

    @property
    def hidden(self) -> FloatArray:
        """Whether each true keypoint is hidden (N, K), 1 or 0, no unit; NaN where missing or unknown."""
        marked = np.array(
            [~face.visible if face.visibility_known else np.full(len(face.visible), np.nan) for face in self.faces]
        )
        return np.where(is_present(self.true_keypoints), marked, np.nan)

    def _errors_by_visibility(self, length: FloatArray) -> dict[str, FloatArray]:
        """Return each face's NME (N,), fractions of `length` (N,), px, of its visible and of its hidden points."""
        hidden = self.hidden
        return {
            name: metrics.face_errors(np.where(hidden == value, self.errors, np.nan), length)
            for name, value in (("visible", 0), ("hidden", 1))
        }

    def _statistics(self) -> dict[str, tuple[FloatArray, Callable[[FloatArray], float]]]:
        """Return each score's name with the faces' values (N,) and the statistic that summarizes them."""
        face_px = metrics.face_errors(self.errors)
        table: dict[str, tuple[FloatArray, Callable[[FloatArray], float]]] = {
            "error_px/mean": (face_px, metrics.mean),
            "error_px/median": (face_px, metrics.median),
        }
        for name in self.lengths:
            table[f"nme/{name}"] = self.nme(name), metrics.mean
        if np.isfinite(self.hidden).any():
            length = default_normalizer(self.lengths)
            parts = self._errors_by_visibility(self.lengths[length])
            table |= {f"nme/{part}/{length}": (values, metrics.mean) for part, values in parts.items()}
        for name in (name for name in self.lengths if name.startswith("inter_")):
            table[f"auc@{THRESHOLD}/{name}"] = self.nme(name), partial(metrics.auc, threshold=THRESHOLD)
            table[f"failure_rate@{THRESHOLD}/{name}"] = (
                self.nme(name),
                partial(metrics.failure_rate, threshold=THRESHOLD),
            )
        return table

    def scores(self) -> dict[str, float]:
        """Return the scores by name, as fractions, px and ms; "n" is the number of faces."""
        measured = {name: statistic(values) for name, (values, statistic) in self._statistics().items()}
        # A profile may lack an eye, and then has no inter-ocular distance: "n/NAME" counts the faces that have it.
        fewer = {f"n/{name}": int(np.isfinite(self.nme(name)).sum()) for name in self.lengths}
        fewer = {name: count for name, count in fewer.items() if count < len(self.faces)}
        within = {f"within@{k}/spread": metrics.share_within(self.mahalanobis, k) for k in MULTIPLES}
        within["auc/hidden_probability"] = self._hidden_auc()
        within = {name: share for name, share in within.items() if np.isfinite(share)}
        lost = {"n/lost": len(self.lost)} if self.boxes not in ("points", "image") else {}
        pace = {"ms_per_face": 1000 * self.seconds / len(self.faces)}
        return {"n": len(self.faces), **lost, **fewer, **measured, **within, **pace}

    def _hidden_auc(self) -> float:
        """Return the area under the ROC curve of the probability that a point is hidden; NaN if unknown."""
        known = np.isfinite(self.hidden) & np.isfinite(self.hidden_probability)
        return metrics.roc_auc(self.hidden_probability[known], self.hidden[known] == 1)

    def intervals(self, rounds: int = 1000) -> dict[str, tuple[float, float]]:
        """Return the 95 % bootstrap interval of each score, resampling whole people or photographs."""
        groups = [face.subject or face.name for face in self.faces]
        table = self._statistics()
        return {
            name: metrics.bootstrap(values, groups, statistic, rounds) for name, (values, statistic) in table.items()
        }

    def relative_spreads(self) -> FloatArray:
        """Return each face's uncertainty (N,), as a share of its crop's side; NaN if the model predicts none."""
        return np.array([relative_spread(spread, box) for spread, box in zip(self.spread, self.crops, strict=True)])

    def by_point(self) -> FloatArray:
        """Return each keypoint's mean error (K,), image px."""
        return np.array([metrics.mean(column) for column in self.errors.T])

    def bias(self) -> FloatArray:
        """Return each keypoint's mean error vector (K, 2), predicted minus true, image px."""
        return np.stack(
            [[metrics.mean(axis) for axis in point] for point in (self.pred_keypoints - self.true_keypoints).T]
        ).T

    def by_region(self) -> dict[str, float]:
        """Return each region's mean error, image px."""
        errors = self.errors
        regions = self.faces[0].skeleton.regions
        return {name: metrics.mean(errors[:, list(indices)]) for name, indices in regions.items()}

    def yaws(self) -> FloatArray:
        """Return each face's yaw (N,), degrees, from its true keypoints; NaN where it cannot be measured."""
        return np.array([labeled_yaw(face) for face in self.faces])

    def order(self) -> NDArray[np.intp]:
        """Return the indices (M,) of the measured faces from best to worst, by mean error over face size."""
        size = self.lengths.get("box_size")
        values = metrics.face_errors(self.errors, size)
        order = np.argsort(values, kind="stable")  # NaN comes last
        return order[np.isfinite(values[order])]


def default_normalizer(names: Iterable[str]) -> str:
    """Return the first of these normalizers that is a distance between the eyes, or "box_size".

    >>> default_normalizer(["inter_ocular", "inter_pupil", "box_size"]), default_normalizer(["box_size"])
    ('inter_ocular', 'box_size')
    """
    return next((name for name in names if name.startswith("inter_")), "box_size")


def labeled_yaw(face: Annotation) -> float:
    """Return the yaw, degrees, of a face from its labels; NaN if it cannot be measured."""
    count = face.skeleton.count
    return yaw_of(Prediction(face.keypoints, np.zeros(count), np.zeros((count, 2)), np.zeros(4), 1.0, face.skeleton))


def yaw_of(face: Prediction) -> float:
    """Return the yaw of a face, degrees; NaN if it cannot be measured."""
    try:
        return pose(face).yaw.value
    except (MeasurementError, SkeletonError):
        return float("nan")


class _Loaded(NamedTuple):
    """A labeled face with its image (H, W, 3) and the box (4,), image px, that the network is given."""

    face: Annotation
    image: Image
    box: ArrayLike | None


class MeasuredChunk(NamedTuple):
    """Faces of a data set with their predictions.

    Attributes:
        start: the index of the first face.
        faces: the indices of the faces that could be measured.
        predictions: their predictions.
        problems, lost: the other faces, as in `Evaluation`.
        seconds: time of the prediction.
    """

    start: int
    faces: list[int]
    predictions: list[Prediction]
    problems: list[Problem]
    lost: list[Problem]
    seconds: float


ChunkRunner = Callable[[Predictor, DataSet, BoxFunction, list[range]], Iterable[MeasuredChunk]]
"""Measures chunks of faces, given by their indices, in any order."""


def run_here(
    predictor: Predictor, faces: DataSet, box_of: BoxFunction, chunks: Iterable[range]
) -> Iterator[MeasuredChunk]:
    """Yield what is measured on chunks of faces, one after the other, in this process."""
    for indices in chunks:
        problems, lost = list[Problem](), list[Problem]()
        loaded = {index: each for index in indices if (each := _load(faces, index, box_of, problems, lost))}
        started = time.perf_counter()
        found = predictor.predict_boxes(
            [each.image for each in loaded.values()], [each.box for each in loaded.values()]
        )
        yield MeasuredChunk(indices.start, list(loaded), found, problems, lost, time.perf_counter() - started)


def evaluate(
    model: Predictor | str | Path,
    data: DataSet | str,
    boxes: str | BoxFunction | None = None,
    split: str = "all",
    reporter: Reporter = SILENT,
    run: ChunkRunner = run_here,
) -> Evaluation:
    """Return a model's predictions for labeled faces, with errors and scores; faces that cannot be read are skipped.

    Args:
        model: a predictor, or what `Predictor` accepts: a model's name, an .onnx file or a run folder.
        data: the faces, or their name, such as "imm:DIR"; labeled with the model's skeleton, or with one that contains
            its points.
        boxes: "points" (around the true points), "image" (the full image), "detector", a CSV file of boxes, or a
            function that returns each face's box; default: "points" or "image", as the model was trained.
        split: which faces: "train", "val", "test" or "all".
        reporter: shows the progress.
        run: measures the faces; default: in this process.

    Raises:
        SkeletonError: the faces lack the model's points.
        AnnotationError: no image can be read, or the split has no face.
        ConfigError: there are no such boxes, or they do not suit the model.
        ModelError: there is no such model.

    >>> import nasion
    >>> measured = nasion.evaluate("tiny", "synthetic:4?skeleton=ibug-68")
    >>> measured
    <Evaluation: tiny on 4 faces of synthetic:4, boxes: points, mean error ... px>
    >>> measured.errors.shape, 0.01 < measured.scores()["nme/inter_ocular"] < 0.1
    ((4, 68), True)
    """
    predictor = model if isinstance(model, Predictor) else Predictor(model)
    boxes = boxes or predictor.backend.crop.box
    box_of = box_function(boxes, predictor) if isinstance(boxes, str) else boxes
    faces = select_split(load(data) if isinstance(data, str) else data, split, predictor)
    faces = faces.reduced_to(predictor.skeleton)
    found: list[MeasuredChunk] = []
    with reporter.task("measuring", len(faces)) as task:
        for chunk in run(predictor, faces, box_of, _chunks(len(faces), CHUNK)):
            found.append(chunk)
            task.advance(len(chunk.faces) + len(chunk.problems) + len(chunk.lost))
    found.sort(key=lambda chunk: chunk.start)
    problems = [*faces.problems, *(each for chunk in found for each in chunk.problems)]
    lost = [each for chunk in found for each in chunk.lost]
    if not any(chunk.faces for chunk in found):
        raise AnnotationError(f"{faces.name}: no face can be measured; the first: {[*problems, *lost][0].reason}")
    about = {"model": predictor.backend.name, "data": faces.name, "split": split}
    about |= {"boxes": describe_boxes(boxes, predictor)}
    return _collect(faces, found, about, problems, lost)


def select_split(faces: DataSet, split: str, predictor: Predictor) -> DataSet:
    """Return the faces of a split; a set without such splits is divided as for the model's training.

    Raises:
        AnnotationError: the split has no face.
        ConfigError: the set cannot be divided.
    """
    if split in ("train", "val") and any(face.split != split for face in faces.annotations):
        faces = with_validation(faces, predictor.backend.validation_share)
    return faces.of_split(split)


def _load(
    faces: DataSet, index: int, box_of: BoxFunction, problems: list[Problem], lost: list[Problem]
) -> _Loaded | None:
    """Return a face with its image and box; None, with the reason in `problems` or `lost`, if one is missing."""
    face = faces.annotations[index]
    try:
        image = faces.load(index).image
        return _Loaded(face, image, box_of(face, image))
    except (ImageError, AnnotationError) as error:
        problems.append(Problem(face.name, str(error)))
    except NoBoxError as error:
        lost.append(Problem(face.name, str(error)))
    return None


def _chunks(count: int, size: int) -> list[range]:
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _collect(
    data: DataSet,
    found: Sequence[MeasuredChunk],
    about: Mapping[str, str],
    problems: list[Problem],
    lost: list[Problem],
) -> Evaluation:
    """Return the arrays of all measured faces."""
    faces = tuple(data.annotations[index] for chunk in found for index in chunk.faces)
    predictions = [each for chunk in found for each in chunk.predictions]
    lengths = [face.normalizer_lengths() for face in faces]
    return Evaluation(
        **about,
        faces=faces,
        true_keypoints=np.stack([face.keypoints for face in faces]),
        pred_keypoints=np.stack([each.keypoints for each in predictions]),
        spread=np.stack([each.spread for each in predictions]),
        anisotropy=np.stack([each.anisotropy for each in predictions]),
        hidden_probability=np.stack([each.hidden_probability for each in predictions]),
        crops=np.stack([each.box for each in predictions]),
        lengths={name: np.array([each[name] for each in lengths]) for name in lengths[0]},
        seconds=sum(chunk.seconds for chunk in found),
        problems=tuple(problems),
        lost=tuple(lost),
    )
