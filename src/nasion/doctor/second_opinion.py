"""The second opinion: labels against a model's predictions at the points that both skeletons share.

Distances between labels and predictions are Mahalanobis distances, in the model's spreads, after the typical
difference of each point is subtracted, because two skeletons may define a point differently. If the labels of a face
are far from the prediction, the checks test whether they fit after a common mistake is undone, or fit another file.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from nasion.detect import iou
from nasion.doctor.checks import Finding, Suspect, count, listed, named
from nasion.doctor.comparison import Comparison
from nasion.doctor.reading import ReadFace, is_recognized
from nasion.errors import ImageError
from nasion.geometry import Affine, FloatArray, box_around, has_extent, image_box, is_present
from nasion.predict.backends.backend import relative_spread
from nasion.predict.predictor import Predictor
from nasion.progress import Reporter, track
from nasion.sample import DataSet, Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["AGREES", "Doubt", "doubtful_faces", "faces_finding", "points_finding", "predict_in_other_boxes"]

AGREES = 4.0
"""Largest median distance of a face's labels from the prediction, spreads, at which they agree.

The largest of IMM's persons 1 to 32 and of the 2012 training photos of 300-W is 2.7; at most 1 in 100 of the labels of
another person in a similar pose come this close.
"""

FAR_POINT = 12.0
"""Distance of a single point from the prediction, spreads, above which the point is reported.

IMM's persons 1 to 32 and 300-W's training photos exceed it in four faces: three have an eye whose points start at the
wrong corner, and one has a jaw line far from the jaw. The largest of all others is 11.6.
"""

CANDIDATE = 2.0
"""Median distance, as a multiple of that of the typical face, above which labels may be those of another file."""

BETTER = 0.5
"""Largest distance after a change, as a share of the distance before, at which labels fit better with the change."""

MIN_RESCALE = 1.2
"""Smallest factor by which labels count as too large or too small."""

MIN_RECOGNIZED = 0.5
"""Smallest share of faces that a suitable model recognizes."""


def predict_in_other_boxes(
    faces: DataSet, read: Sequence[ReadFace], predictor: Predictor, reporter: Reporter
) -> Sequence[ReadFace]:
    """Return the faces with opinions from other boxes, if the model does not recognize most of them.

    In this case all labels of the data set may be too large or too small, so that the boxes do not contain the faces.

    Args:
        faces: opens the images.
        read: the faces.
        predictor: the model.
        reporter: receives the progress.
    """
    if np.mean([each.opinion is not None for each in read]) >= MIN_RECOGNIZED:
        return read
    found = list(read)
    for index, each in enumerate(track(read, "predicting in other boxes", reporter)):
        with suppress(ImageError):
            if each.opinion is None:
                points = each.face.keypoints
                boxes = _visible_boxes([points / 2, points * 2], each.size)
                opinions = _recognized(faces.open_image(each.face), boxes, predictor)
                found[index] = replace(each, opinion=_most_certain(opinions) if opinions else None)
    return found


def _visible_boxes(shapes: Iterable[FloatArray], size: tuple[int, int]) -> list[FloatArray]:
    """Return the boxes (4,) around shapes (K, 2) that a network can crop from an image of `size`, px."""
    boxes = [box_around(points) for points in shapes if has_extent(points)]
    return [box for box in boxes if iou(box, image_box(size)) > 0 and (box[2:] - box[:2] >= 1).all()]


def _recognized(image: Image, boxes: Sequence[FloatArray], predictor: Predictor) -> list[Prediction]:
    """Return the faces that the model recognizes in boxes (4,) of an image, and in the full image, px."""
    found = predictor.predict_boxes([image] * (len(boxes) + 1), [*boxes, None])
    return [face for face in found if is_recognized(face, predictor)]


def _most_certain(opinions: Sequence[Prediction]) -> Prediction:
    """Return the prediction with the smallest uncertainty relative to the size of the face."""
    return min(opinions, key=lambda face: relative_spread(face.spread, face.box))


@dataclass(frozen=True, eq=False)
class Doubt:
    """A face whose labels are far from the prediction.

    Attributes:
        index: of the face.
        opinion: the prediction; it may come from another box than that of the labels.
        distance: median distance of the labels from it, spreads.
        reason: the mistake that explains the distance; empty if unknown.
    """

    index: int
    opinion: Prediction
    distance: float
    reason: str


def doubtful_faces(
    faces: DataSet, read: Sequence[ReadFace], comparison: Comparison, predictor: Predictor, reporter: Reporter
) -> list[Doubt]:
    """Return the faces whose labels are far from the prediction, with the mistake that explains it if there is one.

    Args:
        faces: opens the images.
        read: the faces.
        comparison: from `compare`.
        predictor: predicts in other boxes.
        reporter: receives the progress.
    """
    typical = comparison.typical
    limit = min(AGREES, CANDIDATE * float(np.nanmedian(typical)))
    doubts: list[Doubt] = []
    usual = _usual_box(read)
    in_image = Counter(each.face.image for each in read)  # another box may show another person
    for index in track(np.flatnonzero(~(typical <= limit)).tolist(), "examining doubtful faces", reporter):
        each = read[index]
        if each.opinion is not None and typical[index] <= AGREES:
            doubts.append(Doubt(index, each.opinion, float(typical[index]), ""))
            continue
        try:
            image = faces.open_image(each.face)
        except ImageError:
            continue
        doubt = _explain(index, each, image, comparison, predictor, usual)
        if doubt is not None and (doubt.reason or doubt.opinion is each.opinion or in_image[each.face.image] == 1):
            doubts.append(doubt)
    exchanged = _exchanged(doubts, read, comparison)
    explained = [exchanged.get(each.index, each) for each in doubts]
    return [each for each in explained if each.reason or each.distance > AGREES]


def _usual_box(read: Sequence[ReadFace]) -> FloatArray:
    """Return the median box (4,) around the labels, as shares of the image's width and height."""
    boxes = [box_around(each.face.keypoints) / np.tile(each.size[::-1], 2) for each in read]
    return np.median(boxes, axis=0)


def _explain(
    index: int, each: ReadFace, image: Image, comparison: Comparison, predictor: Predictor, usual: FloatArray
) -> Doubt | None:
    """Return why labels are far from the face; None if they are not, or if the model recognizes no face."""
    corrected = dict(_corrections(each.face.keypoints, each.face.skeleton, each.size))
    opinions = [] if each.opinion is None else [each.opinion]
    best = _best(each, opinions, corrected, comparison)
    if best is None or not best[2]:
        usual_corners = (usual * np.tile(each.size[::-1], 2)).reshape(2, 2)
        opinions += _recognized(image, _visible_boxes([*corrected.values(), usual_corners], each.size), predictor)
        best = _best(each, opinions, corrected, comparison)
    if best is None:
        return None
    opinion, distance, reason = best
    return None if distance <= AGREES else Doubt(index, opinion, distance, reason)


def _best(
    each: ReadFace, opinions: Sequence[Prediction], corrected: dict[str, FloatArray], comparison: Comparison
) -> tuple[Prediction, float, str] | None:
    """Return the best opinion, the distance (spreads) of the labels from it, and the reason for that distance.

    The best opinion is the one that the labels, or one of the corrected labels, fit best. If none fits, it is the one
    of which the model is most certain, and the reason is empty.
    """
    fits: list[tuple[float, float, str, Prediction]] = []
    for opinion in opinions:
        before = comparison.distance(each.face.keypoints, opinion)
        every = {**corrected, **_rescaled(each.face.keypoints, opinion, comparison)}
        after = {reason: comparison.distance(points, opinion) for reason, points in every.items()}
        fits.append((before, before, "", opinion))
        fits += [(value, before, reason, opinion) for reason, value in after.items() if value <= BETTER * before]
    fits = [fit for fit in fits if np.isfinite(fit[0])]
    if not fits:
        return None
    best = min(fits, key=lambda fit: fit[0])
    if best[0] > AGREES:
        opinion = _most_certain(opinions)
        return opinion, comparison.distance(each.face.keypoints, opinion), ""
    same = [fit for fit in fits if fit[3] is best[3] and fit[2] and fit[0] <= best[0] / BETTER]
    reasons = [fit[2] for fit in sorted(same, key=lambda fit: fit[0])]
    return best[3], best[1], " or ".join(reasons) if best[2] else ""


def _corrections(points: FloatArray, skeleton: Skeleton, size: tuple[int, int]) -> Iterator[tuple[str, FloatArray]]:
    """Yield common mistakes, each with the labels (K, 2), image px, without it, in an image of `size`."""
    height, width = size
    mirrored = Affine.mirror(width)(points)
    if skeleton.flip is not None:
        yield "left and right exchanged", points[list(skeleton.flip)]
        yield "labels of the mirrored image", skeleton.mirrored(mirrored)
    yield "labels of the mirrored image with left and right exchanged", mirrored
    yield "x and y exchanged", points[:, ::-1]
    yield "labels of the image turned by 180°", np.array([width - 1, height - 1]) - points
    yield "labels of the image turned by 90°", np.column_stack([width - 1 - points[:, 1], points[:, 0]])
    yield "labels of the image turned by -90°", np.column_stack([points[:, 1], height - 1 - points[:, 0]])
    yield "coordinates scaled by 2", points / 2
    yield "coordinates scaled by 0.5", points * 2


def _rescaled(points: FloatArray, opinion: Prediction, comparison: Comparison) -> dict[str, FloatArray]:
    """Return the labels (K, 2), image px, scaled to fit an opinion, by the mistake that this undoes."""
    labels, target = points[comparison.here], comparison.expected_in(opinion)
    known = is_present(labels)
    factor = float((labels[known] * target[known]).sum() / max((labels[known] ** 2).sum(), 1.0))
    if factor <= 0 or max(factor, 1 / factor) < MIN_RESCALE or any(abs(factor / s - 1) < 0.02 for s in (2, 0.5)):
        return {}
    return {f"coordinates scaled by {1 / factor:.2f}": points * factor}


def _exchanged(doubts: Sequence[Doubt], read: Sequence[ReadFace], comparison: Comparison) -> dict[int, Doubt]:
    """Return the faces whose labels were exchanged with those of another file, by their index."""
    unexplained = [each for each in doubts if not each.reason]
    labels = [read[each.index].face.keypoints for each in unexplained]
    table = np.array([[comparison.distance(points, each.opinion) for points in labels] for each in unexplained])
    found: dict[int, Doubt] = {}
    for row, each in enumerate(unexplained):
        nearest = int(np.argmin(table[row]))
        mutual = nearest != row and int(np.argmin(table[nearest])) == row
        pairs = (row, nearest), (nearest, row)
        if mutual and all(table[a, b] <= min(AGREES, BETTER * table[a, a]) for a, b in pairs):
            other = read[unexplained[nearest].index].face.name
            found[each.index] = Doubt(each.index, each.opinion, each.distance, f"labels exchanged with {other}")
    return found


def faces_finding(comparison: Comparison, doubts: Sequence[Doubt], read: Sequence[ReadFace], model: str) -> Finding:
    """Check that the labels of every face agree with the model's prediction.

    Args:
        comparison: from `compare`.
        doubts: from `doubtful_faces`.
        read: the faces.
        model: the model's name.
    """
    suspects = tuple(_suspect(each, read, comparison) for each in doubts)
    recognized = np.isfinite(comparison.typical)
    if not suspects and recognized.mean() < MIN_RECOGNIZED:
        text = f"{model} recognizes only {recognized.sum()} of {count(len(read))}"
        return Finding("second opinion", "unknown", text)
    if not suspects:
        agreeing = count(int(recognized.sum()))
        text = f"{model} agrees with the labels of {agreeing} at {len(comparison.here)} shared points"
        text += f", and does not recognize {(~recognized).sum()}" if not recognized.all() else ""
        return Finding("second opinion", "good", text)
    groups: dict[str, list[Suspect]] = defaultdict(list)
    for doubt, suspect in zip(doubts, suspects, strict=True):
        groups[_group(doubt.reason)].append(suspect)
    text = "; ".join(_group_text(reason, each, len(read)) for reason, each in groups.items())
    return Finding("second opinion", "wrong" if any(each.reason for each in doubts) else "check", text, suspects)


def _group(reason: str) -> str:
    return "labels exchanged" if reason.startswith("labels exchanged") else reason


def _group_text(reason: str, suspects: Sequence[Suspect], total: int) -> str:
    if not reason:
        return f"{count(len(suspects))} with labels far from the prediction: {named(suspects)}"
    if reason == "labels exchanged":
        names = listed(f"{each.face.name} ({each.reason.removeprefix('labels exchanged ')})" for each in suspects)
        return f"{count(len(suspects))} with the labels of another file: {names}"
    names = listed(each.face.name for each in suspects)
    return f"{len(suspects)} of {total} faces: {reason}: {names}"


def _suspect(doubt: Doubt, read: Sequence[ReadFace], comparison: Comparison) -> Suspect:
    face = read[doubt.index].face
    reason = doubt.reason or f"half of the points more than {doubt.distance:.0f} spreads away"
    expected = comparison.for_skeleton(comparison.expected_in(doubt.opinion), face.skeleton)
    return Suspect(face, reason, expected=expected)


def points_finding(comparison: Comparison, doubts: Sequence[Doubt], read: Sequence[ReadFace], model: str) -> Finding:
    """Check that no single label is far from the predicted point.

    Args:
        comparison: from `compare`.
        doubts: the faces that `faces_finding` reports; they are left out.
        read: the faces.
        model: the model's name.
    """
    known = np.nan_to_num(comparison.distances)
    known[[each.index for each in doubts]] = 0.0
    suspects = []
    for row in np.argsort(-known.max(1)):
        far = np.flatnonzero(known[row] > FAR_POINT)
        if not len(far):
            break
        face = read[int(row)].face
        points = comparison.here[far]
        regions = Counter(_region(face.skeleton, int(k)) for k in points)
        reason = f"{' and '.join(regions)}, {known[row].max():.0f} spreads"
        expected = comparison.for_skeleton(comparison.expected[row], face.skeleton)
        suspects.append(Suspect(face, reason, tuple(points.tolist()), expected))
    if not suspects:
        text = f"no point is more than {FAR_POINT:g} spreads from the prediction of {model}"
        return Finding("points and model", "good", text)
    text = f"points of {count(len(suspects))} are more than {FAR_POINT:g} spreads from the prediction of {model}"
    return Finding("points and model", "check", f"{text}: {named(suspects)}", tuple(suspects))


def _region(skeleton: Skeleton, point: int) -> str:
    return next(name for name, indices in skeleton.regions.items() if point in indices)
