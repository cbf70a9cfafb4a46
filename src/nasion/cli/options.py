"""Options that several commands share, and the predictor that they describe."""

from pathlib import Path
from typing import Annotated

import typer

from nasion.cli.screen import notice
from nasion.errors import ModelError
from nasion.predict.backends import devices
from nasion.predict.predictor import Predictor

__all__ = [
    "DataArgument",
    "DeviceOption",
    "MinutesOption",
    "ModelArgument",
    "ModelOption",
    "RegionsOption",
    "SetOption",
    "SourcesOption",
    "WeightsOption",
    "make_predictor",
    "require_training_extra",
]

DataArgument = Annotated[str, typer.Argument(help='"format:source", such as imm:DIR or synthetic:400', metavar="DATA")]
ModelArgument = Annotated[str, typer.Argument(help="a model's name, an .onnx file or a run folder", metavar="MODEL")]
ModelOption = Annotated[str, typer.Option("--model", help="a model's name, an .onnx file or a run folder")]
RegionsOption = Annotated[bool, typer.Option("--regions", help="draw each region, such as an eye, in its own color")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="change a setting: section.key=value", metavar="A.B=C")
]
SourcesOption = Annotated[
    list[str] | None, typer.Option("--data", help='"format:source"; may be repeated to add training data')
]
MinutesOption = Annotated[float | None, typer.Option(min=0.01, max=100_000, help="training time to aim for")]
DeviceOption = Annotated[str, typer.Option(help=f"where the network runs: auto, {', '.join(devices.DEVICES)}")]
WeightsOption = Annotated[
    Path | None, typer.Option("--detector-weights", help="YuNet's file; default: it is downloaded once")
]


def make_predictor(
    model: str,
    weights: Path | None,
    min_score: float = 0.0,
    max_spread: float | None = None,
    device: str = devices.AUTO,
) -> Predictor:
    """Return the predictor of a command's options; its notices go to standard error."""
    return Predictor(model, weights, notice, min_score, max_spread, device)


def require_training_extra() -> None:
    """Check that torch and Lightning are installed.

    Raises:
        ModelError: one of them is not.
    """
    try:
        import pytorch_lightning  # noqa: F401
    except ImportError as error:
        raise ModelError(f"this needs torch and Lightning ({error}); pip install 'nasion[train]'") from None
