"""Reading what earlier versions of nasion stored.

`run.json`, checkpoints, `scores.json` and the metadata of `.onnx` files carry a format version; files of version 1
carry none. `migrate` renames what version 1 called differently. Recipes written for version 1 are read the same way.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nasion.errors import ConfigError
from nasion.skeleton import Skeleton, available, from_table, load_skeleton

__all__ = ["CONFIG_KEYS", "FORMAT_KEY", "FORMAT_VERSION", "from_stored", "migrate", "migrate_config"]

FORMAT_KEY = "format_version"
"""The key under which stored tables hold their format version."""

FORMAT_VERSION = 2
"""The format version that this version of nasion writes."""

SOURCE_SEPARATOR = " + "
"""What version 1 put between the names of several datasets."""

DEFAULT_EPOCHS = 100
"""Number of epochs of a recipe that sets none."""

CONFIG_KEYS = {
    ("data", "source"): ("data", "sources"),
    ("crop", "picture_share"): ("crop", "full_image_share"),
    ("augment", "calm"): ("augment", "cooldown"),
    ("augment", "photo", "colour"): ("augment", "photo", "color"),
    ("augment", "photo", "grey"): ("augment", "photo", "gray"),
    ("schedule", "small_px"): ("schedule", "low_res_px"),
    ("schedule", "small_share"): ("schedule", "low_res_share"),
    ("schedule", "average"): ("schedule", "ema_decay"),
    ("init", "backbone_rate"): ("init", "backbone_lr_factor"),
}
"""Configuration keys of version 1 with their present names."""

WEIGHT_NAMES = {
    "spread.stretch.": "spread.scale_head.",
    "spread.lean.": "spread.anisotropy_head.",
    "average.": "ema.",
}
"""Parts of the weights' names in version 1 with their present spelling."""

CALLBACK_NAMES = {"Keeper": "Checkpointer"}
"""Training callbacks of version 1 with their present names."""


def migrate(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored table in the present format; what is not known stays as it is.

    Args:
        table: the content of `run.json`, `scores.json`, a checkpoint, or the metadata of an `.onnx` file.

    Raises:
        ConfigError: a later version of nasion wrote it.
    """
    found = dict(table)
    version = found.pop(FORMAT_KEY, 1)
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise ConfigError(f"its format version is {version}, this nasion reads up to {FORMAT_VERSION}; update nasion")
    if version == 1:
        for key, change in SECTIONS.items():
            if key in found:
                found[key] = change(found[key])
        for old, new in RENAMED_ENTRIES.items():
            if old in found:
                found[new] = found.pop(old)
    return found


def migrate_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of a configuration or recipe with the present names of its keys and values.

    >>> migrate_config({"data": {"source": "imm:A + csv:B"}, "augment": {"calm": 0.3}})
    {'data': {'sources': ['imm:A', 'csv:B']}, 'augment': {'cooldown': 0.3}}

    Raises:
        ConfigError: the old and the new name of a key are both given.
    """
    found = {name: dict(part) if isinstance(part, Mapping) else part for name, part in config.items()}
    photo = found["augment"].get("photo") if isinstance(found.get("augment"), dict) else None
    if isinstance(photo, Mapping):
        found["augment"]["photo"] = dict(photo)
    for old, new in CONFIG_KEYS.items():
        _rename(found, old, new)
    _migrate_freeze(found)
    data, crop = found.get("data"), found.get("crop")
    if isinstance(data, dict) and isinstance(data.get("sources"), str):
        data["sources"] = data["sources"].split(SOURCE_SEPARATOR) if data["sources"] else []
    if isinstance(crop, dict) and crop.get("box") == "picture":
        crop["box"] = "image"
    return found


def _migrate_freeze(config: dict[str, Any]) -> None:
    """Replace the number of frozen epochs, which earlier versions stored, by their share of all epochs."""
    init, schedule = config.get("init"), config.get("schedule")
    if not isinstance(init, dict) or "freeze_epochs" not in init:
        return
    epochs = schedule.get("epochs", DEFAULT_EPOCHS) if isinstance(schedule, dict) else DEFAULT_EPOCHS
    frozen = init.pop("freeze_epochs")
    if "freeze_share" in init:
        raise ConfigError('"init.freeze_epochs" is the former form of "init.freeze_share"; give one of the two')
    if not isinstance(frozen, int) or not isinstance(epochs, int) or not 0 <= frozen < max(1, epochs):
        raise ConfigError(f"init.freeze_epochs = {frozen!r} of {epochs!r} epochs; set init.freeze_share, from 0 to 1")
    init["freeze_share"] = frozen / epochs


def _rename(config: dict[str, Any], old: tuple[str, ...], new: tuple[str, ...]) -> None:
    section: Any = config
    for name in old[:-1]:
        section = section.get(name) if isinstance(section, dict) else None
    if not isinstance(section, dict) or old[-1] not in section:
        return
    if new[-1] in section:
        raise ConfigError(f'"{".".join(old)}" is the former name of "{".".join(new)}"; give one of the two')
    section[new[-1]] = section.pop(old[-1])


def _migrate_crop(crop: Mapping[str, Any]) -> dict[str, Any]:
    return migrate_config({"crop": crop})["crop"]


def _migrate_weights(weights: Mapping[str, Any]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for name, value in weights.items():
        present = name
        for old, new in WEIGHT_NAMES.items():
            present = present.replace(old, new)
        renamed[present] = value
    return renamed


def _migrate_callbacks(states: Mapping[str, Any]) -> dict[str, Any]:
    return {CALLBACK_NAMES.get(name, name): state for name, state in states.items()}


SECTIONS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "config": migrate_config,
    "crop": _migrate_crop,
    "weights": _migrate_weights,
    "state_dict": _migrate_weights,
    "callbacks": _migrate_callbacks,
}
"""What changed inside the sections of stored tables."""

RENAMED_ENTRIES = {"largest_doubt": "max_relative_spread", "doubt/max": "relative_spread/max"}
"""Entries of stored tables that have another name now."""


def from_stored(name: str, table: Mapping[str, Any]) -> Skeleton:
    """Return the skeleton that a model stores, as `from_table` does.

    If the package has it, it also has the head and names its points in the skeletons of `[from]` that were added after
    the model was stored.

    Raises:
        SkeletonError: the table has an unknown key, is incomplete or contradicts itself.
    """
    stored = from_table(name, table)
    known = load_skeleton(name) if name in available() else stored
    if known.names != stored.names:
        return stored
    return replace(stored, sources={**known.sources, **stored.sources}, head=stored.head or known.head)
