"""The interface through which long jobs report lines, warnings, tables and progress.

Jobs take a `Reporter` and never print. The command line passes one that draws progress bars; Python callers get
`SILENT` unless they pass their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol, TypeVar

__all__ = ["SILENT", "Reporter", "Task", "track"]

Item = TypeVar("Item")
Unit = Literal["", "bytes"]


class Task(Protocol):
    """One running task with a known or unknown total."""

    def advance(self, steps: float = 1) -> None:
        """Add `steps` to what is done."""
        ...

    def update(self, completed: float, total: float | None = None, text: str = "") -> None:
        """Set what is done, optionally the total, and the text beside the bar."""
        ...

    def log(self, text: str) -> None:
        """Write a line where no bar can be drawn, such as a log file."""
        ...


class Reporter(Protocol):
    """Receives what a job reports."""

    def line(self, text: str) -> None:
        """Show a line of the result."""
        ...

    def warn(self, text: str) -> None:
        """Show a line that needs attention, such as a skipped file."""
        ...

    def table(self, title: str, header: Sequence[str], rows: Iterable[Sequence[str]], best: int | None = None) -> None:
        """Show a table of text cells; row `best` is emphasized."""
        ...

    def task(self, title: str, total: float | None, unit: Unit = "") -> AbstractContextManager[Task]:
        """Return a context manager that shows the progress of a task."""
        ...


class _SilentTask:
    def advance(self, steps: float = 1) -> None:
        """Ignore progress."""

    def update(self, completed: float, total: float | None = None, text: str = "") -> None:
        """Ignore progress."""

    def log(self, text: str) -> None:
        """Ignore the line."""


class _SilentReporter:
    def line(self, text: str) -> None:
        """Ignore the line."""

    def warn(self, text: str) -> None:
        """Ignore the warning."""

    def table(self, title: str, header: Sequence[str], rows: Iterable[Sequence[str]], best: int | None = None) -> None:
        """Ignore the table."""

    @contextmanager
    def task(self, title: str, total: float | None, unit: Unit = "") -> Iterator[Task]:
        """Yield a task that ignores its progress."""
        yield _SilentTask()


SILENT: Reporter = _SilentReporter()
"""The reporter that shows nothing."""


def track(items: Sequence[Item], title: str, reporter: Reporter) -> Iterator[Item]:
    """Yield the items and report the progress.

    >>> list(track([1, 2], "counting", SILENT))
    [1, 2]
    """
    with reporter.task(title, len(items)) as task:
        for item in items:
            yield item
            task.advance()
