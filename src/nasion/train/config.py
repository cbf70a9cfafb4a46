"""Every number of a run, with its unit, its default and its reason; a recipe is a TOML file of differences.

Sections are read from a recipe, then from `--set a.b=value`; unknown keys are refused with the nearest known
ones. `model`, `codec` and `loss` are found by name and may have options of their own, checked by their file.
"""

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nasion.errors import ConfigError, nearest
from nasion.predict.crop import CropConfig
from nasion.settings import Settings, explain

__all__ = [
    "AugmentConfig",
    "Component",
    "DataConfig",
    "InitConfig",
    "PhotoConfig",
    "RunConfig",
    "available",
    "load",
    "parse",
    "recipe_text",
]


class Component(BaseModel):
    """A part found by its name, with options that its own file checks."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


class DataConfig(Settings):
    """Whose faces."""

    source: str = Field("", description='"format:source", several joined by " + "; usually given by --data')
    skeleton: str = Field("", description="the points to learn: a skeleton's name or its .toml file; else the data's")
    validation_share: float = Field(0.15, ge=0, lt=1, description="share of the training persons or photographs")
    faces: int = Field(
        0, ge=0, description="training faces to learn from, evenly spread over the first source; 0 is all"
    )


COOLDOWN_FACTOR = 0.4
"""What is left of every range and chance of variation in calm epochs."""


class PhotoConfig(Settings):
    """How the pixels of training crops vary; points do not move. Ranges are symmetric; chances are per crop."""

    brightness: float = Field(0.0, ge=0, le=1, description="largest offset, as a share of white")
    contrast: float = Field(0.0, ge=0, lt=1, description="largest change of gain, as a share")
    gamma: float = Field(0.0, ge=0, lt=1, description="largest change of gamma, as a share")
    color: float = Field(0.0, ge=0, lt=1, description="largest change of one channel's gain, as a share")
    gray: float = Field(0.0, ge=0, le=1, description="chance to lose the colors")
    blur: float = Field(0.0, ge=0, le=1, description="chance of a blur of up to `blur_px`")
    blur_px: float = Field(1.5, gt=0, description="largest standard deviation of the blur, crop px")
    noise: float = Field(0.0, ge=0, le=1, description="chance of noise of up to `noise_level`")
    noise_level: float = Field(12.0, gt=0, description="largest standard deviation of the noise, of 255")
    occlude: float = Field(0.0, ge=0, le=1, description="chance of a patch that hides a part")
    occlude_side: float = Field(0.4, gt=0, le=1, description="largest side of the patch, as a share of the crop's")

    def cooled_down(self) -> "PhotoConfig":
        """Return what is left of it in calm epochs."""
        varied = ("brightness", "contrast", "gamma", "color", "gray", "blur", "noise", "occlude")
        return self.model_copy(update={name: COOLDOWN_FACTOR * getattr(self, name) for name in varied})


class AugmentConfig(Settings):
    """How training crops vary: the points move with the picture. Ranges are symmetric; the flip is a chance.

    Hand labels may all lie a little to one side of the place that they mean. Mirrored faces then lie to the other,
    teach another habit than the rest, and the network learns neither; `flip_shift`, twice that distance, mends it.
    Strong variation keeps a network from learning its faces by heart, and from being exact on plain ones: `cooldown` ends
    a training with little of it.
    """

    flip: float = Field(0.0, ge=0, le=1, description="chance of a mirror")
    flip_shift: float = Field(
        0.0, ge=-0.1, le=0.1, description="how far a mirrored face's points are put to the right, share of the crop"
    )
    rotation_deg: float = Field(0.0, ge=0, le=180, description="largest turn")
    scale: float = Field(0.0, ge=0, lt=1, description="largest change of size, as a share")
    shift: float = Field(0.0, ge=0, le=0.5, description="largest shift, as a share of the crop's side")
    stretch: float = Field(0.0, ge=0, lt=1, description="largest change of width against height, as a share")
    shear: float = Field(0.0, ge=0, lt=1, description="largest sideways slant, as a share of the height")
    photo: PhotoConfig = PhotoConfig()  # pyright: ignore[reportCallIssue]
    cooldown: float = Field(
        0.0, ge=0, lt=1, description="share of the epochs, the last, in which faces vary less and are not mirrored"
    )

    def cooled_down(self) -> "AugmentConfig":
        """Return what is left of it in calm epochs."""
        varied = ("rotation_deg", "scale", "shift", "stretch", "shear")
        less = {name: COOLDOWN_FACTOR * getattr(self, name) for name in varied}
        return self.model_copy(update={**less, "flip": 0.0, "photo": self.photo.cooled_down()})


class OptimizerConfig(Settings):
    """How weights follow gradients."""

    name: Literal["adam", "adamw"] = "adam"
    lr: float = Field(1e-3, gt=0, description="learning rate at its highest")
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(0.0, ge=0, description="largest norm of a gradient; 0 is no limit")


class ScheduleConfig(Settings):
    """How long, and how the learning rate moves.

    Much of what a network learns of faces shows at half the px: `low_res_px` makes the first epochs cheap. Only a
    network that gives maps takes crops of two sizes.
    """

    epochs: int = Field(100, ge=1, description="passes over the training faces; --minutes sets it by time")
    batch: int = Field(32, ge=1, description="faces a step, over all devices")
    shape: Literal["constant", "cosine"] = Field("constant", description="the learning rate's way to the end")
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps in which the rate rises from 0")
    average: float = Field(0.0, ge=0, lt=1, description="decay per step of the weights' running mean (EMA); 0 is none")
    validate_every: int = Field(1, ge=1, description="epochs")
    patience: int = Field(0, ge=0, description="validations without a better score before stopping; 0 is never")
    low_res_px: int = Field(0, ge=0, le=1024, description="height of the crops in the first epochs; 0 is crop.height")
    low_res_share: float = Field(0.5, ge=0, lt=1, description="share of the epochs with crops of `low_res_px`")

    @property
    def low_res_epochs(self) -> int:
        """How many epochs, the first, have small crops."""
        return int(self.low_res_share * self.epochs) if self.low_res_px else 0

    def crop_size(self, epoch: int, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of the crops of `epoch`, where whole ones have `size`."""
        return (self.small(size) or size) if epoch < self.low_res_epochs else size

    def small(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Return the (height, width) of crops in the first epochs, if they are smaller than the others' `size`."""
        height, width = size
        if not self.low_res_epochs or self.low_res_px >= height:
            return None
        return self.low_res_px, round(self.low_res_px * width / height)

    def work(self, epochs: float, size: tuple[int, int]) -> float:
        """Return how many epochs with crops of `size` the first `epochs` cost, by their px."""
        small = self.small(size)
        if small is None:
            return epochs
        return epochs - min(epochs, self.low_res_epochs) * (1 - small[0] * small[1] / (size[0] * size[1]))


class InitConfig(Settings):
    """Where the weights begin, and how carefully what was learned elsewhere is changed."""

    model: str = Field("", description="a run folder, an .onnx file or a model's name; usually given by --init")
    freeze_epochs: int = Field(0, ge=0, description="first epochs in which the head alone learns")
    backbone_rate: float = Field(1.0, gt=0, le=1, description="rate of all but the head, as a share of optimizer.lr")


class RunConfig(Settings):
    """A whole run."""

    data: DataConfig
    crop: CropConfig
    augment: AugmentConfig = AugmentConfig()  # pyright: ignore[reportCallIssue]
    model: Component
    codec: Component
    loss: Component
    init: InitConfig = InitConfig()  # pyright: ignore[reportCallIssue]
    optimizer: OptimizerConfig = OptimizerConfig()  # pyright: ignore[reportCallIssue]
    schedule: ScheduleConfig = ScheduleConfig()  # pyright: ignore[reportCallIssue]
    seed: int = Field(0, ge=0, description="of weights, order and augmentation")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto is what trains faster here, measured before the start"
    )


def available() -> list[str]:
    """Return the names of the recipes.

    >>> available()
    ['danes', 'danes-heatmap', 'default', 'finetune', 'ibug', 'nose', 'tiny']
    """
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))


def _folder() -> Any:
    return resources.files("nasion.train") / "recipes"


def recipe_text(name: str) -> str:
    """Return the text of a recipe, by its name or the path of a .toml file.

    Raises:
        ConfigError: there is none.
    """
    if name in available():
        return (_folder() / f"{name}.toml").read_text("utf-8")
    path = Path(name)
    if path.suffix != ".toml":
        raise ConfigError(f'unknown recipe "{name}"; {nearest(name, available())}, or the path of a .toml file')
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the recipe {path}: {error}") from None


def load(recipe: str, settings: Sequence[str] = (), source: str | None = None) -> RunConfig:
    """Return the recipe with `settings` ("a.b=value", the value as TOML or a bare word) on top.

    >>> load("nose", ["optimizer.lr=1e-5"]).optimizer.lr
    1e-05

    Raises:
        ConfigError: a name, key or value is wrong.
    """
    try:
        table = tomllib.loads(recipe_text(recipe))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f'recipe "{recipe}" is not TOML: {error}') from None
    for setting in settings:
        _put(table, setting)
    if source is not None:
        table.setdefault("data", {})["source"] = source
    return parse(table)


def parse(table: Mapping[str, Any]) -> RunConfig:
    """Return the checked configuration of a table of sections.

    Raises:
        ConfigError: a key is unknown or missing, or a value breaks its rule.
    """
    try:
        return RunConfig.model_validate(table)
    except ValidationError as error:
        raise ConfigError(explain(error, RunConfig)) from None


def parse_value(text: str) -> Any:
    """Return a value written as TOML, or the bare word itself.

    >>> parse_value("1e-3"), parse_value("[1, 2]"), parse_value("cosine")
    (0.001, [1, 2], 'cosine')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(table: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not text:
        raise ConfigError(f'a setting is written "section.key=value", such as "optimizer.lr=1e-4", not "{setting}"')
    *sections, last = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f'"{key}": "{section}" is a value, not a section')
    table[last] = parse_value(text.strip())
