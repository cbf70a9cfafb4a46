"""The results of checks: verdicts, findings, and the faces that a finding names."""

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Literal

from nasion.geometry import FloatArray
from nasion.sample import Annotation

__all__ = [
    "ALARMS",
    "MAX_NAMES",
    "MIN_FACES",
    "MIN_POINTS",
    "Finding",
    "Suspect",
    "Verdict",
    "count",
    "listed",
    "named",
]

Verdict = Literal["good", "check", "wrong", "unclear", "unknown"]
"""Result of a check: "check" asks the user to look at the data, "unclear" means that two explanations fit, "unknown"
that there is too little data."""

ALARMS: tuple[Verdict, ...] = ("check", "wrong")
"""The verdicts that ask the user to do something."""

MIN_FACES = 8
"""Smallest number of faces from which statistics of a data set are computed."""

MIN_POINTS = 3
"""Smallest number of points from which shapes are compared; two points always fit."""

MAX_NAMES = 4
"""Largest number of faces that the text of a finding names; the table of findings names all."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A face that a finding names.

    Attributes:
        face: the labeled face.
        reason: what is unusual, such as "left_eye"; may be empty.
        points: the indices of the points concerned; empty for the complete face.
        expected: (K, 2) image px, where the points are expected; NaN where unknown, None if nothing is known.
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


def count(faces: Sized) -> str:
    """Return the number of faces with the noun.

    >>> count("a"), count("abc")
    ('1 face', '3 faces')
    """
    return f"{len(faces)} face{'s' * (len(faces) != 1)}"
