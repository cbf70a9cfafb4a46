"""Networks, codecs and losses by name: one file each in models/, codecs/ and losses/, found by its name.

Such a file defines `Options`, a frozen pydantic model of its own settings, and `build(options, shape)`.
"""

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

from pydantic import ValidationError

from nasion.errors import ConfigError, nearest
from nasion.settings import explain
from nasion.train.config import Component

__all__ = ["InputSpec", "Kind", "available", "build", "find", "options"]

Kind = Literal["models", "codecs", "losses"]


@dataclass(frozen=True)
class InputSpec:
    """What every part must know of the task.

    Attributes:
        count: K, the keypoints.
        channels: of the crop, 1 or 3.
        size: of the crop, (height, width), px.
    """

    count: int
    channels: int
    size: tuple[int, int]


def available(kind: Kind) -> list[str]:
    """Return the names of the parts of a kind.

    >>> available("codecs")
    ['coordinates', 'softargmax']
    """
    package = import_module(f"nasion.train.network.{kind}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def find(kind: Kind, name: str) -> ModuleType:
    """Return the file of a part.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in available(kind):
        raise ConfigError(f'no "{name}" among the {kind}; {nearest(name, available(kind))}')
    return import_module(f"nasion.train.network.{kind}.{name}")


def build(kind: Kind, part: Component, shape: InputSpec, *more: Any) -> Any:
    """Return the part with its options.

    Raises:
        ConfigError: there is none of that name, or an option is wrong.
    """
    return find(kind, part.name).build(options(kind, part), shape, *more)


def options(kind: Kind, part: Component) -> Any:
    """Return the checked options of a part.

    Raises:
        ConfigError: there is none of that name, or an option is wrong.
    """
    module = find(kind, part.name)
    try:
        return module.Options.model_validate(part.options)
    except ValidationError as error:
        raise ConfigError(f"{kind} {part.name}: {explain(error, module.Options)}") from None
