"""The results of checks, and the checks of single faces and files: counts, unreadable files, points outside."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nasion.doctor.reading import FAR_SIZES, ReadFace, is_measurable
from nasion.geometry import FloatArray, image_box, is_present
from nasion.sample import Annotation, DataSet, Problem

__all__ = [
    "ALARMS",
    "MIN_FACES",
    "MIN_POINTS",
    "Finding",
    "Suspect",
    "Verdict",
    "count",
    "counts",
    "extent",
    "listed",
    "missing",
    "named",
    "outside",
    "skipped",
]

Verdict = Literal["good", "check", "wrong", "unclear", "unknown"]
"""Result of a check: "check" asks the user to look at the data, "unclear" means that an error and a harmless cause both
fit, "unknown" that there is too little data."""

ALARMS: tuple[Verdict, ...] = ("check", "wrong")
"""The verdicts that need the user's attention."""

MIN_FACES = 8
"""Smallest number of faces for statistics of a data set."""

MIN_POINTS = 3
"""Smallest number of points for a comparison of shapes; two points always fit."""

MAX_NAMES = 4
"""Largest number of faces that the text of a finding names; the table of findings names all."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A face that a finding names.

    Attributes:
        face: the labeled face.
        reason: what is unusual, such as "left_eye"; empty if unknown.
        points: the indices of the points concerned; empty for the complete face.
        expected: (K, 2) expected positions of the points, image px; NaN where unknown, None if all are.
        twin: another face that this one is compared with, such as its duplicate.
    """

    face: Annotation
    reason: str = ""
    points: tuple[int, ...] = ()
    expected: FloatArray | None = None
    twin: Annotation | None = None

    def __str__(self) -> str:
        return f"{self.face.name} ({self.reason})" if self.reason else self.face.name


@dataclass(frozen=True)
class Finding:
    """The result of one check: its name, the verdict, a line of text, and every face that it concerns."""

    check: str
    verdict: Verdict
    text: str
    suspects: tuple[Suspect, ...] = ()


def listed(names: Iterable[str]) -> str:
    """Return the first names, separated by commas, and the number of the others.

    >>> listed("abcdef")
    'a, b, c, d and 2 more'
    """
    every = list(names)
    more = len(every) - MAX_NAMES
    return ", ".join(every[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def named(suspects: Sequence[Suspect]) -> str:
    """Return the first suspects with their reasons, and the number of the others."""
    return listed(map(str, suspects))


def count(number: int, noun: str = "face") -> str:
    """Return a number with its noun.

    >>> count(1), count(3, "point")
    ('1 face', '3 points')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def counts(faces: DataSet) -> Finding:
    """Count faces, images, subjects and splits."""
    image_count = len({face.image for face in faces.annotations})
    subjects = len({face.subject for face in faces.annotations if face.subject})
    splits = Counter(face.split or "no split" for face in faces.annotations)
    text = f"{count(len(faces))} in {count(image_count, 'image')} of {count(subjects, 'subject')}; "
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
    text = f"{count(total, 'point')} of {count(len(suspects))} outside: {names}"
    return Finding("inside the image", "check", text, suspects)


def extent(read: Sequence[ReadFace]) -> Finding:
    """Check that the points of every face have an extent and lie near the image; other checks leave such faces out."""
    wrong = tuple(Suspect(each.face) for each in read if not is_measurable(each.face, each.size))
    if not wrong:
        return Finding("extent", "good", "every face")
    text = f"{count(len(wrong))} with all points in one place, or with a point {FAR_SIZES} image sizes away: "
    return Finding("extent", "wrong", text + f"{named(wrong)}; the checks below leave them out", wrong)


def missing(faces: DataSet) -> Finding:
    """Count missing and hidden points."""
    absent = ~is_present(faces.keypoints())
    hidden = sum(int((~face.visible & is_present(face.keypoints)).sum()) for face in faces.annotations)
    points, incomplete = count(int(absent.sum()), "point"), count(int(absent.any(1).sum()))
    return Finding("missing points", "good", f"{points} missing in {incomplete}, {hidden} marked as hidden")
