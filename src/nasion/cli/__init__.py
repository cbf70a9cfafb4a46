"""The command line: parse, call one function, print. Errors of the input are one line and exit code 2.

images.py       predict, match, models        data.py         get, doctor, show, convert, formats
video.py        video                         training.py     train, sweep, compare, export, filters, recipes
evaluation.py   evaluate                      studio.py       serve
measure.py      crop, measure                      audit.py        audit
options.py      options of several commands   screen.py       lines, tables and progress bars
"""

import io
import logging
import sys

import typer

from nasion.cli import audit, data, evaluation, images, measure, studio, training, video
from nasion.errors import NasionError, one_line

__all__ = ["app", "main"]

COMMANDS = {
    "predict": images.predict,
    "video": video.video,
    "match": images.match,
    "crop": measure.crop,
    "measure": measure.measure,
    "models": images.list_models,
    "serve": studio.serve,
    "get": data.get,
    "doctor": data.doctor,
    "show": data.show,
    "convert": data.convert,
    "formats": data.formats,
    "train": training.train,
    "sweep": training.sweep,
    "compare": training.compare,
    "evaluate": evaluation.evaluate,
    "audit": audit.audit,
    "filters": training.filters,
    "export": training.export,
    "recipes": training.recipes,
}
"""The commands by name, in the order of the help text."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells."""

app = typer.Typer(
    name="nasion",
    help="Facial keypoints: predict them in your images, check labels, train networks, and see where they fail.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name)(command)


def main() -> None:
    """Run the command line; errors of the input end with one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # names of files may have characters that the terminal cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(handlers=[logging.NullHandler()])  # what libraries log about damaged files is raised as well
    try:
        app()
    except NasionError as error:
        _fail(str(error))
    except OSError as error:  # a full disk or a vanished folder, where no lower layer gives a better message
        _fail(f"{error.filename or 'the disk'}: {error.strerror or error}")
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _fail(text: str) -> None:
    print("nasion: " + one_line(text), file=sys.stderr)
    raise SystemExit(2)
