"""The file of a new skeleton, with comments, from the names of its points."""

import json
import re
from collections.abc import Sequence

from nasion.errors import SkeletonError
from nasion.skeleton import MAX_POINTS, parse

__all__ = ["FIVE_POINTS", "flip_of_names", "skeleton_text"]

FIVE_POINTS = ("right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner")
"""The points of a new skeleton without names."""

SIDES = {"left": "right", "right": "left"}

SIDE = re.compile(r"(?<![a-z])(left|right)(?![a-z])")
"""A side of the face in a name, as a separate word."""

NUMBER = re.compile(r"_?\d+$")
"""The number at the end of a name: points whose names differ only in it are a region."""


def skeleton_text(name: str, names: Sequence[str] = FIVE_POINTS, flip: Sequence[int] | None = None) -> str:
    """Return the TOML text of a skeleton: regions and, by default, the flip map are derived from its points' names.

    Args:
        name: the name of the file without ".toml".
        names: the K points, in order. Mirrored points have names that differ only in "left" and "right". Points whose
            names differ only in a number at the end are one region.
        flip: point k of a mirrored face is point flip[k] of the original face; default: as the names say.

    Raises:
        SkeletonError: a name is empty or appears twice, there are too many, or the flip map contradicts itself.

    >>> print(skeleton_text("mine", ["left_eye", "nose", "right_eye"]))      # doctest: +ELLIPSIS
    # The skeleton "mine"...
    flip = "2 1 0"...
    """
    if not names or not all(names) or len(names) > MAX_POINTS:
        raise SkeletonError(f'a skeleton needs 1 to {MAX_POINTS:,} names, such as "left_eye,right_eye,nose"')
    quoted = ", ".join(json.dumps(each, ensure_ascii=False) for each in names)
    flip = flip_of_names(names) if flip is None else list(flip)
    normalizer = _normalizer(names)
    text = "\n".join(
        [
            f'# The skeleton "{name}": the points in the order of your labels.',
            f"# nasion doctor 'csv:faces.csv?skeleton={name}.toml' checks it with labels.",
            f"title = {json.dumps(name, ensure_ascii=False)}",
            f"count = {len(names)}",
            f"names = [{quoted}]",
            "",
            "# Point k of a mirrored face is point flip[k] of the original face: left and right points change places.",
            f'flip = "{" ".join(map(str, flip))}"' if flip else '# flip = "1 0 2"  # nasion doctor suggests one',
            "",
            "# Regions that are drawn as closed lines, such as eyes.",
            "closed = []",
            "",
            '# Each point belongs to one region; a line joins the points of a region. "0-3" is 0, 1, 2, 3.',
            "[regions]",
            *(f'{json.dumps(each, ensure_ascii=False)} = "{_ranges(k)}"' for each, k in _regions(names).items()),
            "",
            "# Lengths by which errors are divided: the distance between the means of two groups of points.",
            "[normalizers]",
            normalizer or '# inter_ocular = ["0", "1"]',
            "",
            "# Where these points are in other skeletons, to use their labels or models.",
            "# [from]",
            '# ibug-68 = "36 45 30 48 54"',
            "",
        ]
    )
    parse(name, text)
    return text


def flip_of_names(names: Sequence[str]) -> list[int]:
    """Return the index of each point in a mirrored face; empty if the names do not determine it.

    >>> flip_of_names(["left_eye", "nose", "right_eye"])
    [2, 1, 0]
    """
    mirrored = [SIDE.sub(lambda side: SIDES[side[0]], name) for name in names]
    is_known = any(name != other for name, other in zip(names, mirrored, strict=True)) and set(mirrored) == set(names)
    return [names.index(each) for each in mirrored] if is_known else []


def _regions(names: Sequence[str]) -> dict[str, list[int]]:
    regions: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        regions.setdefault(NUMBER.sub("", name) or name, []).append(index)
    return regions


def _normalizer(names: Sequence[str]) -> str:
    """Return the line of the distance between the eyes; empty if no points are named after both eyes."""
    eyes = [
        [k for k, name in enumerate(names) if SIDE.findall(name) == [side] and "eye" in name and "brow" not in name]
        for side in ("right", "left")
    ]
    if not all(eyes):
        return ""
    name = "inter_ocular" if max(map(len, eyes)) == 1 else "inter_pupil"
    return f'{name} = ["{_ranges(eyes[0])}", "{_ranges(eyes[1])}"]'


def _ranges(indices: Sequence[int]) -> str:
    """Return increasing indices as text.

    >>> _ranges([0, 1, 2, 5])
    '0-2 5'
    """
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
