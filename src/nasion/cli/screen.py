"""What all commands share: the screen, common options, the words that were typed."""

import shlex
import sys
from typing import Annotated

import typer
from rich.console import Console

from nasion.errors import ModelError

__all__ = ["Data", "Minutes", "Model", "SetOption", "console", "needs_torch", "notice", "say", "typed"]

console = Console(highlight=False)

Data = Annotated[str, typer.Argument(help='"format:source", such as imm:DIR or synthetic:400', metavar="DATA")]
Model = Annotated[str, typer.Argument(help="a model's name, an .onnx file or a run folder", metavar="MODEL")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="change a setting: section.key=value", metavar="A.B=C")
]
Minutes = Annotated[float | None, typer.Option(min=0.01, help="fit the schedule into this time")]


def needs_torch() -> None:
    """Say in one line what is missing.

    Raises:
        ModelError: torch or Lightning is not installed.
    """
    try:
        import pytorch_lightning  # noqa: F401
    except ImportError as error:
        raise ModelError(f"training needs torch and Lightning ({error}); pip install 'nasion[train]'") from None


def say(text: str) -> None:
    """Print a line as it is: a file's name may have brackets, which the screen would take for colors."""
    console.print(text, markup=False, soft_wrap=True)


def notice(text: str) -> None:
    """Print what a person should know, beside the results."""
    print("nasion: " + " ".join(text.split()), file=sys.stderr)


def typed() -> str:
    """Return the command as it was typed."""
    return shlex.join(["nasion", *sys.argv[1:]])
