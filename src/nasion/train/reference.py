"""Every setting of a recipe with its value, default, limits and meaning."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from nasion.errors import ConfigError, suggest
from nasion.train.config import Component, load
from nasion.train.network import registry

__all__ = ["Setting", "section_settings", "settings"]

KINDS: dict[str, registry.Kind] = {"model": "models", "codec": "codecs", "loss": "losses"}
"""The sections of a recipe that name a part, and the part's kind."""

LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
"""The limits of a number in pydantic's metadata, and how they are written."""

LARGEST_LIMIT = 100_000
"""Larger limits only keep numbers inside the memory, and are not shown."""


class Setting(NamedTuple):
    """A setting of a recipe.

    Attributes:
        key: its name for --set, such as "optimizer.lr".
        value: its value in the recipe, as --set reads it.
        default: the value of recipes that do not state it; None if they must.
        meaning: what it is, with its unit and limits.
    """

    key: str
    value: str
    default: str | None
    meaning: str


def settings(recipe: str, section: str = "", changes: Sequence[str] = ()) -> list[Setting]:
    """Return the settings of a recipe, in order; options of its model, codec and loss are among them.

    Args:
        recipe: a recipe's name, or the path of a .toml file.
        section: the start of the wanted keys, such as "augment" or "augment.photo"; default: all.
        changes: settings that are changed first, "a.b=value".

    >>> print(*settings("nose", "optimizer.lr")[0], sep=" | ")
    optimizer.lr | 0.0001 | 0.001 | peak learning rate; above 0

    Raises:
        ConfigError: there is no such recipe or section, or a setting is wrong.
    """
    found = list(_walk(load(recipe, changes)))
    wanted = [each for each in found if not section or f"{each.key}.".startswith(f"{section}.")]
    if not wanted:
        names = {each.key.rpartition(".")[0] or each.key for each in found}
        raise ConfigError(f'no setting "{section}"; {suggest(section, names)}')
    return wanted


def _walk(section: BaseModel, prefix: str = "") -> Iterator[Setting]:
    """Yield the settings of a section and of the sections in it."""
    for name, field in type(section).model_fields.items():
        key, value = f"{prefix}{name}", getattr(section, name)
        if isinstance(value, Component):
            kind = KINDS[name]
            known = ", ".join(registry.available(kind))
            yield Setting(f"{key}.name", value.name, None, f"the {name}; one of {known}")
            yield from _walk(registry.options(kind, value), f"{key}.")
        elif isinstance(value, BaseModel):
            yield from _walk(value, f"{key}.")
        else:
            yield Setting(key, _text(value), _default(field), _meaning(field))


def section_settings(section: type[BaseModel], prefix: str = "") -> list[Setting]:
    """Return the settings of a section's class with their defaults as values, without those of sections in it.

    Args:
        section: the class, such as that of `optimizer`, or the `Options` of a model, codec or loss.
        prefix: the start of every key, such as "optimizer.".

    >>> from nasion.train.config import OptimizerConfig
    >>> section_settings(OptimizerConfig, "optimizer.")[1]
    Setting(key='optimizer.lr', value='0.001', default='0.001', meaning='peak learning rate; above 0')
    """
    plain = {name: field for name, field in section.model_fields.items() if not _is_section(field)}
    return [
        Setting(prefix + name, _default(field) or "", _default(field), _meaning(field)) for name, field in plain.items()
    ]


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _default(field: FieldInfo) -> str | None:
    """Return the default of a setting as --set reads it; None if it is required."""
    default = field.get_default(call_default_factory=True)
    return None if default is PydanticUndefined else _text(default)


def _text(value: Any) -> str:
    """Return a value as --set reads it."""
    if isinstance(value, (list, tuple)):
        return json.dumps(list(value)) if value else ""
    if isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _meaning(field: FieldInfo) -> str:
    """Return the description of a setting with its choices or limits."""
    limits = {name: getattr(each, name) for each in field.metadata for name in LIMITS if hasattr(each, name)}
    limits = {name: limit for name, limit in limits.items() if limit < LARGEST_LIMIT}
    choices = [str(each) for each in get_args(field.annotation)] if get_origin(field.annotation) is Literal else []
    rule = (
        f"one of {', '.join(choices)}" if choices else ", ".join(f"{LIMITS[n]} {limit}" for n, limit in limits.items())
    )
    if limits.keys() == {"ge", "le"}:
        rule = f"{limits['ge']} to {limits['le']}"
    return "; ".join(filter(None, (field.description, rule)))
