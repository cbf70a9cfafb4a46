"""What can be wrong with labels, one function a check."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nasion.errors import ImageError
from nasion.geometry import FloatArray, is_present, similarity_between
from nasion.sample import Annotation, DataSet, Problem
from nasion.skeleton import Skeleton, infer_flip_map, mean_shape

__all__ = ["Finding", "ReadFace"]

Verdict = Literal["good", "look", "wrong", "unknown"]

MIN_FACES = 8
"""Fewer say nothing about a mean face."""

OUTLIER = 4.0
"""How many times the median a face's distance from the mean face may be before it is named."""

REORDERED = 0.4
"""Share of its distance from the mean region that must be left when a region's points are taken in another order."""

FLIP_RESIDUAL = 0.03
"""Share of the face's size by which a true flip map may miss: 0.4 % on the Danes, 0.2 % on 300-W."""


@dataclass(frozen=True)
class Finding:
    """One check's outcome: its name, a verdict and a line."""

    check: str
    verdict: Verdict
    text: str


@dataclass(frozen=True, eq=False)
class ReadFace:
    """A face whose picture was read: its size (height, width), and a digest of its pixels."""

    face: Annotation
    size: tuple[int, int]
    digest: str


def look(faces: DataSet, index: int) -> ReadFace | Problem:
    """Return what face `index`'s picture is, or why it cannot be read."""
    face = faces.annotations[index]
    try:
        image = faces.load(index).image
    except ImageError as error:
        return Problem(face.name, str(error))
    return ReadFace(face, (image.shape[0], image.shape[1]), hashlib.sha256(image.tobytes()).hexdigest())


def _named(names: Iterable[str], most: int = 4) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")


def counts(faces: DataSet) -> Finding:
    """Faces, pictures, persons and splits."""
    pictures = len({face.image for face in faces.annotations})
    people = len({face.subject for face in faces.annotations if face.subject})
    splits = Counter(face.split or "no split" for face in faces.annotations)
    text = f"{len(faces)} faces in {pictures} pictures of {people} persons or photographs; "
    text += ", ".join(f"{name}: {n}" for name, n in splits.items())
    return Finding("count", "good", text + (f"; {faces.note}" if faces.note else ""))


def skipped(problems: Sequence[Problem]) -> Finding:
    """Labels and pictures that cannot be read."""
    if not problems:
        return Finding("readable", "good", "every label and picture")
    first = problems[0]
    text = f"{len(problems)} skipped: {_named(p.name for p in problems)}; the first: {first.reason}"
    return Finding("readable", "wrong", text)


def duplicates(looks: Sequence[ReadFace]) -> Finding:
    """Different files with the same pixels, whatever they are called."""
    files: dict[str, set[str]] = defaultdict(set)
    for each in looks:
        files[each.digest].add(str(each.face.image))
    twice = [sorted(names) for names in files.values() if len(names) > 1]
    if not twice:
        return Finding("duplicates", "good", "no two files hold the same picture")
    named = _named(" = ".join(name.rsplit("/", 1)[-1] for name in names[:3]) for names in twice)
    return Finding("duplicates", "look", f"{len(twice)} pictures are there more than once: {named}")


def outside(looks: Sequence[ReadFace]) -> Finding:
    """Points that lie beyond their picture's edges."""
    far: list[tuple[float, str]] = []
    count = 0
    for each in looks:
        limits = np.array(each.size[::-1]) - 0.5
        points = each.face.keypoints
        beyond = np.nan_to_num(np.maximum(-0.5 - points, points - limits)).max(-1)
        count += int((beyond > 0).sum())
        far.append((float(beyond.max()), each.face.name))
    wrong = sorted((pair for pair in far if pair[0] > 0), reverse=True)
    if not wrong:
        return Finding("inside the picture", "good", "every point")
    named = _named(f"{name} by {px:.1f} px" for px, name in wrong)
    return Finding("inside the picture", "look", f"{count} points of {len(wrong)} faces lie outside: {named}")


def missing(faces: DataSet) -> Finding:
    """Points that are missing or hidden."""
    absent = ~is_present(faces.keypoints())
    hidden = sum(int((~face.visible).sum()) for face in faces.annotations) - int(
        sum((~face.visible & ~is_present(face.keypoints)).sum() for face in faces.annotations)
    )
    text = f"{int(absent.sum())} points missing in {int(absent.any(1).sum())} faces, {hidden} marked as hidden"
    return Finding("missing points", "good", text)


def flip_map(faces: DataSet) -> Finding:
    """Whether the skeleton's flip map maps the mean face onto its mirror image."""
    points = faces.skeleton
    if points.count < 3 or len(faces) < MIN_FACES:
        return Finding("flip map", "unknown", f"needs three points and {MIN_FACES} faces")
    if points.flip is None:
        flip, residual = infer_flip_map(faces.keypoints())
        return Finding(
            "flip map",
            "look",
            f'none; the faces suggest flip = "{" ".join(map(str, flip))}" (misses by {100 * residual:.1f} % of a face)',
        )
    mean = mean_shape(faces.keypoints())
    mirror = points.mirrored(mean * [-1.0, 1.0])
    gap = np.linalg.norm(similarity_between(mirror, mean)(mirror) - mean, axis=1) / np.linalg.norm(np.ptp(mean, axis=0))
    worst = int(gap.argmax())
    text = f"the mirrored mean face misses itself by {100 * gap.mean():.2f} % of its size, "
    text += f"most at {points.names[worst]} ({100 * gap[worst]:.1f} %)"
    return Finding("flip map", "good" if gap.mean() < FLIP_RESIDUAL else "wrong", text)


def left_and_right(faces: DataSet) -> Finding:
    """Faces, or regions of faces, whose left and right are exchanged."""
    points = faces.skeleton
    if points.flip is None or points.count < 3 or len(faces) < MIN_FACES:
        return Finding("left and right", "unknown", f"needs a flip map and {MIN_FACES} faces")
    mean = mean_shape(faces.keypoints())
    swapped: list[str] = []
    for face in faces.annotations:
        if reason := _swap(face.keypoints, mean, points):
            swapped.append(f"{face.name} ({reason})")
    if not swapped:
        return Finding("left and right", "good", "no face fits better with left and right exchanged")
    return Finding("left and right", "wrong", f"{len(swapped)} exchanged: {_named(swapped)}")


def _swap(keypoints: FloatArray, mean: FloatArray, points: Skeleton) -> str:
    """Return what of a face fits the mean face better under its mirrored names; empty if nothing does."""
    flip = np.array(points.flip)
    present = is_present(keypoints)
    if present.sum() < 3:
        return ""
    as_named, as_mirrored = _residual(keypoints, mean), _residual(keypoints[flip], mean)
    if as_mirrored.mean() < 0.5 * as_named.mean():
        return "all points"
    for name, indices in points.regions.items():
        pair = list(indices)
        if set(flip[pair]) == set(pair) or not present[pair].all() or not present[flip[pair]].all():
            continue
        mixed = keypoints.copy()
        both = np.concatenate([pair, flip[pair]])
        mixed[both] = keypoints[flip[both]]
        if _residual(mixed, mean).mean() < 0.5 * as_named.mean():
            return name
    return ""


def order_of_points(faces: DataSet) -> Finding:
    """Regions whose points were set in another order than in most faces: begun elsewhere, or run the other way."""
    points = faces.skeleton
    if points.count < 3 or len(faces) < MIN_FACES:
        return Finding("order of points", "unknown", f"needs three points and {MIN_FACES} faces")
    mean = mean_shape(faces.keypoints())
    other: dict[str, list[str]] = defaultdict(list)
    for face in faces.annotations:
        if is_present(face.keypoints).sum() < 3:
            continue
        laid = similarity_between(face.keypoints, mean)(face.keypoints)
        for name, indices in points.regions.items():
            if _fits_reordered(laid[list(indices)], mean[list(indices)], closed=name in points.closed):
                other[name].append(face.name)
    if not other:
        return Finding("order of points", "good", "every region runs as in most faces")
    named = "; ".join(f"{name} in {len(names)} faces: {_named(names)}" for name, names in other.items())
    return Finding("order of points", "look", f"{named}; their points begin elsewhere or run the other way")


def _fits_reordered(region: FloatArray, mean: FloatArray, closed: bool) -> bool:
    """Return whether a region's points (R, 2) fit the mean region far better in another order."""
    if len(region) < 3 or not is_present(region).all():
        return False
    shifts = range(len(region)) if closed else range(1)
    orders = [np.roll(way, shift, axis=0) for way in (region, region[::-1]) for shift in shifts]
    centerd = mean - mean.mean(0)  # where the region lies and how large it is has no say in its order
    gaps = [float(np.linalg.norm(order - order.mean(0) - centerd, axis=1).mean()) for order in orders]
    return min(gaps[1:]) < REORDERED * gaps[0]


def _residual(keypoints: FloatArray, mean: FloatArray) -> FloatArray:
    if is_present(keypoints).sum() < 3:  # two points always fit
        return np.array([np.nan])
    gap = np.linalg.norm(similarity_between(keypoints, mean)(keypoints) - mean, axis=-1)
    return gap[np.isfinite(gap)]


def shape_residuals(faces: DataSet) -> FloatArray:
    """Return each face's mean distance from the mean face (N,), as a share of its size; NaN where it cannot be had."""
    if faces.skeleton.count < 3:
        center = np.nanmedian(faces.keypoints(), axis=0)
        gap = np.linalg.norm(faces.keypoints() - center, axis=-1).mean(-1)
        return gap / np.nanmax(gap) if np.nanmax(gap) > 0 else gap
    mean = mean_shape(faces.keypoints())
    size = np.linalg.norm(np.ptp(mean, axis=0))
    return np.array([_residual(face.keypoints, mean).mean() / size for face in faces.annotations])


def outliers(faces: DataSet, odd: FloatArray) -> Finding:
    """Faces far from the mean face, compared with the others."""
    if len(faces) < MIN_FACES:
        return Finding("odd shapes", "unknown", f"needs {MIN_FACES} faces")
    limit = OUTLIER * np.nanmedian(odd)
    order = [int(i) for i in np.argsort(-np.nan_to_num(odd)) if odd[i] > limit]
    usual = f"the usual face is {100 * np.nanmedian(odd):.1f} % of its size from the mean face"
    if not order:
        return Finding("odd shapes", "good", f"none; {usual}")
    named = _named(f"{faces.annotations[i].name} ({100 * odd[i]:.0f} %)" for i in order)
    return Finding(
        "odd shapes", "look", f"{len(order)} of {len(faces)} beyond {OUTLIER:g} times that: {named}; {usual}"
    )


def leaks(looks: Sequence[ReadFace]) -> Finding:
    """Persons, photographs or pictures on both sides of a split."""
    splits = {each.face.split for each in looks if each.face.split}
    if len(splits) < 2:
        return Finding("leaks between splits", "unknown", "the data names no two splits")
    sides: dict[str, set[str]] = defaultdict(set)
    for each in looks:
        sides[f"person or photograph {each.face.subject}"].add(each.face.split)
        sides[f"pixels:{each.digest}"].add(each.face.split)
    names = {f"pixels:{each.digest}": f"the picture {each.face.image.name}" for each in looks}
    torn = [names.get(key, key) for key, where in sides.items() if len(where - {""}) > 1]
    if not torn:
        return Finding("leaks between splits", "good", "no person, photograph or picture is on two sides")
    return Finding("leaks between splits", "wrong", f"{len(torn)} on two sides: {_named(torn)}")
