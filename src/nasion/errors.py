"""The tree of errors that a user can cause.

    NasionError                  base of the tree; every message is one line
    ├── ImageError               an image cannot be read or is too large
    ├── AnnotationError          labels cannot be read or do not fit their skeleton
    ├── SkeletonError            a skeleton contradicts itself or does not match another one
    ├── ConfigError              a recipe, key, format or value is unknown or out of range
    ├── ModelError               a run folder or model file is missing, damaged or not from nasion
    ├── MeasurementError         a face lacks the points that a measurement needs
    ├── DownloadError            a data set or model cannot be downloaded or verified
    └── OutputError              a result cannot be written

The command line prints the message and exits with code 2. Any other exception is a bug in nasion and keeps its
traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AnnotationError",
    "ConfigError",
    "DownloadError",
    "ImageError",
    "MeasurementError",
    "ModelError",
    "NasionError",
    "OutputError",
    "SkeletonError",
    "one_line",
    "printable",
    "suggest",
]

MAX_GUESSES = 2
"""Largest number of names that `suggest` guesses."""

MAX_MESSAGE = 2000
"""Largest number of characters of a message; longer ones quote a whole file."""

MAX_WORD = 200
"""Largest number of characters of a name for which `suggest` searches similar ones."""

MIN_SIMILARITY = 0.5
"""Smallest similarity, 0 to 1, at which a name counts as a guess."""


class NasionError(Exception):
    """Base of every error caused by input; the message names the value, the rule and the remedy, in one line."""

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message))


class ImageError(NasionError):
    """An image cannot be read or is too large."""


class AnnotationError(NasionError):
    """Labels cannot be read or do not fit their skeleton."""


class SkeletonError(NasionError):
    """A skeleton contradicts itself, or two skeletons that must agree do not."""


class ConfigError(NasionError):
    """A recipe, key, format or value is unknown or out of range."""


class ModelError(NasionError):
    """A run folder or model file is missing, damaged or not from nasion."""


class MeasurementError(NasionError):
    """A face lacks the points that a measurement needs."""


class DownloadError(NasionError):
    """A file cannot be downloaded, or its content is not the expected one."""


class OutputError(NasionError):
    """A result cannot be written: the folder is read-only, missing or full."""


def one_line(message: object) -> str:
    """Return a message as one line that every terminal can show: control characters in quoted names are escaped.

    >>> one_line(f"a bad{chr(10)}name: {chr(27)}[31m") == f"a bad name: {chr(92)}x1b[31m"
    True
    """
    line = printable(" ".join(str(message).split()))
    return line if len(line) <= MAX_MESSAGE else line[:MAX_MESSAGE] + "…"


def printable(text: str) -> str:
    """Return a text with its control characters and line ends escaped.

    >>> printable(f"a{chr(27)}b") == f"a{chr(92)}x1bb"
    True
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the end of an error message: the known names that resemble `word`, then all known names.

    >>> suggest("nsoe", ["danes", "nose"])
    'did you mean "nose"? Known: danes, nose'
    """
    names = sorted(known)
    close = get_close_matches(word[:MAX_WORD], names, n=MAX_GUESSES, cutoff=MIN_SIMILARITY)
    guess = " or ".join(f'"{name}"' for name in close)
    listed = ", ".join(names)
    return f"did you mean {guess}? Known: {listed}" if close else f"known: {listed}"
