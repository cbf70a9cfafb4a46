"""What the faces of a data set hold, and what a format cannot store of it."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.geometry import is_present
from nasion.outputs.records import Content
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

__all__ = ["contents_of", "kept_faces"]

COORDINATES = 4
"""Decimals to which a coordinate counts as whole."""

MAX_NAMES = 5
"""Largest number of points that a message names."""


def contents_of(faces: DataSet) -> frozenset[Content]:
    """Return what the faces of a data set hold."""
    labels = faces.annotations
    by_subject: dict[str, set[Path]] = {}
    for face in labels:
        by_subject.setdefault(face.subject, set()).add(face.image)
    keypoints = np.concatenate([face.keypoints[is_present(face.keypoints)] for face in labels])
    holds = {
        Content.NAMES: not _has_known_names(faces.skeleton),
        Content.VISIBILITY: any((~face.visible & is_present(face.keypoints)).any() for face in labels),
        Content.MISSING: any(not is_present(face.keypoints).all() for face in labels),
        Content.BOXES: any(face.box is not None for face in labels),
        Content.SUBJECTS: any(len(paths) > 1 for subject, paths in by_subject.items() if subject),
        Content.SPLITS: any(face.split for face in labels),
        Content.SEVERAL: len({face.image for face in labels}) < len(labels),
        Content.EMPTY: bool(faces.empty_images),
        Content.SCORES: any(face.score is not None for face in labels),
        Content.SPREAD: any(face.spread is not None for face in labels),
        Content.ELLIPSES: any(face.ellipses is not None for face in labels),
        Content.FRACTIONS: bool((np.round(keypoints, COORDINATES) % 1).any()),
    }
    return frozenset(content for content, held in holds.items() if held)


def _has_known_names(skeleton: Skeleton) -> bool:
    """Return whether names are known without being stored: plain numbers, or those of the only such packaged one."""
    known = reading.skeleton_of_count(skeleton.count)
    unnamed = all(name.removeprefix("point_").isdecimal() for name in skeleton.names)
    return unnamed or (known is not None and known.names == skeleton.names)


def kept_faces(
    form: str, writer: ModuleType, given: DataSet, faces: DataSet, contents: frozenset[Content]
) -> tuple[list[Annotation], str]:
    """Return the faces that a format can store, and what is lost, for the user.

    Args:
        form: the format's name.
        writer: its module.
        given: the faces of the source.
        faces: those that have any of the chosen points.
        contents: what they hold.
    """
    kept = [face for face in faces.annotations if _can_store(face, writer.STORES)]
    absent = _absent_points(faces) if getattr(writer, "NAMES_PRESENT_POINTS", False) else []
    lost = _describe_loss(form, contents - writer.STORES, len(faces) - len(kept), absent, len(given) - len(faces))
    return kept, lost


def _can_store(face: Annotation, stores: frozenset[Content]) -> bool:
    return Content.MISSING in stores or bool(is_present(face.keypoints).all())


def _absent_points(faces: DataSet) -> list[str]:
    """Return the names of the points that every face lacks."""
    seen = np.any([is_present(face.keypoints) for face in faces.annotations], axis=0)
    return [name for name, present in zip(faces.skeleton.names, seen, strict=True) if not present]


def _describe_loss(
    form: str, lost: frozenset[Content], left_out: int, absent: Sequence[str], without_points: int
) -> str:
    """Return one line about what the target does not store; empty if it stores everything.

    Args:
        form: the target's format.
        lost: contents that it does not store.
        left_out: number of faces that it does not store.
        absent: points that no face has and that it does not name.
        without_points: number of faces without any of the chosen points.
    """
    notes = {
        Content.MISSING: f" ({left_out} face{'s' * (left_out != 1)} left out)",
        Content.SEVERAL: " (written as copies of the image)",
    }
    words = [f"{content}{notes.get(content, '')}" for content in Content if content in lost]
    if absent:
        names = ", ".join(absent[:MAX_NAMES])
        words.append(f"points that no face has ({names}{', …' if len(absent) > MAX_NAMES else ''})")
    if without_points:
        words.append(f"{without_points} face{'s' * (without_points != 1)} without any of the chosen points")
    return f"not stored in {form}: {', '.join(words)}" if words else ""
