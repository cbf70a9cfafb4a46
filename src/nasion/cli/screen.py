"""The screen: lines, warnings, tables, progress bars, and numbers with nouns."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from nasion.errors import one_line, printable
from nasion.progress import Task, Unit

__all__ = ["REPORTER", "ScreenReporter", "console", "counted", "notice", "say", "set_quiet", "typed_command"]

console = Console(highlight=False)


def set_quiet(quiet: bool) -> None:
    """Print only warnings and errors from now on, or everything."""
    console.quiet = quiet


def say(text: str) -> None:
    """Print a line as it is: brackets in file names are not markup."""
    console.print(_printable(text), markup=False, soft_wrap=True)


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

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.id = progress, task

    def advance(self, steps: float = 1) -> None:
        """Add `steps` to what is done."""
        self.progress.advance(self.id, steps)

    def update(self, completed: float, total: float | None = None, text: str = "") -> None:
        """Set what is done, the total if it is given, and the text beside the bar."""
        self.progress.update(self.id, completed=completed, text=escape(text))
        if total is not None:
            self.progress.update(self.id, total=total)

    def log(self, text: str) -> None:
        """Print a line if the output is not a terminal, where bars are not drawn."""
        if not self.progress.console.is_terminal:
            self.progress.console.print(text, markup=False, soft_wrap=True)


class ScreenReporter:
    """A `Reporter` that draws on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def line(self, text: str) -> None:
        """Print a line."""
        self.console.print(_printable(text), markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a yellow line; on standard error if the console is quiet."""
        if self.console.quiet:
            notice(text)
            return
        self.console.print(f"[yellow]{escape(_printable(text))}[/]", soft_wrap=True)

    def table(self, title: str, header: Sequence[str], rows: Iterable[Sequence[str]], best: int | None = None) -> None:
        """Print a table; row `best` is bold."""
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
        hidden = not self.console.is_terminal  # where it would leave an empty line
        with Progress(*_columns(unit), console=self.console, transient=unit != "bytes", disable=hidden) as progress:
            yield ScreenTask(progress, progress.add_task(escape(title), total=total, text=""))


def _is_number(cell: str) -> bool:
    """Return whether a cell is empty or starts with a number: such columns are aligned on the right."""
    return not cell or cell.lstrip("+-")[:1].isdecimal() or cell.startswith("nan")


def _columns(unit: Unit) -> tuple[ProgressColumn, ...]:
    description = TextColumn("{task.description}")
    if unit == "bytes":
        return description, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    return description, BarColumn(18), TimeRemainingColumn(compact=True), TextColumn("{task.fields[text]}")


REPORTER = ScreenReporter(console)
"""The reporter of all commands."""
