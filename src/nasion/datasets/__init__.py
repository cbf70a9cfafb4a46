"""Labeled faces by name: `load("imm:DIR")`. One file here is one format, found by its name.

A format is a module with

    DESCRIPTION: str                  one line for lists: what it is, its origin, what follows the colon
    OPTIONS: dict[str, str]           options after "?", each with a line of help
    read(source: str, options: dict[str, str]) -> DataSet

A face that cannot be read becomes a `Problem` of the set, never an exception; only a set without a single
face raises.
"""

import pkgutil
from importlib import import_module
from types import ModuleType

from nasion.datasets import formats
from nasion.errors import AnnotationError, ConfigError, nearest
from nasion.sample import DataSet

__all__ = ["available", "load", "module", "parse"]


def available() -> list[str]:
    """Return the names of the formats.

    >>> available()
    ['coco', 'csv', 'dlib', 'ibug', 'imm', 'synthetic', 'wflw']
    """
    return sorted(found.name for found in pkgutil.iter_modules(formats.__path__) if not found.name.startswith("_"))


def module(name: str) -> ModuleType:
    """Return the module of a format.

    Raises:
        ConfigError: there is no such format.
    """
    if name not in available():
        raise ConfigError(f'unknown data format "{name}"; {nearest(name, available())}')
    return import_module(f"{__name__}.formats.{name}")


def load(spec: str) -> DataSet:
    """Return the faces that `format:source[?option=value&…]` names.

    >>> faces = load("synthetic:3?skeleton=ibug-68")
    >>> len(faces), faces.skeleton.name
    (3, 'ibug-68')

    Raises:
        ConfigError: the format or an option is unknown.
        AnnotationError: no face can be read from it.
    """
    name, source, options = parse(spec)
    faces = module(name).read(source, options)
    if not len(faces):
        why = (
            f"; the first of {len(faces.problems)}: {faces.problems[0].name}: {faces.problems[0].reason}"
            if faces.problems
            else ""
        )
        raise AnnotationError(f"{spec}: no labeled face found{why}")
    return faces


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
    return name, source, _options(spec, query, module(name).OPTIONS)


def _options(spec: str, query: str, known: dict[str, str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if key not in known:
            raise ConfigError(
                f'"{spec}": unknown option "{key}"; {nearest(key, known) if known else "this format has none"}'
            )
        if not equals or not value:
            raise ConfigError(f'"{spec}": option "{key}" needs a value: {known[key]}')
        options[key] = value
    return options
