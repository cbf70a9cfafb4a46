"""Every setting of a run, with its unit and its default; a recipe is a TOML file of differences from the defaults.

Sections are read from a recipe, then from `--set a.b=value`; unknown keys are rejected with the nearest known ones.
`model`, `codec` and `loss` are found by name and may have options that their own file checks.
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nasion.documents import parse_toml, read_text
from nasion.errors import ConfigError, suggest
from nasion.predict.crop import CropConfig
from nasion.predict.migration import CONFIG_KEYS, migrate_config
from nasion.settings import Settings, explain

__all__ = [
    "AugmentConfig",
    "Component",
    "DataConfig",
    "InitConfig",
    "OptimizerConfig",
    "PhotoConfig",
    "RunConfig",
    "ScheduleConfig",
    "available",
    "load",
    "parse",
    "parse_value",
    "recipe_text",
]

MANY = 1_000_000_000
"""Largest number of faces or epochs; more fit into no computer."""

MAX_PARTS = 20
"""Largest number of parts for cross-fitting."""

ROUNDING = 1e-9
"""Error of a share that was computed from a number of epochs."""

COOLDOWN_FACTOR = 0.4
"""Share of every augmentation range and probability that remains in cooldown epochs."""


class Component(BaseModel):
    """A model, codec or loss, found by its name, with options that its own file checks."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


class DataConfig(Settings):
    """Which faces are trained on."""

    sources: tuple[str, ...] = Field(default=(), description='datasets as "format:source"; usually given by --data')
    skeleton: str = Field(
        default="", description="points to learn: a skeleton's name or .toml file; default: the data's"
    )
    validation_share: float = Field(default=0.15, ge=0, lt=1, description="share of the training people or photographs")
    validate_on: Literal["first", "all"] = Field(
        default="first", description='which sources provide validation faces: the first, or "all"'
    )
    faces: int = Field(
        default=0, ge=0, le=MANY, description="training faces to use, evenly spread over the first source; 0 is all"
    )
    source_offsets: bool = Field(
        default=False,
        description="learn a constant offset per point between the labels of the first and of every other source",
    )
    cross_fit: int = Field(
        default=0,
        ge=0,
        le=MAX_PARTS,
        description="further trainings, each without the faces of some people, that measure the uncertainty",
    )
    left_out: int = Field(
        default=0,
        ge=0,
        le=MAX_PARTS,
        description="which part of the faces such a training leaves out, from 1; 0 is none",
    )


class PhotoConfig(Settings):
    """How the pixels of training crops vary; points do not move. Ranges are symmetric; probabilities are per crop."""

    brightness: float = Field(default=0.0, ge=0, le=1, description="largest offset, as a share of white")
    contrast: float = Field(default=0.0, ge=0, lt=1, description="largest change of gain, as a share")
    gamma: float = Field(default=0.0, ge=0, lt=1, description="largest change of gamma, as a share")
    color: float = Field(default=0.0, ge=0, lt=1, description="largest change of one channel's gain, as a share")
    gray: float = Field(default=0.0, ge=0, le=1, description="probability of conversion to gray")
    blur: float = Field(default=0.0, ge=0, le=1, description="probability of a blur of up to `blur_px`")
    blur_px: float = Field(default=1.5, gt=0, le=100, description="largest standard deviation of the blur, crop px")
    noise: float = Field(default=0.0, ge=0, le=1, description="probability of noise of up to `noise_level`")
    noise_level: float = Field(
        default=12.0, gt=0, le=255, description="largest standard deviation of the noise, of 255"
    )
    occlude: float = Field(default=0.0, ge=0, le=1, description="probability of a patch that hides a part")
    occlude_side: float = Field(
        default=0.4, gt=0, le=1, description="largest side of the patch, as a share of the crop's"
    )
    dark: float = Field(default=0.0, ge=0, le=1, description="probability of darkness down to `dark_gain`")
    dark_gain: float = Field(default=0.1, gt=0, le=1, description="brightness of the darkest crops, as a share")
    small: float = Field(
        default=0.0, ge=0, le=1, description="probability of a resolution reduced down to `small_scale`"
    )
    small_scale: float = Field(default=0.08, gt=0, le=1, description="smallest resolution, as a share of the crop's")
    jpeg: float = Field(default=0.0, ge=0, le=1, description="probability of a JPEG compression down to `jpeg_quality`")
    jpeg_quality: int = Field(default=15, ge=1, le=95, description="lowest JPEG quality, a share of the best, percent")

    def cooled_down(self) -> "PhotoConfig":
        """Return the weaker variation of cooldown epochs."""
        light = ("brightness", "contrast", "gamma", "color", "gray", "dark")
        varied = (*light, "blur", "small", "noise", "jpeg", "occlude")
        return self.model_copy(update={name: COOLDOWN_FACTOR * getattr(self, name) for name in varied})


class AugmentConfig(Settings):
    """How training crops vary: the points move with the image. Ranges are symmetric; the flip is a probability.

    Manual labels may all lie a little to one side of the true location. After a mirror they lie to the other side, and
    the network learns neither; `flip_shift`, twice that distance, corrects it. Strong variation keeps a network from
    memorizing its faces, but also from being exact on unvaried ones; `cooldown` ends a training with weak variation.
    """

    flip: float = Field(default=0.0, ge=0, le=1, description="probability of a mirror")
    flip_shift: float = Field(
        default=0.0, ge=-0.1, le=0.1, description="shift of a mirrored face's points to the right, share of the crop"
    )
    rotation_deg: float = Field(default=0.0, ge=0, le=180, description="largest rotation, degrees")
    scale: float = Field(default=0.0, ge=0, lt=1, description="largest change of size, as a share")
    shift: float = Field(default=0.0, ge=0, le=0.5, description="largest shift, as a share of the crop's side")
    stretch: float = Field(default=0.0, ge=0, lt=1, description="largest change of the aspect ratio, as a share")
    shear: float = Field(default=0.0, ge=0, lt=1, description="largest horizontal shear, as a share of the height")
    photo: PhotoConfig = PhotoConfig()
    cooldown: float = Field(
        default=0.0, ge=0, lt=1, description="share of the epochs, at the end, with weak variation and no mirror"
    )

    def cooled_down(self) -> "AugmentConfig":
        """Return the weaker variation of cooldown epochs."""
        varied = ("rotation_deg", "scale", "shift", "stretch", "shear")
        less = {name: COOLDOWN_FACTOR * getattr(self, name) for name in varied}
        return self.model_copy(update={**less, "flip": 0.0, "photo": self.photo.cooled_down()})


class OptimizerConfig(Settings):
    """The optimizer and its rates."""

    name: Literal["adam", "adamw"] = Field(default="adam", description="the optimizer")
    lr: float = Field(default=1e-3, gt=0, description="peak learning rate")
    weight_decay: float = Field(default=0.0, ge=0, description="share of each weight removed per step, times the rate")
    clip: float = Field(default=0.0, ge=0, description="largest norm of a gradient; 0 is no limit")


class ScheduleConfig(Settings):
    """How long a training runs, and how the learning rate changes.

    A network learns much about faces at half the resolution: `low_res_px` makes the first epochs cheap. Only networks
    that output maps accept crops of two sizes.
    """

    epochs: int = Field(
        default=100, ge=1, le=MANY, description="passes over the training faces; --minutes sets it by time"
    )
    batch: int = Field(default=32, ge=1, le=65_536, description="faces per step, over all devices")
    shape: Literal["constant", "cosine"] = Field(default="constant", description="learning rate after the warmup")
    warmup: float = Field(default=0.0, ge=0, lt=1, description="share of the steps in which the rate rises from 0")
    ema_decay: float = Field(
        default=0.0, ge=0, lt=1, description="decay per step of the weights' moving average (EMA); 0 is none"
    )
    validate_every: int = Field(default=1, ge=1, le=MANY, description="epochs between validations")
    patience: int = Field(
        default=0, ge=0, le=MANY, description="validations without improvement before early stopping; 0 is never"
    )
    low_res_px: int = Field(
        default=0, ge=0, le=1024, description="height of the crops in the first epochs; 0: crop.height"
    )
    low_res_share: float = Field(default=0.5, ge=0, lt=1, description="share of the epochs with crops of `low_res_px`")

    @property
    def low_res_epochs(self) -> int:
        """Number of epochs at the start with low-resolution crops."""
        return int(self.low_res_share * self.epochs + ROUNDING) if self.low_res_px else 0

    def crop_size(self, epoch: int, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of the crops of `epoch`, px, where full-resolution crops have `size`."""
        return (self.low_res_size(size) or size) if epoch < self.low_res_epochs else size

    def low_res_size(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Return the (height, width) of the first epochs' crops, px; None if they are not smaller than `size`."""
        height, width = size
        if not self.low_res_epochs or self.low_res_px >= height:
            return None
        return self.low_res_px, round(self.low_res_px * width / height)

    def cost(self, epochs: float, size: tuple[int, int]) -> float:
        """Return the cost of the first `epochs` in epochs with crops of `size`, proportional to the pixels."""
        small = self.low_res_size(size)
        if small is None:
            return epochs
        return epochs - min(epochs, self.low_res_epochs) * (1 - small[0] * small[1] / (size[0] * size[1]))


class InitConfig(Settings):
    """The weights that a training starts from, and how carefully it changes them."""

    model: str = Field(default="", description="a run folder, an .onnx file or a model's name; usually given by --init")
    freeze_share: float = Field(
        default=0.0, ge=0, lt=1, description="share of the epochs, at the start, in which only the head learns"
    )
    backbone_lr_factor: float = Field(
        default=1.0, gt=0, le=1, description="learning rate of all but the head, as a share of optimizer.lr"
    )
    widen: bool = Field(
        default=False, description="add channels to a narrower trained network, up to the recipe's widths"
    )
    keep_keypoints: bool = Field(
        default=False, description="keep the predicted points; learn only their uncertainty and which are hidden"
    )


class RunConfig(Settings):
    """The complete configuration of a run."""

    data: DataConfig
    crop: CropConfig
    augment: AugmentConfig = AugmentConfig()
    model: Component
    codec: Component
    loss: Component
    init: InitConfig = InitConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    hidden_points: bool = Field(
        default=False, description="whether to predict hidden points; needs data that marks them, such as COCO's"
    )
    along_lines: float = Field(
        default=1.0, ge=0, le=1, description="weight of errors along the skeleton's lines, a share of that across them"
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="seed of the weights, the order and the augmentation")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="auto measures which trains faster on this machine"
    )

    @property
    def frozen_epochs(self) -> int:
        """Number of epochs at the start in which only the head learns; the last epoch never freezes anything."""
        return min(round(self.init.freeze_share * self.schedule.epochs), self.schedule.epochs - 1)

    def with_schedule(self, **schedule: int) -> "RunConfig":
        """Return this configuration with changed values of the schedule."""
        return self.model_copy(update={"schedule": self.schedule.model_copy(update=schedule)})


def available() -> list[str]:
    """Return the names of the recipes.

    >>> available()
    ['danes', 'danes-heatmap', 'default', 'finetune', 'ibug', 'large', 'nose', 'open', 'robust', 'tiny']
    """
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))


def _folder() -> Traversable:
    return resources.files("nasion.train") / "recipes"


def recipe_text(name: str) -> str:
    """Return the text of a recipe, given its name or the path of a .toml file.

    Raises:
        ConfigError: there is none.
    """
    if name in available():
        return (_folder() / f"{name}.toml").read_text("utf-8")
    path = Path(name)
    if path.suffix != ".toml":
        raise ConfigError(f'unknown recipe "{name}"; {suggest(name, available())}, or the path of a .toml file')
    return read_text(path, f"the recipe {path}", ConfigError)


def load(recipe: str, settings: Sequence[str] = (), sources: Sequence[str] = ()) -> RunConfig:
    """Return the recipe with `settings` ("a.b=value", the value as TOML or a bare word) applied.

    >>> load("nose", ["optimizer.lr=1e-5"]).optimizer.lr
    1e-05

    Raises:
        ConfigError: a name, key or value is wrong.
    """
    table = migrate_config(parse_toml(recipe_text(recipe), f'recipe "{recipe}"', ConfigError))
    for setting in settings:
        _put(table, setting)
    if sources:
        _put_value(table, ("data", "sources"), list(sources))
    return parse(table)


def parse(table: Mapping[str, Any]) -> RunConfig:
    """Return the checked configuration of a table of sections; former names of keys are accepted.

    Raises:
        ConfigError: a key is unknown or missing, or a value breaks its rule.
    """
    try:
        return RunConfig.model_validate(migrate_config(table))
    except ValidationError as error:
        raise ConfigError(explain(error, RunConfig)) from None


def parse_value(text: str) -> Any:
    """Return a value written as TOML, or the bare word itself.

    >>> parse_value("1e-3"), parse_value("[1, 2]"), parse_value("cosine")
    (0.001, [1, 2], 'cosine')
    """
    try:
        return parse_toml(f"value = {text}", "the value", ConfigError)["value"]
    except ConfigError:
        return text


def _put(table: dict[str, Any], setting: str) -> None:
    """Apply one "section.key=value" to a table of sections, in place."""
    key, equals, text = setting.partition("=")
    if not equals or not text:
        raise ConfigError(f'a setting is written "section.key=value", such as "optimizer.lr=1e-4", not "{setting}"')
    path = tuple(key.strip().split("."))
    _put_value(table, CONFIG_KEYS.get(path, path), parse_value(text.strip()))  # a former name replaces the present one


def _put_value(table: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Store a value in a table of sections, in place; missing sections are created."""
    *sections, last = path
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f'"{".".join(path)}": "{section}" is a value, not a section')
    table[last] = value
