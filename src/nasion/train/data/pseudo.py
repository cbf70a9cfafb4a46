"""Pseudo-labels: a network's predictions as labels for faces without labels, or with weak labels.

On a weakly labeled face, the predicted points are moved by the similarity that agrees best with the weak labels and
with the prediction, each weighted by its uncertainty. Pseudo-labels keep the predicted uncertainty, so that uncertain
ones count less in a training.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasion import datasets, images
from nasion.doctor.duplicates import MAX_BITS, hash_distances
from nasion.doctor.reading import face_hash, is_recognized
from nasion.errors import AnnotationError, ImageError, SkeletonError
from nasion.geometry import Affine, FloatArray, box_around, box_size, is_present, similarity_between
from nasion.outputs.records import predicted_faces
from nasion.predict.image_files import list_images
from nasion.predict.parallel import cores, map_in_order
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import Annotation, DataSet, Prediction
from nasion.train.data.weak import WeakAnnotation, is_weak, with_weak_labels

__all__ = ["PseudoLabels", "constraint", "face_hashes", "pseudo_labels", "unlabeled_faces"]

WEAK_NOISE = 0.01
"""Error of a weak label, as a share of the size of the face."""

INDEPENDENT_POINTS = 4
"""Number of points with independent errors that determine the place of a face as exactly as all predicted points do.

The errors of predicted points are alike: a network that misjudges the place of a face moves all of them.
"""

MAX_RESIDUAL = 0.04
"""Largest median distance of weak labels from a constrained prediction, as a share of the size of the face."""


@dataclass(frozen=True, eq=False)
class PseudoLabels:
    """What a network labels.

    Attributes:
        faces: the labeled faces.
        sizes: (height, width) of each image, px.
        rejected: number of faces that the network does not recognize, or that contradict their weak labels.
        duplicates: number of faces that are also validation or test faces.
        unreadable: number of images that cannot be read.
    """

    faces: Sequence[Annotation]
    sizes: Mapping[Path, tuple[int, int]]
    rejected: int
    duplicates: int
    unreadable: int


@dataclass(frozen=True, eq=False)
class _Found:
    """A predicted face.

    Attributes:
        image: the image file.
        size: (height, width) of the image, px.
        prediction: the face.
        hash: (255,) its perceptual hash.
        weak: the face with weak labels that was predicted; None in an image without labels.
    """

    image: Path
    size: tuple[int, int]
    prediction: Prediction
    hash: NDArray[np.bool_]
    weak: WeakAnnotation | None = None


Unlabeled = DataSet | Sequence[Path]
"""A set of weakly labeled faces, or images without labels."""


def unlabeled_faces(source: str, labeled: DataSet) -> Unlabeled:
    """Return the faces or the images that a word of a command line names.

    Args:
        source: a data set's name, such as "csv:faces.csv", whose points are means of the trained points; or an image, a
            folder or a pattern.
        labeled: the labeled faces.

    Raises:
        NasionError: there are no such faces or images, or the points of the set are unknown.
    """
    if source.partition(":")[0] not in datasets.available():
        paths = list_images([source], recursive=True)
        if missing := [path for path in paths if not path.exists()]:
            raise ImageError(f"{missing[0]}: no such file or folder, and no data set; formats: {_formats()}")
        return paths
    given = datasets.load(source)
    if not is_weak(given.skeleton, labeled.skeleton):
        here, there = labeled.skeleton.name, given.skeleton.name
        raise SkeletonError(
            f"{source}: the points of {there} are not known as means of those of {here}; add a section [means] with "
            f"{here} to the skeleton file of {there}, or name the folder of the images to ignore the labels"
        )
    faces = with_weak_labels(labeled, [given])
    return faces.subset([face for face in faces.annotations if isinstance(face, WeakAnnotation)])


def _formats() -> str:
    return ", ".join(datasets.available())


def face_hashes(faces: DataSet, predictor: Predictor) -> NDArray[np.bool_]:
    """Return the perceptual hashes (N, 255) of the validation and test faces of a set, no unit.

    Like those of `pseudo_labels`, they are hashes of the box around the predicted points. Images that cannot be read
    have none.
    """
    held_out = [index for index, face in enumerate(faces.annotations) if face.split in ("val", "test")]

    def read(index: int) -> NDArray[np.bool_] | None:
        try:
            image, box = faces.load(index).image, faces.annotations[index].points_box()
        except (ImageError, AnnotationError):
            return None
        (predicted,) = predictor.predict_boxes([image], [box])
        return face_hash(image, box_around(predicted.keypoints))

    found = [each for each in map_in_order(read, held_out, cores()) if each is not None]
    return np.stack(found) if found else np.empty((0, 255), bool)


def pseudo_labels(
    predictor: Predictor, unlabeled: Unlabeled, held_out: NDArray[np.bool_], reporter: Reporter = SILENT
) -> PseudoLabels:
    """Return a network's labels for faces without labels, or with weak labels.

    Args:
        predictor: predicts the faces.
        unlabeled: from `unlabeled_faces`.
        held_out: hashes (N, 255), no unit, of faces that must not be trained on, from `face_hashes`.
        reporter: receives the progress.
    """
    with_labels = isinstance(unlabeled, DataSet)
    predict = _weak_faces(predictor, unlabeled) if with_labels else _image_faces(predictor, unlabeled)
    found: list[_Found] = []
    rejected = unreadable = 0
    with reporter.task("predicting unlabeled faces", len(unlabeled)) as task:
        for each in map_in_order(predict, range(len(unlabeled)), cores()):
            unreadable += each is None
            rejected += each == []
            found += each or []
            task.advance()
    fresh = [each for each in found if not _is_known(each.hash, held_out)]
    labels = _constrained(fresh) if with_labels else [(each, each.prediction) for each in fresh]
    faces = [replace(predicted_faces(each.image, [moved])[0], split="train") for each, moved in labels]
    sizes = {each.image: each.size for each, _ in labels}
    return PseudoLabels(faces, sizes, rejected + len(fresh) - len(faces), len(found) - len(fresh), unreadable)


Predict = Callable[[int], list[_Found] | None]
"""Predicts the faces of an index; an empty list if the network recognizes none, None if the image cannot be read."""


def _weak_faces(predictor: Predictor, faces: DataSet) -> Predict:
    def predict(index: int) -> list[_Found] | None:
        face = faces.annotations[index]
        try:
            image, box = faces.load(index).image, face.points_box()
        except (ImageError, AnnotationError):
            return None
        (predicted,) = predictor.predict_boxes([image], [box])
        if not is_recognized(predicted, predictor) or not isinstance(face, WeakAnnotation):
            return []
        size = image.shape[0], image.shape[1]
        return [_Found(face.image.absolute(), size, predicted, face_hash(image, box_around(predicted.keypoints)), face)]

    return predict


def _image_faces(predictor: Predictor, paths: Sequence[Path]) -> Predict:
    def predict(index: int) -> list[_Found] | None:
        try:
            image = images.read(paths[index])
        except ImageError:
            return None
        return [
            _Found(
                paths[index].absolute(),
                (image.shape[0], image.shape[1]),
                face,
                face_hash(image, box_around(face.keypoints)),
            )
            for face in predictor(image)
        ]

    return predict


def _is_known(face: NDArray[np.bool_], hashes: NDArray[np.bool_]) -> bool:
    return bool(len(hashes)) and bool((hash_distances(face[None], hashes) <= MAX_BITS).any())


def _constrained(found: Sequence[_Found]) -> list[tuple[_Found, Prediction]]:
    """Return the faces whose predictions agree with their weak labels, with the moved predictions."""
    known = [(each, each.weak, each.weak.points) for each in found if each.weak and each.weak.points]
    if not known:
        return []
    turns = [similarity_between(points.shape, each.prediction.keypoints).matrix[:, :2] for each, _, points in known]
    means = [points.weights @ each.prediction.keypoints for each, _, points in known]
    residuals = [
        (weak.labels - mean) @ np.linalg.inv(turn).T
        for (_, weak, _), mean, turn in zip(known, means, turns, strict=True)
    ]
    offsets = np.nanmedian(residuals, axis=0)  # two definitions of a point may lie a constant distance apart
    kept: list[tuple[_Found, Prediction]] = []
    for (each, weak, points), mean, turn in zip(known, means, turns, strict=True):
        moved = constraint(each.prediction, mean + offsets @ turn.T, weak.labels)
        keypoints = moved(each.prediction.keypoints)
        distances = np.linalg.norm(points.weights @ keypoints + offsets @ turn.T - weak.labels, axis=1)
        if np.nanmedian(distances) <= MAX_RESIDUAL * box_size(box_around(keypoints)):
            kept.append((each, replace(each.prediction, keypoints=keypoints)))
    return kept


def constraint(face: Prediction, means: FloatArray, labels: FloatArray) -> Affine:
    """Return the similarity that moves a prediction towards the weak labels of its face.

    It minimizes the squared distances of the moved means from the labels, and of the moved keypoints from the
    predicted ones, each divided by its variance.

    Args:
        face: the prediction.
        means: (M, 2) the weakly labeled points, as predicted, image px.
        labels: (M, 2) image px; NaN where missing.
    """
    known = is_present(labels)
    noise = WEAK_NOISE * box_size(box_around(face.keypoints))
    count = len(face.keypoints)
    spread = np.broadcast_to(np.where(np.isfinite(face.spread), face.spread, noise), count)
    prior = np.sqrt(INDEPENDENT_POINTS / count) / spread
    center = face.keypoints.mean(0)
    x, y = (np.concatenate([means[known], face.keypoints]) - center).T
    target = np.concatenate([labels[known], face.keypoints]) - center
    weight = np.concatenate([np.full(known.sum(), 1 / noise), prior])
    one, none = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, none], 1), np.stack([y, x, none, one], 1)])
    weights = np.tile(weight, 2)
    (a, b, right, down), *_ = np.linalg.lstsq(rows * weights[:, None], target.T.ravel() * weights, rcond=None)
    turned = Affine(np.array([[a, -b, right], [b, a, down]]))
    return Affine.translation(*center) @ turned @ Affine.translation(*-center)
