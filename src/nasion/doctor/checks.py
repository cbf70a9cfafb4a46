"""Checks of labels, one function each."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nasion.errors import ImageError
from nasion.geometry import MIN_EXTENT, FloatArray, image_box, is_present, similarity_between
from nasion.sample import Annotation, DataSet, Problem
from nasion.shapes import infer_flip_map, mean_shape
from nasion.skeleton import Skeleton

__all__ = ["Finding", "ReadFace", "Verdict"]

Verdict = Literal["good", "check", "wrong", "unknown"]
"""Result of a check: "check" asks the user to look at the data, "unknown" means that there is too little data."""

MIN_FACES = 8
"""Smallest number of faces from which a mean face is computed."""

MIN_POINTS = 3
"""Smallest number of points from which shapes are compared; two points always fit."""

OUTLIER = 4.0
"""Distance from the mean face, as a multiple of the median distance, above which a face is named."""

SWAPPED = 0.5
"""Share of the distance from the mean face below which exchanging left and right counts as an improvement."""

REORDERED = 0.4
"""Share of the distance from the mean region below which another order of a region's points counts as better."""

FLIP_RESIDUAL = 0.03
"""Largest residual of a correct flip map, share of the face size; it is 0.4 % on the IMM dataset, 0.2 % on 300-W."""

FAR_SIZES = 10
"""Distance of a point from the image, in image sizes, from which its face is not compared with others."""

MAX_NAMES = 4
"""Largest number of faces that a finding names."""

MAX_COPIES = 3
"""Largest number of file names that are shown for one duplicated image."""


@dataclass(frozen=True)
class Finding:
    """The result of one check: its name, the verdict and a line of text."""

    check: str
    verdict: Verdict
    text: str


@dataclass(frozen=True, eq=False)
class ReadFace:
    """A face whose image was read, with the image's size (height, width), px, and a digest of its pixels."""

    face: Annotation
    size: tuple[int, int]
    digest: str


def read_face(faces: DataSet, index: int) -> ReadFace | Problem:
    """Return face `index` with the size and digest of its image, or the reason why the image cannot be read."""
    face = faces.annotations[index]
    try:
        image = faces.load(index).image
    except ImageError as error:
        return Problem(face.name, str(error))
    return ReadFace(face, (image.shape[0], image.shape[1]), hashlib.sha256(image.tobytes()).hexdigest())


def _listed(names: Iterable[str]) -> str:
    """Return the first names, separated by commas, and the number of the others."""
    listed = list(names)
    more = len(listed) - MAX_NAMES
    return ", ".join(listed[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} face{'s' * (len(names) != 1)}"


def counts(faces: DataSet) -> Finding:
    """Count faces, images, subjects and splits."""
    image_count = len({face.image for face in faces.annotations})
    subjects = len({face.subject for face in faces.annotations if face.subject})
    splits = Counter(face.split or "no split" for face in faces.annotations)
    text = f"{len(faces)} faces in {image_count} images of {subjects} subjects; "
    text += ", ".join(f"{name}: {n}" for name, n in splits.items())
    return Finding("count", "good", text + (f"; {faces.note}" if faces.note else ""))


def skipped(problems: Sequence[Problem]) -> Finding:
    """Check that every label and image was read."""
    if not problems:
        return Finding("readable", "good", "every label and image")
    names = _listed(problem.name for problem in problems)
    return Finding("readable", "wrong", f"{len(problems)} skipped: {names}; the first: {problems[0].reason}")


def duplicates(read: Sequence[ReadFace]) -> Finding:
    """Check that no two files have the same pixels."""
    files: dict[str, set[str]] = defaultdict(set)
    for each in read:
        files[each.digest].add(str(each.face.image))
    copies = [sorted(names) for names in files.values() if len(names) > 1]
    if not copies:
        return Finding("duplicates", "good", "no two files contain the same image")
    names = _listed(" = ".join(name.rsplit("/", 1)[-1] for name in same[:MAX_COPIES]) for same in copies)
    return Finding("duplicates", "check", f"{len(copies)} images are in more than one file: {names}")


def outside(read: Sequence[ReadFace]) -> Finding:
    """Check that every point lies inside its image."""
    worst: list[tuple[float, str]] = []
    count = 0
    for each in read:
        low, high = image_box(each.size).reshape(2, 2)
        points = each.face.keypoints
        distance = np.nan_to_num(np.maximum(low - points, points - high)).max(-1)
        count += int((distance > 0).sum())
        worst.append((float(distance.max()), each.face.name))
    faces = sorted((pair for pair in worst if pair[0] > 0), reverse=True)
    if not faces:
        return Finding("inside the image", "good", "every point")
    names = _listed(f"{name} by {px:.1f} px" for px, name in faces)
    return Finding("inside the image", "check", f"{count} points of {len(faces)} faces lie outside: {names}")


def is_measurable(each: ReadFace) -> bool:
    """Return whether a face can be compared with others: its points have an extent, near the image."""
    keypoints, skeleton = each.face.keypoints, each.face.skeleton
    present = keypoints[is_present(keypoints)]
    near = np.abs(present).max() <= FAR_SIZES * max(each.size)
    return bool(near and (skeleton.count < 2 or np.ptp(present, axis=0).max() >= MIN_EXTENT))


def extent(read: Sequence[ReadFace]) -> Finding:
    """Check that the points of every face have an extent and lie near the image; other checks leave such faces out."""
    wrong = [each.face.name for each in read if not is_measurable(each)]
    if not wrong:
        return Finding("extent", "good", "every face")
    text = f"{_count(wrong)} with all points in one place, or with a point {FAR_SIZES} image sizes away: "
    return Finding("extent", "wrong", text + f"{_listed(wrong)}; the checks below leave them out")


def missing(faces: DataSet) -> Finding:
    """Count missing and hidden points."""
    absent = ~is_present(faces.keypoints())
    hidden = sum(int((~face.visible & is_present(face.keypoints)).sum()) for face in faces.annotations)
    text = f"{int(absent.sum())} points missing in {int(absent.any(1).sum())} faces, {hidden} marked as hidden"
    return Finding("missing points", "good", text)


def has_every_point(faces: DataSet) -> bool:
    """Return whether every point of the skeleton is present in some face."""
    return bool(is_present(faces.keypoints()).any(0).all())


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
    gap = _gaps(mirror, mean) / _size(mean)
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
    swapped: list[str] = []
    for face in faces.annotations:
        if part := _swapped_part(face.keypoints, mean, skeleton):
            swapped.append(f"{face.name} ({part})")
    if not swapped:
        return Finding("left and right", "good", "no face fits better with left and right exchanged")
    return Finding("left and right", "wrong", f"{len(swapped)} exchanged: {_listed(swapped)}")


def _swapped_part(keypoints: FloatArray, mean: FloatArray, skeleton: Skeleton) -> str:
    """Return the part of a face (K, 2), image px, that fits the mean face (K, 2) better when left and right change.

    The part is "all points", the name of a region, or "".
    """
    flip = np.array(skeleton.flip)
    present = is_present(keypoints)
    if present.sum() < MIN_POINTS:
        return ""
    limit = SWAPPED * _residual(keypoints, mean).mean()
    if _residual(keypoints[flip], mean).mean() < limit:
        return "all points"
    for name, indices in skeleton.regions.items():
        region = list(indices)
        if set(flip[region]) == set(region) or not present[region].all() or not present[flip[region]].all():
            continue
        exchanged = keypoints.copy()
        both = np.concatenate([region, flip[region]])
        exchanged[both] = keypoints[flip[both]]
        if _residual(exchanged, mean).mean() < limit:
            return name
    return ""


def order_of_points(faces: DataSet) -> Finding:
    """Check that the points of every region start at the same place and run in the same direction in all faces."""
    skeleton = faces.skeleton
    if skeleton.count < MIN_POINTS or len(faces) < MIN_FACES:
        return Finding("order of points", "unknown", f"needs {MIN_POINTS} points and {MIN_FACES} faces")
    mean = mean_shape(faces.keypoints())
    reordered: dict[str, list[str]] = defaultdict(list)
    for face in faces.annotations:
        aligned = _aligned(face.keypoints, mean)
        for name, indices in skeleton.regions.items():
            if _fits_reordered(aligned[list(indices)], mean[list(indices)], closed=name in skeleton.closed):
                reordered[name].append(face.name)
    if not reordered:
        return Finding("order of points", "good", "every region has the same order as in most faces")
    text = "; ".join(f"{name} in {_count(names)}: {_listed(names)}" for name, names in reordered.items())
    return Finding("order of points", "check", f"{text}; their points start elsewhere or run in the other direction")


def _fits_reordered(region: FloatArray, mean: FloatArray, closed: bool) -> bool:
    """Return whether the points of a region (R, 2) fit the mean region (R, 2) much better in another order.

    Both are in px of the mean face.
    """
    if len(region) < MIN_POINTS or not is_present(region).all():
        return False
    shifts = range(len(region)) if closed else range(1)
    orders = [np.roll(way, shift, axis=0) for way in (region, region[::-1]) for shift in shifts]
    centered = mean - mean.mean(0)  # the position of a region says nothing about its order
    gaps = [float(np.linalg.norm(order - order.mean(0) - centered, axis=1).mean()) for order in orders]
    return min(gaps[1:]) < REORDERED * gaps[0]


def _residual(keypoints: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the distances of the present points of a face (K, 2) from the mean face (K, 2), px; NaN if too few."""
    gaps = _gaps(keypoints, mean)
    known = np.isfinite(gaps)
    return gaps[known] if known.any() else np.array([np.nan])


def _gaps(keypoints: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the distance (K,) of each point of an aligned face (K, 2) from the mean face (K, 2), px of the latter."""
    return np.linalg.norm(_aligned(keypoints, mean) - mean, axis=-1)


def _aligned(keypoints: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the points of a face (K, 2) aligned with the mean face (K, 2), px of the latter.

    They are NaN for a face without `MIN_POINTS` points that the mean face has, because two points always fit.
    """
    both = is_present(keypoints) & is_present(mean)
    if both.sum() < MIN_POINTS or min(np.ptp(each[both], axis=0).max() for each in (keypoints, mean)) < MIN_EXTENT:
        return np.full(keypoints.shape, np.nan)
    return similarity_between(keypoints, mean)(keypoints)


def _size(mean: FloatArray) -> float:
    """Return the diagonal of the bounding box of the mean face (K, 2), px."""
    return float(np.linalg.norm(np.ptp(mean, axis=0)))


def shape_residuals(faces: DataSet) -> FloatArray:
    """Return each face's mean distance from the mean face (N,), as a share of the face size; NaN if unknown.

    With fewer than three points, distances are measured from the median position, as shares of the largest one.
    """
    keypoints = faces.keypoints()
    if faces.skeleton.count < MIN_POINTS:
        complete = is_present(keypoints).all(1)
        center = np.median(keypoints[complete], axis=0) if complete.any() else np.full(keypoints.shape[1:], np.nan)
        gap = np.linalg.norm(keypoints - center, axis=-1).mean(-1)
        farthest = gap[complete].max(initial=0)
        return gap / farthest if farthest > 0 else gap
    mean = mean_shape(keypoints)
    return np.array([_residual(face, mean).mean() / _size(mean) for face in keypoints])


def outliers(faces: DataSet, residuals: FloatArray) -> Finding:
    """Check that no face is much farther from the mean face than the others.

    Args:
        faces: the faces.
        residuals: (N,) from `shape_residuals`, shares of the face size.
    """
    known = residuals[np.isfinite(residuals)]
    if len(known) < MIN_FACES:
        return Finding("unusual shapes", "unknown", f"needs {MIN_FACES} faces")
    median = np.median(known)
    order = [int(i) for i in np.argsort(-np.nan_to_num(residuals)) if residuals[i] > OUTLIER * median]
    typical = f"a typical face is {100 * median:.1f} % of the face size from the mean face"
    if not order:
        return Finding("unusual shapes", "good", f"none; {typical}")
    names = _listed(f"{faces.annotations[i].name} ({100 * residuals[i]:.0f} %)" for i in order)
    text = f"{len(order)} of {len(faces)} faces exceed {OUTLIER:g} times that: {names}"
    return Finding("unusual shapes", "check", f"{typical}; {text}")


def leaks(read: Sequence[ReadFace]) -> Finding:
    """Check that no subject and no image is in two splits."""
    splits = {each.face.split for each in read if each.face.split}
    if len(splits) < 2:
        return Finding("leaks between splits", "unknown", "the data has fewer than two splits")
    sides: dict[str, set[str]] = defaultdict(set)
    for each in read:
        sides[f"image {each.digest}"].add(each.face.split)
        if each.face.subject:
            sides[f"subject {each.face.subject}"].add(each.face.split)
    names = {f"image {each.digest}": f"image {each.face.image.name}" for each in read}
    shared = [names.get(key, key) for key, where in sides.items() if len(where - {""}) > 1]
    if not shared:
        return Finding("leaks between splits", "good", "no subject or image is in two splits")
    return Finding("leaks between splits", "wrong", f"{len(shared)} in two splits: {_listed(shared)}")
