"""The errors a person can meet, as one tree.

    NasionError                  every error that is the input's fault, one clear line each
    ├── ImageError               a picture that cannot be read, or is too large to be
    ├── AnnotationError          labels that cannot be read, or do not fit their skeleton
    ├── SkeletonError            a skeleton that contradicts itself, or is the wrong one
    ├── ConfigError              an unknown recipe, key, format or value
    ├── ModelError               a run folder or model file that is missing, foreign or damaged
    ├── DownloadError            a data set or model that could not be fetched or proved
    └── OutputError              a result that cannot be written

The command line prints the line and exits with code 2. Anything else that is raised is a fault in
nasion and keeps its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AnnotationError",
    "ConfigError",
    "DownloadError",
    "ImageError",
    "ModelError",
    "NasionError",
    "OutputError",
    "SkeletonError",
    "nearest",
]


class NasionError(Exception):
    """Base of every error caused by input; its text names the value, the rule and the remedy."""


class ImageError(NasionError):
    """A picture cannot be read."""


class AnnotationError(NasionError):
    """Labels cannot be read, or do not fit their skeleton."""


class SkeletonError(NasionError):
    """A skeleton contradicts itself, or two skeletons that must agree do not."""


class ConfigError(NasionError):
    """A recipe, a key, a format or a value is unknown or out of range."""


class ModelError(NasionError):
    """A run folder or model file is missing, foreign or damaged."""


class DownloadError(NasionError):
    """A file could not be fetched, or is not the file it should be."""


class OutputError(NasionError):
    """A result cannot be written: the folder is read-only, missing or full."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of an error line: the known names, the nearest first.

    >>> nearest("nsoe", ["danes", "nose"])
    'did you mean "nose"? Known: danes, nose'
    """
    names = sorted(known)
    close = get_close_matches(word, names, n=2, cutoff=0.5)
    guess = " or ".join(f'"{name}"' for name in close)
    listed = "Known: " + ", ".join(names)
    return f"did you mean {guess}? {listed}" if close else listed
