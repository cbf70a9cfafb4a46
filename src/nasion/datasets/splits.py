"""Which faces train, validate and test: whole groups are assigned, never single faces."""

from dataclasses import replace

import numpy as np

from nasion.errors import ConfigError
from nasion.sample import DataSet

__all__ = ["with_validation", "without_part"]


def with_validation(faces: DataSet, share: float) -> DataSet:
    """Return the set with about `share` of its training groups marked "val".

    A group is a person or a photo (`Annotation.subject`). Faces without a split become "train". The validation groups
    are spread evenly over the sorted names; at least one group validates and at least one trains. The choice depends on
    the names alone: it is the same in every run of a sweep. A set that already has "val" faces keeps exactly these.

    Args:
        faces: a set with or without splits.
        share: fraction of the training groups to validate on, 0 to below 1; 0 marks none.

    Raises:
        ConfigError: fewer than two training groups, so that none would be left to train on.
    """
    named = [replace(face, split=face.split or "train") for face in faces.annotations]
    if share > 0 and not any(face.split == "val" for face in named):
        groups = sorted({face.subject for face in named if face.split == "train"})
        if len(groups) < 2:
            raise ConfigError(
                f"{faces.name}: {len(groups)} training group cannot give validation faces; "
                "use --set data.validation_share=0"
            )
        count = min(max(1, round(share * len(groups))), len(groups) - 1)
        chosen = _evenly_spaced(groups, count)
        named = [
            replace(face, split="val") if face.split == "train" and face.subject in chosen else face for face in named
        ]
    return faces.subset(named)


def without_part(faces: DataSet, part: int, parts: int) -> DataSet:
    """Return the set without one part of its training groups.

    Args:
        faces: a set with splits.
        part: the part, from 1; 0 only checks that there are enough groups, and returns the set itself.
        parts: number of parts with about the same number of groups.

    Raises:
        ConfigError: there are fewer than two parts, or fewer groups than parts.
    """
    groups = sorted({face.subject for face in faces.annotations if face.split == "train"})
    if not 2 <= parts <= len(groups) or part > parts:
        raise ConfigError(
            f"{faces.name}: data.cross_fit = {parts} cannot divide {len(groups)} training people or photographs; "
            "choose a number from 2 to theirs"
        )
    if not part:
        return faces
    left_out = set(groups[part - 1 :: parts])
    return faces.subset([face for face in faces.annotations if face.split != "train" or face.subject not in left_out])


def _evenly_spaced(groups: list[str], count: int) -> set[str]:
    """Return the group in the middle of each of `count` equal parts of the list."""
    starts = np.linspace(0, len(groups), count, endpoint=False)
    return {groups[int(start + len(groups) / count / 2)] for start in starts}
