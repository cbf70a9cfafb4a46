"""The second opinion: a model predicts every face at the points that its skeleton shares with that of the labels.

Distances between labels and predictions are Mahalanobis distances, in the model's spreads, after the typical
difference of each point is subtracted: two skeletons may define a point a little differently. A face whose labels are
far from the prediction is examined again: do they fit after a usual mistake is undone, or do they fit another file?
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from nasion.detect import iou
from nasion.doctor.checks import Finding, Suspect, count, listed, named
from nasion.doctor.comparison import Comparison
from nasion.doctor.reading import ReadFace, is_certain
from nasion.errors import ImageError
from nasion.geometry import Affine, FloatArray, box_around, has_extent, image_box, is_present
from nasion.predict.backends.backend import relative_spread
from nasion.predict.predictor import Predictor
from nasion.progress import Reporter, track
from nasion.sample import DataSet, Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["AGREES", "Doubt", "faces_finding", "look_again", "points_finding"]

AGREES = 4.0
"""Largest median distance of a face's labels from the prediction, spreads, at which they agree.

The largest of IMM's persons 1 to 32 and of the 2012 training photos of 300-W is 2.7; at most 1 in 100 of the labels of
another person in a similar pose come this close.
"""

FAR_POINT = 12.0
"""Distance of a single point from the prediction, spreads, above which it is named.

IMM's persons 1 to 32 and 300-W's training photos exceed it in four faces: three have an eye whose points start at the
wrong corner, and one has a jaw line far from the jaw. The largest of all others is 11.6.
"""

CANDIDATE = 2.0
"""Median distance, as a multiple of that of the typical face, from which labels may be those of another file."""

BETTER = 0.5
"""Distance after a change, as a share of the distance before, up to which labels fit better with the change."""

MIN_RESCALE = 1.2
"""Smallest factor by which labels may be too large or too small."""

TYPICAL_SHARE = 0.5
"""Share of faces of which the model must be certain; below it, it was made for other images."""


def look_elsewhere(
    faces: DataSet, read: Sequence[ReadFace], predictor: Predictor, reporter: Reporter
) -> Sequence[ReadFace]:
    """Return the faces with an opinion from another box, if the model is uncertain of most of them.

    Then the labels of the data set may be too large or too small, and the model has not looked at the faces.

    Args:
        faces: opens the images.
        read: the faces.
        predictor: looks in other boxes.
        reporter: receives the progress.
    """
    if np.mean([each.opinion is not None for each in read]) >= TYPICAL_SHARE:
        return read
    found = list(read)
    for index, each in enumerate(track(read, "looking elsewhere", reporter)):
        with suppress(ImageError):
            if each.opinion is None:
                points = each.face.keypoints
                boxes = _visible([points / 2, points * 2], each.size)
                opinions = _certain(faces.open_image(each.face), boxes, predictor)
                found[index] = replace(each, opinion=_surest(opinions) if opinions else None)
    return found


def _visible(places: Iterable[FloatArray], size: tuple[int, int]) -> list[FloatArray]:
    """Return the boxes (4,) around places (K, 2) that a network can look at in an image of `size`, px."""
    boxes = [box_around(points) for points in places if has_extent(points)]
    return [box for box in boxes if iou(box, image_box(size)) > 0 and (box[2:] - box[:2] >= 1).all()]


def _certain(image: Image, boxes: Sequence[FloatArray], predictor: Predictor) -> list[Prediction]:
    """Return the faces in boxes (4,) of an image, and in the full image, of which the model is certain."""
    found = predictor.predict_boxes([image] * (len(boxes) + 1), [*boxes, None])
    return [face for face in found if is_certain(face, predictor)]


def _surest(opinions: Sequence[Prediction]) -> Prediction:
    """Return the prediction of which the model is most certain, relative to the size of the face."""
    return min(opinions, key=lambda face: relative_spread(face.spread, face.box))


@dataclass(frozen=True, eq=False)
class Doubt:
    """A face whose labels are far from the prediction.

    Attributes:
        index: of the face.
        opinion: the prediction that counts; it may come from another box than that of the labels.
        distance: median distance of the labels from it, spreads.
        reason: what explains the distance; empty if nothing does.
    """

    index: int
    opinion: Prediction
    distance: float
    reason: str


def look_again(
    faces: DataSet, read: Sequence[ReadFace], comparison: Comparison, predictor: Predictor, reporter: Reporter
) -> list[Doubt]:
    """Return the faces whose labels are not where the model sees the face, with the explanation if there is one.

    Args:
        faces: opens the images.
        read: the faces.
        comparison: from `compare`.
        predictor: looks in other boxes.
        reporter: receives the progress.
    """
    typical = comparison.typical
    limit = min(AGREES, CANDIDATE * float(np.nanmedian(typical)))
    doubts: list[Doubt] = []
    places = _usual_places(read)
    in_image = Counter(each.face.image for each in read)  # another box may show another person
    for index in track(np.flatnonzero(~(typical <= limit)).tolist(), "second look", reporter):
        each = read[index]
        if each.opinion is not None and typical[index] <= AGREES:
            doubts.append(Doubt(index, each.opinion, float(typical[index]), ""))
            continue
        try:
            image = faces.open_image(each.face)
        except ImageError:
            continue
        doubt = _explain(index, each, image, comparison, predictor, places)
        if doubt is not None and (doubt.reason or doubt.opinion is each.opinion or in_image[each.face.image] == 1):
            doubts.append(doubt)
    exchanged = _exchanged(doubts, read, comparison)
    named_ones = [exchanged.get(each.index, each) for each in doubts]
    return [each for each in named_ones if each.reason or each.distance > AGREES]


def _usual_places(read: Sequence[ReadFace]) -> FloatArray:
    """Return the median box (4,) around the labels, as shares of the image's width and height."""
    boxes = [box_around(each.face.keypoints) / np.tile(each.size[::-1], 2) for each in read]
    return np.median(boxes, axis=0)


def _explain(
    index: int, each: ReadFace, image: Image, comparison: Comparison, predictor: Predictor, usual: FloatArray
) -> Doubt | None:
    """Return why labels are far from the face; None if they are not, or if the model finds no face."""
    changed = dict(_changes(each.face.keypoints, each.face.skeleton, each.size))
    opinions = [] if each.opinion is None else [each.opinion]
    best = _best(each, opinions, changed, comparison)
    if best is None or not best[2]:
        usual_corners = (usual * np.tile(each.size[::-1], 2)).reshape(2, 2)
        opinions += _certain(image, _visible([*changed.values(), usual_corners], each.size), predictor)
        best = _best(each, opinions, changed, comparison)
    if best is None:
        return None
    opinion, distance, reason = best
    return None if distance <= AGREES else Doubt(index, opinion, distance, reason)


def _best(
    each: ReadFace, opinions: Sequence[Prediction], changed: dict[str, FloatArray], comparison: Comparison
) -> tuple[Prediction, float, str] | None:
    """Return the opinion that counts, the distance (spreads) of the labels from it, and the reason for that distance.

    It is the opinion that the labels, or one of the changed labels, fit best; the reason is empty if none fits.
    """
    fits: list[tuple[float, float, str, Prediction]] = []
    for opinion in opinions:
        before = comparison.distance(each.face.keypoints, opinion)
        every = {**changed, **_rescaled(each.face.keypoints, opinion, comparison)}
        after = {reason: comparison.distance(points, opinion) for reason, points in every.items()}
        fits.append((before, before, "", opinion))
        fits += [(value, before, reason, opinion) for reason, value in after.items() if value <= BETTER * before]
    fits = [fit for fit in fits if np.isfinite(fit[0])]
    if not fits:
        return None
    best = min(fits, key=lambda fit: fit[0])
    if best[0] > AGREES:  # nothing fits: the opinion of which the model is most certain counts
        opinion = _surest(opinions)
        return opinion, comparison.distance(each.face.keypoints, opinion), ""
    same = [fit for fit in fits if fit[3] is best[3] and fit[2] and fit[0] <= best[0] / BETTER]
    reasons = [fit[2] for fit in sorted(same, key=lambda fit: fit[0])]
    return best[3], best[1], " or ".join(reasons) if best[2] else ""


def _changes(points: FloatArray, skeleton: Skeleton, size: tuple[int, int]) -> Iterator[tuple[str, FloatArray]]:
    """Yield usual mistakes, and the labels (K, 2), image px, without the mistake, in an image of `size`."""
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
    """Return the labels (K, 2), image px, scaled to fit an opinion, with the scale by which they are wrong."""
    labels, target = points[comparison.here], comparison.expected_in(opinion)
    known = is_present(labels)
    factor = float((labels[known] * target[known]).sum() / max((labels[known] ** 2).sum(), 1.0))
    if factor <= 0 or max(factor, 1 / factor) < MIN_RESCALE or any(abs(factor / s - 1) < 0.02 for s in (2, 0.5)):
        return {}
    return {f"coordinates scaled by {1 / factor:.2f}": points * factor}


def _exchanged(doubts: Sequence[Doubt], read: Sequence[ReadFace], comparison: Comparison) -> dict[int, Doubt]:
    """Return the faces whose labels are those of another file and vice versa, by their index."""
    open_ones = [each for each in doubts if not each.reason]
    labels = [read[each.index].face.keypoints for each in open_ones]
    table = np.array([[comparison.distance(points, each.opinion) for points in labels] for each in open_ones])
    found: dict[int, Doubt] = {}
    for row, each in enumerate(open_ones):
        nearest = int(np.argmin(table[row]))
        mutual = nearest != row and int(np.argmin(table[nearest])) == row
        pairs = (row, nearest), (nearest, row)
        if mutual and all(table[a, b] <= min(AGREES, BETTER * table[a, a]) for a, b in pairs):
            other = read[open_ones[nearest].index].face.name
            found[each.index] = Doubt(each.index, each.opinion, each.distance, f"labels exchanged with {other}")
    return found


def faces_finding(comparison: Comparison, doubts: Sequence[Doubt], read: Sequence[ReadFace], model: str) -> Finding:
    """Check that the labels of every face are where the model sees the face.

    Args:
        comparison: from `compare`.
        doubts: from `look_again`.
        read: the faces.
        model: the model's name.
    """
    suspects = tuple(_suspect(each, read, comparison) for each in doubts)
    certain = np.isfinite(comparison.typical)
    if not suspects and certain.mean() < TYPICAL_SHARE:
        text = f"{model} is certain of {certain.sum()} of {count(read)} only"
        return Finding("second opinion", "unknown", text)
    if not suspects:
        text = f"{model} agrees with the labels of {certain.sum()} faces at {len(comparison.here)} shared points"
        text += f", and is uncertain of {(~certain).sum()}" if not certain.all() else ""
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
        return f"{count(suspects)} far from where the model sees the face: {named(suspects)}"
    if reason == "labels exchanged":
        names = listed(f"{each.face.name} ({each.reason.removeprefix('labels exchanged ')})" for each in suspects)
        return f"{count(suspects)} with the labels of another file: {names}"
    names = listed(each.face.name for each in suspects)
    return f"{len(suspects)} of {total} faces: {reason}: {names}"


def _suspect(doubt: Doubt, read: Sequence[ReadFace], comparison: Comparison) -> Suspect:
    face = read[doubt.index].face
    reason = doubt.reason or f"half of the points more than {doubt.distance:.0f} spreads away"
    expected = comparison.for_skeleton(comparison.expected_in(doubt.opinion), face.skeleton)
    return Suspect(face, reason, expected=expected)


def points_finding(comparison: Comparison, doubts: Sequence[Doubt], read: Sequence[ReadFace], model: str) -> Finding:
    """Check that no single label is far from where the model sees the point.

    Args:
        comparison: from `compare`.
        doubts: the faces that `faces_finding` names; they are left out.
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
        return Finding("points and model", "good", f"no point is more than {FAR_POINT:g} spreads from {model}'s")
    text = f"points of {count(suspects)} are more than {FAR_POINT:g} spreads from where {model} sees them"
    return Finding("points and model", "check", f"{text}: {named(suspects)}", tuple(suspects))


def _region(skeleton: Skeleton, point: int) -> str:
    return next(name for name, indices in skeleton.regions.items() if point in indices)
