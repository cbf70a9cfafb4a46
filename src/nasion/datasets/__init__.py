"""Labeled faces by name: `load("imm:DIR")`. Each module in `formats/` is one format; its file name is its name.

A format is a module with

    DESCRIPTION: str                  one line for lists: name, source and origin of the format
    OPTIONS: dict[str, str]           options after "?", each with a line of help
    read(source: str, options: dict[str, str]) -> DataSet
    LabelFiles                        optional class: writes corrected labels back; see `nasion.datasets.write_back`
    STORES, files                     optional: write labels of another format; see `nasion.datasets.convert`

A face that cannot be read becomes a `Problem` of the set and does not stop the others. Only a set without a single
readable face raises an error.
"""

import pkgutil
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from types import ModuleType

from nasion.datasets import formats
from nasion.errors import AnnotationError, ConfigError, suggest
from nasion.sample import DataSet

__all__ = ["COMMON_OPTIONS", "available", "load", "module", "parse", "with_subjects"]

COMMON_OPTIONS = {"subject": "a regular expression for the part of an image's name that splits keep together"}
"""Options of every format."""


def available() -> list[str]:
    """Return the names of the formats, sorted.

    >>> available()
    ['coco', 'csv', 'csv-long', 'cvat', 'dlib', 'heads', 'ibug', 'imm', 'json', 'labelme', 'labelstudio',
     'parquet', 'synthetic', 'wflw', 'yolo']
    """
    return sorted(_modules())


@cache
def _modules() -> dict[str, str]:
    """Return the formats' modules by name: those of `formats/` and of its folders."""
    found = pkgutil.walk_packages(formats.__path__, f"{formats.__name__}.")
    names = {each.name: each.name.rpartition(".")[2] for each in found if not each.ispkg}
    return {short.replace("_", "-"): name for name, short in names.items() if not short.startswith("_")}


def module(name: str) -> ModuleType:
    """Return the module of a format.

    Raises:
        ConfigError: there is no such format.
    """
    if name not in available():
        raise ConfigError(f'unknown data format "{name}"; {suggest(name, available())}')
    return import_module(_modules()[name])


def load(spec: str) -> DataSet:
    """Return the faces that `format:source[?option=value&…]` names.

    >>> faces = load("synthetic:3?skeleton=ibug-68")
    >>> len(faces), faces.skeleton.name
    (3, 'ibug-68')

    Raises:
        ConfigError: the format or an option is unknown.
        AnnotationError: no face can be read.
    """
    name, source, options = parse(spec)
    pattern = options.pop("subject", "")
    faces = module(name).read(source, options)
    if not len(faces):
        reason = ""
        if faces.problems:
            first = faces.problems[0]
            count = len(faces.problems)
            reason = f"; {first.name}: {first.reason}" + (f" (the first of {count} problems)" if count > 1 else "")
        raise AnnotationError(f"{spec}: no labeled face could be read{reason}")
    return with_subjects(faces, pattern) if pattern else faces


def with_subjects(faces: DataSet, pattern: str) -> DataSet:
    """Return the set with subjects that are parts of the images' names, so that splits keep them together.

    Args:
        faces: the set.
        pattern: a regular expression that is searched in each image's name, such as "image[0-9]+"; its first group, or
            the complete match, is the subject.

    Raises:
        ConfigError: the pattern is not a regular expression, or an image's name does not match it.
    """
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise ConfigError(f'subject: "{pattern}" is not a regular expression ({error})') from None
    found = [search(face.image.name) for face in faces.annotations]
    if None in found:
        name = faces.annotations[found.index(None)].image.name
        raise ConfigError(f'subject: "{pattern}" does not match the image name {name}')
    subjects = [match[1 if match.re.groups else 0] for match in found if match]
    return faces.subset([replace(face, subject=each) for face, each in zip(faces.annotations, subjects, strict=True)])


def parse(spec: str) -> tuple[str, str, dict[str, str]]:
    """Return the format, the source and the options of a data set's name.

    >>> parse("csv:faces.csv?origin=1")
    ('csv', 'faces.csv', {'origin': '1'})

    Raises:
        ConfigError: the format or an option is unknown, or there is no source.
    """
    name, colon, rest = spec.partition(":")
    if not colon:
        raise ConfigError(
            f'data is named "format:source", such as "imm:DIR", not "{spec}"; formats: {", ".join(available())}'
        )
    source, _, query = rest.partition("?")
    if not source:
        raise ConfigError(f'"{spec}" names no folder, file or count after the colon')
    return name, source, _parse_options(spec, query, {**module(name).OPTIONS, **COMMON_OPTIONS})


def _parse_options(spec: str, query: str, known: Mapping[str, str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        if key not in known:
            raise ConfigError(f'"{spec}": unknown option "{key}"; {suggest(key, known)}')
        if not value:
            raise ConfigError(f'"{spec}": option "{key}" needs a value: {known[key]}')
        options[key] = value
    return options
