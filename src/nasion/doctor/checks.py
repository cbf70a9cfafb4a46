"""Checks of single faces and files: counts, unreadable files, points outside the image, missing points."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from nasion.doctor.reading import FAR_SIZES, ReadFace, is_measurable
from nasion.doctor.verdicts import Finding, Suspect, count, listed, named
from nasion.geometry import image_box, is_present
from nasion.sample import DataSet, Problem

__all__ = ["counts", "extent", "missing", "outside", "skipped"]


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
    names = listed(problem.name for problem in problems)
    return Finding("readable", "wrong", f"{len(problems)} skipped: {names}; the first: {problems[0].reason}")


def outside(read: Sequence[ReadFace]) -> Finding:
    """Check that every point lies inside its image."""
    worst: list[tuple[float, Suspect]] = []
    for each in read:
        low, high = image_box(each.size).reshape(2, 2)
        points = each.face.keypoints
        distance = np.nan_to_num(np.maximum(low - points, points - high)).max(-1)
        beyond = tuple(np.flatnonzero(distance > 0).tolist())
        worst.append((float(distance.max()), Suspect(each.face, f"by {distance.max():.1f} px", beyond)))
    suspects = tuple(each for _, each in sorted(worst, key=lambda pair: -pair[0]) if each.points)
    if not suspects:
        return Finding("inside the image", "good", "every point")
    names = listed(f"{each.face.name} {each.reason}" for each in suspects)
    total = sum(len(each.points) for each in suspects)
    text = f"{total} points of {len(suspects)} faces lie outside: {names}"
    return Finding("inside the image", "check", text, suspects)


def extent(read: Sequence[ReadFace]) -> Finding:
    """Check that the points of every face have an extent and lie near the image; other checks leave such faces out."""
    wrong = tuple(Suspect(each.face) for each in read if not is_measurable(each.face, each.size))
    if not wrong:
        return Finding("extent", "good", "every face")
    text = f"{count(wrong)} with all points in one place, or with a point {FAR_SIZES} image sizes away: "
    return Finding("extent", "wrong", text + f"{named(wrong)}; the checks below leave them out", wrong)


def missing(faces: DataSet) -> Finding:
    """Count missing and hidden points."""
    absent = ~is_present(faces.keypoints())
    hidden = sum(int((~face.visible & is_present(face.keypoints)).sum()) for face in faces.annotations)
    text = f"{int(absent.sum())} points missing in {int(absent.any(1).sum())} faces, {hidden} marked as hidden"
    return Finding("missing points", "good", text)
