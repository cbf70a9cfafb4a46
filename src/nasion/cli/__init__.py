"""The command line: parse, call one function, print. What goes wrong by input is one line and exit code 2.

screen.py     what all commands share: the screen, common options
pictures.py   predict, video, match, models: a person's own pictures
studio.py     serve: the page
data.py       get, doctor, show, formats: labeled faces
training.py   train, sweep, compare, evaluate, filters, export, recipes: networks
"""

import sys

import typer

from nasion.cli import data, studio, training
from nasion.cli import images as pictures
from nasion.errors import NasionError

__all__ = ["app", "main"]

app = typer.Typer(
    name="nasion",
    help="Facial keypoints, end to end: find points in your own pictures, check labels, train, see where it fails.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (pictures, studio, data, training):
    for command in room.COMMANDS:
        app.command()(command)


def main() -> None:
    """Run the command line; errors of the input end with one line and exit code 2."""
    try:
        app()
    except NasionError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a vanished folder: where no layer below could say it better
        _fail(f"{error.filename or 'the disk'}: {error.strerror or error}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _fail(text: str) -> None:
    print("nasion: " + " ".join(text.split()), file=sys.stderr)
    raise SystemExit(2)
