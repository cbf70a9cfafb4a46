"""The screen: lines, warnings, tables, progress bars, and numbers with nouns."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nasion.errors import one_line, printable
from nasion.progress import Task, Unit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, TaskID

__all__ = ["REPORTER", "ScreenReporter", "counted", "notice", "say", "set_quiet", "typed_command"]


def set_quiet(quiet: bool) -> None:
    """Print only warnings and errors from now on, or everything."""
    REPORTER.quiet = quiet


def say(text: str) -> None:
    """Print a line as it is: brackets in file names are not markup."""
    REPORTER.line(text)


def _printable(text: str) -> str:
    """Return a text whose lines have no control characters: names of files may have any."""
    return "\n".join(map(printable, text.split("\n")))


def notice(text: str) -> None:
    """Print one line on standard error, beside the results."""
    print("nasion: " + one_line(text), file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "face"), counted(0, "face")
    ('1 face', '0 faces')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def typed_command() -> str:
    """Return the command as the user typed it."""
    return shlex.join(["nasion", *sys.argv[1:]])


class ScreenTask:
    """A progress bar."""

    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self.progress, self.id = progress, task

    def advance(self, steps: float = 1) -> None:
        """Add `steps` to what is done."""
        self.progress.advance(self.id, steps)

    def update(self, completed: float, total: float | None = None, text: str = "") -> None:
        """Set what is done, the total if it is given, and the text beside the bar."""
        from rich.markup import escape

        self.progress.update(self.id, completed=completed, text=escape(text))
        if total is not None:
            self.progress.update(self.id, total=total)

    def log(self, text: str) -> None:
        """Print a line if the output is not a terminal, where bars are not drawn."""
        if not self.progress.console.is_terminal:
            self.progress.console.print(text, markup=False, emoji=False, soft_wrap=True)


class ScreenReporter:
    """A `Reporter` that draws on a console of rich; plain lines do not need it, and start faster without it.

    Args:
        console: the console; default: one for standard output, created when it is first needed.

    Attributes:
        quiet: whether only warnings are printed.
    """

    def __init__(self, console: "Console | None" = None) -> None:
        self._console = console
        self.quiet = False

    @property
    def console(self) -> "Console":
        """The console."""
        from rich.console import Console

        if self._console is None:
            self._console = Console(highlight=False)
        self._console.quiet = self.quiet
        return self._console

    def line(self, text: str) -> None:
        """Print a line."""
        if self._console is not None:  # it keeps lines above a progress bar
            self.console.print(_printable(text), markup=False, emoji=False, soft_wrap=True)
        elif not self.quiet:
            print(_printable(text), flush=True)  # a program that started this one may wait for the line

    def warn(self, text: str) -> None:
        """Print a yellow line; on standard error if only warnings are printed."""
        from rich.markup import escape

        if self.quiet:
            notice(text)
            return
        self.console.print(f"[yellow]{escape(_printable(text))}[/]", soft_wrap=True)

    def table(self, title: str, header: Sequence[str], rows: Iterable[Sequence[str]], best: int | None = None) -> None:
        """Print a table; row `best` is bold."""
        from rich.markup import escape
        from rich.table import Table

        self.console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        cells = list(rows)
        table.add_column(header[0], no_wrap=True)
        for column, name in enumerate(header[1:], start=1):
            justify = "right" if all(_is_number(row[column]) for row in cells) else "left"
            table.add_column(escape(name.replace("/", "\n")), justify=justify, overflow="fold")
        for number, row in enumerate(cells):
            table.add_row(*(escape(_printable(cell)) for cell in row), style="bold" if number == best else "")
        self.console.print(table)

    @contextmanager
    def task(self, title: str, total: float | None, unit: Unit = "") -> Iterator[Task]:
        """Show a progress bar while the block runs."""
        from rich.markup import escape
        from rich.progress import Progress

        hidden = not self.console.is_terminal  # where it would leave an empty line
        with Progress(*_columns(unit), console=self.console, transient=unit != "bytes", disable=hidden) as progress:
            yield ScreenTask(progress, progress.add_task(escape(title), total=total, text=""))


def _is_number(cell: str) -> bool:
    """Return whether a cell is empty or starts with a number: such columns are aligned on the right."""
    return not cell or cell.lstrip("+-")[:1].isdecimal() or cell.startswith("nan")


def _columns(unit: Unit) -> "tuple[ProgressColumn, ...]":
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    description = TextColumn("{task.description}")
    if unit == "bytes":
        return description, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    return description, BarColumn(18), TimeRemainingColumn(compact=True), TextColumn("{task.fields[text]}")


REPORTER = ScreenReporter()
"""The reporter of all commands."""
