"""Options that several commands share, and the predictor that they describe.

Help texts, completion and parsing must be quick. The modules of commands therefore import only what describes their
options; what a command runs with is imported inside its functions.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasion.atomic import write_text
from nasion.cli.help import CHOICES
from nasion.cli.screen import notice, say
from nasion.errors import ConfigError, ModelError, suggest
from nasion.predict import model_zoo
from nasion.predict.backends import devices

if TYPE_CHECKING:
    from nasion.predict.boxes import BoxSource
    from nasion.predict.predictor import Predictor

__all__ = [
    "AddressOption",
    "BoxOption",
    "DataArgument",
    "DeviceOption",
    "ImagesArgument",
    "MinScoreOption",
    "MinutesOption",
    "ModelArgument",
    "ModelOption",
    "RecursiveOption",
    "RegionsOption",
    "SetOption",
    "SourcesOption",
    "WeightsOption",
    "WorkersOption",
    "choice",
    "data_formats",
    "find_images",
    "make_boxes",
    "make_predictor",
    "require_training_extra",
    "split_names",
    "write_new",
]


def choice(option: str, known: Callable[[], Collection[str]], text: str, other: str = "") -> Any:
    """Return an option whose value is one of `known`: they are listed, completed by the shell, and checked.

    Args:
        option: the option, such as "--split".
        known: returns its values; called only to list, complete or check them, so it may import slow modules.
        text: the help text.
        other: how help texts call other values, such as "FILE.csv"; they are not checked. Empty if there are none.
    """

    def check(value: str | None) -> str | None:
        if value is not None and not other and value not in known():
            raise ConfigError(f'{option} cannot be "{value[:80]}"; {suggest(value, known())}')
        return value

    metavar = f"{CHOICES}|{other}" if other else CHOICES
    return typer.Option(option, help=text, metavar=metavar, callback=check, autocompletion=lambda: list(known()))


def split_names() -> Mapping[str, str]:
    """Return the parts of a data set, with their names in texts."""
    from nasion.evaluation.format import SPLIT_NAMES

    return SPLIT_NAMES


def data_formats() -> list[str]:
    """Return what the name of a data set may start with, such as "imm:"; the shell completes it."""
    from nasion import datasets

    return [f"{name}:" for name in datasets.available()]


MODEL_TEXT = "a model's name, an .onnx file or a run folder"

AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", help='Ray cluster: "auto" or HOST:PORT; default: Ray starts on this machine', metavar="ADDRESS"
    ),
]
BoxOption = Annotated[
    str | None,
    typer.Option("--box", help='x0,y0,x1,y1, px, around the face; a CSV file of boxes; or "image"', metavar="BOX"),
]
DataArgument = Annotated[
    str,
    typer.Argument(
        help='"format:source", such as imm:DIR or synthetic:400', metavar="DATA", autocompletion=data_formats
    ),
]
DeviceOption = Annotated[str, choice("--device", lambda: [devices.AUTO, *devices.DEVICES], "where the network runs")]
ImagesArgument = Annotated[
    list[str], typer.Argument(help='images, folders, patterns, or "-" for standard input', metavar="IMAGES")
]
MinScoreOption = Annotated[
    float, typer.Option("--min-score", min=0, max=1, help="drop detections with a lower score", metavar="SCORE")
]
MinutesOption = Annotated[
    float | None, typer.Option("--minutes", min=0.01, max=100_000, help="training time to aim for", metavar="MINUTES")
]
ModelArgument = Annotated[str, typer.Argument(help=MODEL_TEXT, metavar="MODEL", autocompletion=model_zoo.available)]
ModelOption = Annotated[
    str, typer.Option("--model", help=MODEL_TEXT, metavar="MODEL", autocompletion=model_zoo.available)
]
RecursiveOption = Annotated[bool, typer.Option("--recursive", "-r", help="also search subfolders")]
RegionsOption = Annotated[bool, typer.Option("--regions", help="draw each region, such as an eye, in its own color")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="change a setting: section.key=value", metavar="A.B=C")
]
SourcesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help='"format:source"; may be repeated to add training data',
        metavar="DATA",
        autocompletion=data_formats,
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--detector-weights", help="a detector's file, or packaged; default: YuNet, downloaded once", metavar="FILE"
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=100_000, help="processes; default: one per core", metavar="COUNT"),
]


def make_predictor(
    model: str,
    weights: Path | None,
    min_score: float = 0.0,
    max_spread: float | None = None,
    device: str = devices.AUTO,
) -> "Predictor":
    """Return the predictor of a command's options; its notices go to standard error."""
    from nasion.predict.predictor import Predictor

    return Predictor(model, weights, notice, min_score, max_spread, device)


def make_boxes(box: str | None, min_score: float) -> "BoxSource":
    """Return the boxes that --box gives; without it, the detector finds the faces.

    Raises:
        ConfigError: the box is malformed, or --min-score is given as well.
        AnnotationError: the file of boxes cannot be read.
    """
    from nasion.predict.boxes import boxes_from, detect_boxes

    if box is None:
        return detect_boxes
    if min_score:
        raise ConfigError("--min-score applies to detected faces; it cannot be combined with --box")
    return boxes_from(box)


def find_images(words: list[str], recursive: bool, out: Path) -> list[Path]:
    """Return the images that the words of a command line name; report which folders are not searched.

    Args:
        words: files, folders, patterns, and "-" for standard input.
        recursive: whether folders inside folders are searched.
        out: the folder for results, which is not searched.

    Raises:
        ImageError: a folder or a pattern contains no image.
    """
    from nasion.predict.image_files import folders_left_out, list_images

    found = list_images(words, recursive, out)
    for folder in () if recursive else folders_left_out(words):
        notice(f"{folder}: the images in this folder are left out; include them with --recursive")
    return found


def require_training_extra() -> None:
    """Check that torch and Lightning are installed.

    Raises:
        ModelError: one of them is not.
    """
    try:
        import pytorch_lightning  # noqa: F401
    except ImportError as error:
        raise ModelError(f"this needs torch and Lightning ({error}); pip install 'nasion[train]'") from None


def write_new(file: Path, text: Callable[[], str]) -> None:
    """Write a new .toml file.

    Args:
        file: the file.
        text: returns its content.

    Raises:
        ConfigError: the file exists, or its name does not end in .toml.
        OutputError: it cannot be written.
    """
    if file.suffix != ".toml":
        raise ConfigError(f"{file}: the file needs a name that ends in .toml, such as mine.toml")
    if file.exists():
        raise ConfigError(f"{file} exists; choose another name")
    write_text(file, text())
    say(f"→ {file}")
