"""What to measure: distances, angles and ratios between named points, as a TOML file.

    [distances]                                   # between two points, or means of several
    mouth_width = ["outer_lip_0", "outer_lip_6"]
    eye_distance = ["right_eye", "left_eye"]      # a region is the mean of its points
    [angles]                                      # at the second of three points, 0 to 180 degrees
    nose = ["right_eye", "30", "left_eye"]
    [ratios]                                      # of two distances
    mouth_to_eyes = ["mouth_width", "eye_distance"]

Points are names, regions, numbers such as "30", or several of them, such as "36-41". The names of the
built-in measurements, such as "yaw", cannot be used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from nasion.documents import parse_toml, read_toml
from nasion.errors import ConfigError, suggest
from nasion.outputs.names import MEASUREMENTS
from nasion.settings import Settings, explain
from nasion.skeleton import Skeleton, index_list

__all__ = ["Definitions", "build_definitions", "default_definitions", "parse_indices", "read_definitions"]

MAX_DEFINITIONS = 1000
"""Largest number of definitions of each kind."""

Groups = tuple[tuple[int, ...], ...]


class _Table(Settings):
    """The sections of a definitions file."""

    distances: dict[str, tuple[str, str]] = Field(default={}, max_length=MAX_DEFINITIONS)
    angles: dict[str, tuple[str, str, str]] = Field(default={}, max_length=MAX_DEFINITIONS)
    ratios: dict[str, tuple[str, str]] = Field(default={}, max_length=MAX_DEFINITIONS)


@dataclass(frozen=True)
class Definitions:
    """What to measure on the faces of a skeleton.

    Attributes:
        distances: two groups of indices each, by name.
        angles: three groups of indices each, by name; the angle is at the second.
        ratios: the names of two distances each, by name.
    """

    distances: Mapping[str, Groups]
    angles: Mapping[str, Groups]
    ratios: Mapping[str, tuple[str, str]]


def read_definitions(path: str | Path, skeleton: Skeleton) -> Definitions:
    """Return the definitions of a TOML file.

    Raises:
        ConfigError: the file cannot be read, or names a point or distance that does not exist.
    """
    return build_definitions(read_toml(path, f"the file of definitions {path}", ConfigError), skeleton, f"{path}: ")


def default_definitions(skeleton: Skeleton) -> Definitions:
    """Return the definitions of the package for a skeleton; empty if it has none."""
    file = resources.files("nasion") / "measure" / "defaults" / f"{skeleton.name}.toml"
    if not file.is_file():
        return Definitions({}, {}, {})
    return build_definitions(parse_toml(file.read_text("utf-8"), file.name, ConfigError), skeleton)


def build_definitions(table: Mapping[str, Any], skeleton: Skeleton, place: str = "") -> Definitions:
    """Return the definitions of a table, as a TOML file has it.

    Args:
        table: the sections.
        skeleton: names the points.
        place: start of error messages.

    Raises:
        ConfigError: the table has an unknown key, names a point or distance that does not exist, names the same points
            twice in one definition, or uses the name of a built-in measurement.
    """
    try:
        read = _Table.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{place}{explain(error, _Table)}") from None
    if taken := [name for name in (*read.distances, *read.angles, *read.ratios) if name in MEASUREMENTS]:
        raise ConfigError(f'{place}"{taken[0]}" is a built-in measurement; choose another name')
    for name, pair in read.ratios.items():
        for each in pair:
            if each not in read.distances:
                remedy = suggest(each, read.distances) if read.distances else "define it in [distances]"
                raise ConfigError(f'{place}the ratio "{name}" has no distance "{each}"; {remedy}')
    return Definitions(
        {name: _groups(words, skeleton, f"{place}{name}: ") for name, words in read.distances.items()},
        {name: _groups(words, skeleton, f"{place}{name}: ") for name, words in read.angles.items()},
        read.ratios,
    )


def _groups(words: tuple[str, ...], skeleton: Skeleton, place: str) -> Groups:
    try:
        groups = tuple(parse_indices(each, skeleton) for each in words)
    except ValueError as error:
        raise ConfigError(f"{place}{error}") from None
    if len({tuple(sorted(group)) for group in groups}) < len(groups):
        raise ConfigError(f"{place}the same points are named twice; choose different points")
    return groups


def parse_indices(words: str, skeleton: Skeleton) -> tuple[int, ...]:
    """Return the indices of the points that a text lists: names, regions, numbers and ranges of them.

    >>> from nasion.skeleton import load_skeleton
    >>> parse_indices("nose_bridge_3 36-38 right_brow", load_skeleton("ibug-68"))
    (30, 36, 37, 38, 17, 18, 19, 20, 21)

    Raises:
        ValueError: a word is none of these, or the text is empty.
    """
    indices: list[int] = []
    for word in words.split():
        if word in skeleton.names:
            indices.append(skeleton.names.index(word))
        elif word in skeleton.regions:
            indices += skeleton.regions[word]
        elif word.replace("-", "").isdecimal():
            indices += index_list(word)
        else:
            raise ValueError(
                f'{skeleton.name} has no point "{word[:80]}"; {suggest(word, skeleton.regions)}, or a number'
            )
        if len(indices) > skeleton.count:
            raise ValueError(f'"{words[:80]}" lists more points than {skeleton.name} has')
    if not indices or max(indices) >= skeleton.count:
        raise ValueError(f'"{words[:80]}" must list points of {skeleton.name}, 0 to {skeleton.count - 1}')
    return tuple(indices)
