"""Checks of the order of points: the flip map, left and right, and the order within each region."""

from collections.abc import Iterator, Sequence

import numpy as np

from nasion.doctor.checks import MIN_FACES, MIN_POINTS, Finding, Suspect, count, listed, named
from nasion.doctor.shape_model import aligned, face_size, gaps, has_every_point
from nasion.geometry import FloatArray, has_places, is_present, similarity_between
from nasion.sample import Annotation, DataSet
from nasion.shapes import infer_flip_map, mean_shape
from nasion.skeleton import Skeleton

__all__ = ["flip_map", "left_and_right", "order_of_points"]

SWAPPED = 0.5
"""Share of the distance from the mean face below which exchanging left and right counts as an improvement.

On IMM's persons 1 to 32 and on 300-W's training photos, exchanging eyes or brows that are right multiplies the distance
by at least 2.5.
"""

REORDERED = 0.4
"""Share of the distance from the mean region below which another order of a region's points counts as better."""

FLIP_RESIDUAL = 0.03
"""Largest residual of a correct flip map, share of the face size; it is 0.4 % on the IMM dataset, 0.2 % on 300-W."""


def flip_map(faces: DataSet) -> Finding:
    """Check that the flip map of the skeleton maps the mean face onto its mirror image."""
    skeleton = faces.skeleton
    if skeleton.count < MIN_POINTS or len(faces) < MIN_FACES or not has_every_point(faces):
        return Finding("flip map", "unknown", f"needs {MIN_FACES} faces, and {MIN_POINTS} points, each in some face")
    if skeleton.flip is None:
        flip, residual = infer_flip_map(faces.keypoints())
        suggestion = f'none; the faces suggest flip = "{" ".join(map(str, flip))}"'
        return Finding("flip map", "check", f"{suggestion} (residual {100 * residual:.1f} % of the face size)")
    mean = mean_shape(faces.keypoints())
    mirror = skeleton.mirrored(mean * [-1.0, 1.0])
    gap = gaps(mirror, mean) / face_size(mean)
    worst = int(gap.argmax())
    text = f"the mean face and its mirror image differ by {100 * gap.mean():.2f} % of the face size, "
    text += f"most at {skeleton.names[worst]} ({100 * gap[worst]:.1f} %)"
    return Finding("flip map", "good" if gap.mean() < FLIP_RESIDUAL else "wrong", text)


def left_and_right(faces: DataSet) -> Finding:
    """Check that left and right are not exchanged, in whole faces or in single regions."""
    skeleton = faces.skeleton
    if skeleton.flip is None or skeleton.count < MIN_POINTS or len(faces) < MIN_FACES:
        return Finding("left and right", "unknown", f"needs a flip map, {MIN_POINTS} points and {MIN_FACES} faces")
    mean = mean_shape(faces.keypoints())
    swapped = tuple(each for face in faces.annotations if (each := _swapped(face, mean)) is not None)
    if not swapped:
        return Finding("left and right", "good", "no face fits better with left and right exchanged")
    return Finding("left and right", "wrong", f"{len(swapped)} exchanged: {named(swapped)}", swapped)


def _swapped(face: Annotation, mean: FloatArray) -> Suspect | None:
    """Return the face if a part of it fits the mean face (K, 2) better when left and right change.

    The part is all points, or a region and its counterpart. A region is compared with the mean face that is aligned
    with the other points, and only at the points of the region.
    """
    keypoints, present = face.keypoints, is_present(face.keypoints)
    flip = np.array(face.skeleton.flip)
    if present.sum() < MIN_POINTS:
        return None
    if _mean_gap(gaps(keypoints[flip], mean)) < SWAPPED * _mean_gap(gaps(keypoints, mean)):
        return Suspect(face, "all points", tuple(range(face.skeleton.count)), keypoints[flip])
    for name, both in _sided_regions(face.skeleton, flip):
        rest = np.setdiff1d(np.arange(len(keypoints)), both)
        if not present[both].all() or present[rest].sum() < MIN_POINTS:
            continue
        if not has_places(keypoints[rest]) or not has_places(mean[rest]):
            continue
        to_mean = similarity_between(keypoints[rest], mean[rest])
        before, after = (
            np.linalg.norm(to_mean(keypoints[order]) - mean[both], axis=-1).mean() for order in (both, flip[both])
        )
        if after < SWAPPED * before:
            expected = np.full_like(keypoints, np.nan)
            expected[both] = keypoints[flip[both]]
            return Suspect(face, name, tuple(both.tolist()), expected)
    return None


def _sided_regions(skeleton: Skeleton, flip: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the regions that are on one side of the face, with the indices of their points and their counterparts."""
    for name, indices in skeleton.regions.items():
        region = np.array(indices)
        if set(flip[region]) != set(indices):
            yield name, np.unique(np.concatenate([region, flip[region]]))


def _mean_gap(distances: FloatArray) -> float:
    """Return the mean of the known distances (K,); NaN if all are unknown."""
    known = distances[np.isfinite(distances)]
    return float(known.mean()) if len(known) else np.nan


def order_of_points(faces: DataSet) -> Finding:
    """Check that the points of every region start at the same place and run in the same direction in all faces."""
    skeleton = faces.skeleton
    if skeleton.count < MIN_POINTS or len(faces) < MIN_FACES:
        return Finding("order of points", "unknown", f"needs {MIN_POINTS} points and {MIN_FACES} faces")
    mean = mean_shape(faces.keypoints())
    suspects: list[Suspect] = []
    for name, indices in skeleton.regions.items():
        region = list(indices)
        for face in faces.annotations:
            points = aligned(face.keypoints, mean)[region]
            order = _better_order(points, mean[region], closed=name in skeleton.closed)
            if order is not None:
                expected = np.full_like(face.keypoints, np.nan)
                expected[region] = face.keypoints[region][order]
                suspects.append(Suspect(face, name, indices, expected))
    if not suspects:
        return Finding("order of points", "good", "every region has the same order as in most faces")
    text = "; ".join(_region_text(name, suspects) for name in dict.fromkeys(each.reason for each in suspects))
    text += "; their points start at another point or run in the opposite direction"
    return Finding("order of points", "check", text, tuple(suspects))


def _region_text(name: str, suspects: Sequence[Suspect]) -> str:
    names = [each.face.name for each in suspects if each.reason == name]
    return f"{name} in {count(len(names))}: {listed(names)}"


def _better_order(region: FloatArray, mean: FloatArray, closed: bool) -> np.ndarray | None:
    """Return the order (R,) in which the points of a region (R, 2) fit the mean region (R, 2) much better, or None.

    Both are in px of the mean face.
    """
    if len(region) < MIN_POINTS or not is_present(region).all():
        return None
    start = np.arange(len(region))
    shifts = range(len(region)) if closed else range(1)
    orders = [np.roll(way, shift) for way in (start, start[::-1]) for shift in shifts]
    centered, target = region - region.mean(0), mean - mean.mean(0)  # the position says nothing about the order
    distances = [float(np.linalg.norm(centered[order] - target, axis=1).mean()) for order in orders]
    best = int(np.argmin(distances))
    return orders[best] if best and distances[best] < REORDERED * distances[0] else None
