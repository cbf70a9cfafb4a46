"""Models, codecs and losses by name: one file each in models/, codecs/ and losses/.

Each file defines `Options`, a frozen pydantic model of its settings. Models and codecs define `build`; losses define
`REQUIRES` and `loss`.
"""

import math
import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Literal

import torch
from pydantic import ValidationError

from nasion.errors import ConfigError, suggest
from nasion.settings import Settings, explain
from nasion.train.config import Component
from nasion.train.network.interfaces import Codec, InputSpec, Loss, Model

__all__ = ["Kind", "available", "build_codec", "build_loss", "build_model", "find", "options"]

Kind = Literal["models", "codecs", "losses"]

MAX_WEIGHTS = 100_000_000
"""Largest number of weights of a model, which take 0.4 GB; fifty times that of the packaged ones."""


def available(kind: Kind) -> list[str]:
    """Return the names of the parts of a kind.

    >>> available("codecs")
    ['coordinates', 'softargmax']
    """
    package = import_module(f"nasion.train.network.{kind}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def find(kind: Kind, name: str) -> ModuleType:
    """Return the module of a part.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in available(kind):
        raise ConfigError(f'no "{name}" among the {kind}; {suggest(name, available(kind))}')
    return import_module(f"nasion.train.network.{kind}.{name}")


def options(kind: Kind, part: Component) -> Settings:
    """Return the checked options of a part.

    Raises:
        ConfigError: there is none of that name, or an option is wrong.
    """
    module = find(kind, part.name)
    try:
        return module.Options.model_validate(part.options)
    except ValidationError as error:
        raise ConfigError(f"{kind} {part.name}: {explain(error, module.Options)}") from None


def build_model(part: Component, spec: InputSpec, outputs: int) -> Model:
    """Return the model with `outputs` outputs, randomly initialized.

    Raises:
        ConfigError: there is none of that name, an option is wrong, it does not fit the crop, or it is too large.
    """
    build, checked = find("models", part.name).build, options("models", part)
    try:
        with torch.device("meta"):  # sizes without memory
            weights = sum(each.numel() for each in build(checked, spec, outputs).parameters())
    except RuntimeError:  # a size beyond 64 bits
        weights = math.inf
    if weights > MAX_WEIGHTS:
        raise ConfigError(f"{part.name}: {weights:,} weights, more than {MAX_WEIGHTS:,}; make its layers smaller")
    return build(checked, spec, outputs)


def build_codec(part: Component, spec: InputSpec) -> Codec:
    """Return the codec.

    Raises:
        ConfigError: there is none of that name, or an option is wrong.
    """
    return find("codecs", part.name).build(options("codecs", part), spec)


def build_loss(part: Component) -> Loss:
    """Return the loss.

    Raises:
        ConfigError: there is none of that name, or an option is wrong.
    """
    module = find("losses", part.name)
    return Loss(module.loss, options("losses", part), module.REQUIRES)
