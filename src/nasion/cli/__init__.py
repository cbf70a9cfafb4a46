"""The command line: parse, call one function, print. Errors of the input are one line and exit code 2.

images.py       predict, match, models        data.py         get, doctor, show, convert, heads, formats, new skeleton
video.py        video                         training.py     train, sweep, compare, average, export, filters, recipes,
                                                              settings, new recipe
evaluation.py   evaluate                      audit.py        audit
measure.py      crop, measure                 studio.py       serve
bulk/           bulk
options.py      options of several commands   screen.py       lines, tables and progress bars
help.py         help texts, usage errors
"""

import io
import logging
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

import nasion
from nasion.cli import audit, data, evaluation, images, measure, studio, training, video
from nasion.cli.bulk.command import bulk
from nasion.cli.help import USAGE_ERROR, HelpGroup, add_command, epilog, usage_message
from nasion.cli.screen import say, set_quiet
from nasion.errors import NasionError, one_line

__all__ = ["COMMANDS", "NEW", "app", "main"]

PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Use": {
        "predict": images.predict,
        "video": video.video,
        "bulk": bulk,
        "match": images.match,
        "crop": measure.crop,
        "measure": measure.measure,
        "serve": studio.serve,
        "models": images.list_models,
    },
    "Label": {
        "doctor": data.doctor,
        "show": data.show,
    },
    "Train": {
        "train": training.train,
        "detector": training.train_detector,
        "evaluate": evaluation.evaluate,
        "audit": audit.audit,
        "sweep": training.sweep,
        "compare": training.compare,
        "average": training.average,
        "filters": training.filters,
        "export": training.export,
        "recipes": training.recipes,
        "settings": training.settings,
    },
    "Data": {
        "get": data.get,
        "convert": data.convert,
        "heads": data.heads,
        "formats": data.formats,
    },
}
"""The commands by the panel of the help text that lists them, and by name."""

COMMANDS = {name: command for panel in PANELS.values() for name, command in panel.items()}
"""The commands by name, in the order of the help text."""

NEW: dict[str, Callable[..., None]] = {"skeleton": data.new_skeleton, "recipe": training.new_recipe}
"""What `nasion new` writes, by name."""

LISTS = ("models", "formats", "recipes", "settings", "get", "serve")
"""Commands without --quiet: their output is a list, the terms of data, or the address of the studio."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells."""

app = typer.Typer(
    name="nasion",
    help="Facial keypoints: predict them in images and videos, check labels, train your own points.",
    epilog=epilog("nasion predict me.jpg\nnasion predict --help"),
    cls=HelpGroup,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
new_app = typer.Typer(help="Write a skeleton or a recipe to start from.", cls=HelpGroup, rich_markup_mode=None)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"nasion {nasion.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Read the options that come before the command."""


for panel, commands in PANELS.items():
    for name, command in commands.items():
        add_command(app, name, command, panel, quiet=name not in LISTS)
for name, command in NEW.items():
    add_command(new_app, name, command, None, quiet=False)
app.add_typer(new_app, name="new", rich_help_panel="Label")


def main() -> None:
    """Run the command line; errors of the input end with one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # names of files may have characters that the terminal cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(handlers=[logging.NullHandler()])  # libraries log about damaged files, and raise the same
    set_quiet(False)
    try:
        code = app(["--help"] if len(sys.argv) == 1 else None, prog_name="nasion", standalone_mode=False)
    except USAGE_ERROR as error:
        _fail(usage_message(error))
    except NasionError as error:
        _fail(str(error))
    except OSError as error:  # a full disk or a vanished folder, where no lower layer gives a better message
        _fail(f"{error.filename or 'the disk'}: {error.strerror or error}")
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    raise SystemExit(code)


def _fail(text: str) -> NoReturn:
    print("nasion: " + one_line(text), file=sys.stderr)
    raise SystemExit(2)
