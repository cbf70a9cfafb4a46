"""Help texts with examples, the option --quiet, and one-line usage errors."""

import inspect
import textwrap
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nasion.cli.screen import set_quiet
from nasion.errors import ConfigError, suggest

__all__ = [
    "CHOICES",
    "EXAMPLES",
    "USAGE_ERROR",
    "HelpCommand",
    "HelpGroup",
    "add_command",
    "epilog",
    "help_and_examples",
    "help_record",
    "usage_message",
]

EXAMPLES = "Examples:"
"""The last section of a command's docstring, shown at the end of its help text."""

CHOICES = "CHOICES"
"""Metavar of options with a list of values, which help texts show in its place."""

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""The base of usage errors. It is not public in Typer, and is in another module in earlier versions."""

MAX_SHOWN = 80
"""Largest number of characters of a value in a message."""

QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="print only warnings and errors")]


class HelpCommand(TyperCommand):
    """A command whose help text shows arguments and options by name, without Python types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the line "Usage"."""
        return [piece.strip("{}").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options."""
        arguments: list[tuple[str, str]] = []
        options: list[tuple[str, str]] = []
        for each in self.get_params(ctx):
            record = help_record(each, ctx)
            if record is not None:
                (arguments if _is_argument(each) else options).append(record)
        for title, rows in (("Arguments", arguments), ("Options", options)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class HelpGroup(TyperGroup):
    """A group whose help text lists the commands under the headings of their panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the name and the first line of each command."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            panel = panels.setdefault(command.rich_help_panel or "Commands", [])
            panel.append((name, command.help.partition("\n")[0]))
        width = max(len(name) for rows in panels.values() for name, _ in rows)
        for title, rows in panels.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word names.

        Raises:
            ConfigError: there is no such command.
        """
        word = args[0]
        if word not in self.commands and not ctx.resilient_parsing:
            is_file = Path(word).exists()
            remedy = f"to predict its keypoints: nasion predict {word}" if is_file else suggest(word, self.commands)
            raise ConfigError(f'no command "{word[:MAX_SHOWN]}"; {remedy}')
        return super().resolve_command(ctx, args)


def help_record(parameter: Any, ctx: Any) -> tuple[str, str] | None:
    """Return the name of an argument or option with its values, and its meaning; None if help texts omit it."""
    record = parameter.get_help_record(ctx)
    if record is None:
        return None
    name, text = record
    if CHOICES in name:
        name = name.replace(CHOICES, "|".join(each.value for each in parameter.shell_complete(ctx, "")))
    name = name.partition(" <")[0] if _is_argument(parameter) else name
    return name, text.replace("\\[", "[")  # earlier versions of Typer escape brackets


def _is_argument(parameter: Any) -> bool:
    return parameter.param_type_name == "argument"


def epilog(examples: str) -> str | None:
    """Return examples, one to a line, as the end of a help text; None if there are none."""
    indented = textwrap.indent(examples, "  ")
    return f"\b\n{EXAMPLES}\n{indented}" if examples else None  # \b prevents rewrapping


def add_command(app: typer.Typer, name: str, function: Callable[..., None], panel: str | None, quiet: bool) -> None:
    """Add a command to an app: its docstring is the help text and ends with the examples.

    Args:
        app: the app.
        name: the command's name.
        function: the command.
        panel: the heading under which the app's help text lists it.
        quiet: whether to add the option --quiet.
    """
    text, examples = help_and_examples(function)
    app.command(name, cls=HelpCommand, help=text, epilog=epilog(examples), rich_help_panel=panel)(
        _with_quiet(function) if quiet else function
    )


def help_and_examples(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the help text of a command, and its examples, one to a line.

    >>> def greet():
    ...     '''Say hello.
    ...
    ...     Examples:
    ...         nasion greet
    ...     '''
    >>> help_and_examples(greet)
    ('Say hello.', 'nasion greet')
    """
    text, _, examples = inspect.cleandoc(function.__doc__ or "").partition(f"\n{EXAMPLES}\n")
    return text.strip(), textwrap.dedent(examples).strip()


def _with_quiet(function: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the option --quiet."""

    @wraps(function)
    def run(*arguments: Any, quiet: bool = False, **options: Any) -> None:
        set_quiet(quiet)
        function(*arguments, **options)

    signature = inspect.signature(function)
    parameter = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=QuietOption)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), parameter])  # pyright: ignore[reportAttributeAccessIssue]
    run.__annotations__ = {**function.__annotations__, "quiet": QuietOption}
    return run


def usage_message(error: Any) -> str:
    """Return a usage error as one line that names the value, the rule, and the command that shows the help text.

    Args:
        error: a `USAGE_ERROR`.
    """
    text = _explained(error)
    text = text[:1].lower() + text[1:].rstrip(".")
    command = error.ctx.command_path if error.ctx else "nasion"
    return f"{text}; see {command} --help"


def _explained(error: Any) -> str:
    """Return an error's message; for a value of the wrong type, the option, the value and the rule."""
    from pydantic import ValidationError  # imported here because only usage errors need it

    cause = error.__cause__
    if not isinstance(cause, ValidationError):  # earlier versions of Typer name them
        return error.format_message()
    first = cause.errors()[0]
    option = error.param.get_error_hint().strip("'")
    if first["type"] == "value_error":
        return f"{option}: {first['msg'].removeprefix('Value error, ')}"
    rule = first["msg"].removeprefix("Input should be ").partition(",")[0]
    return f'{option} must be {rule}, not "{str(first["input"])[:MAX_SHOWN]}"'
