"""The page of the command line, from the parameters of the typer app."""

from typing import Any

from typer.main import get_command

from nasion.cli import COMMANDS, NEW, app
from nasion.cli.help import help_and_examples, help_record
from tables import table

HEAD = """# Commands

`nasion COMMAND --help` prints what this page says, and `nasion --install-completion` lets the shell complete
commands and options. A dataset is `format:path` ([formats](formats.md)); a model is a name from `nasion models`,
an `.onnx` file or a run folder. Wrong input is answered by one line that names the value, the rule and the remedy,
and by exit code 2; then nothing is written.

"""

GENERAL = ("help", "show_completion", "install_completion")
"""Options of every command."""


def _row(parameter: Any, context: Any) -> tuple[str, str] | None:
    """Return an argument or option as the help text shows it; None if it is hidden there."""
    record = help_record(parameter, context)
    if record is None or parameter.name in GENERAL:
        return None
    name, text = record
    return f"`{name.partition(' <')[0]}`", text


def _section(words: str, command: Any, function: Any, level: int) -> str:
    text, examples = help_and_examples(function)
    context = command.make_context(words, [], resilient_parsing=True)
    rows = [row for each in command.params if (row := _row(each, context))]
    shown = f"\n```sh\n{examples}\n```\n" if examples else ""
    body = table(("argument or option", "meaning"), rows) if rows else ""
    return f"{'#' * level} nasion {words}\n\n{text}\n{shown}\n{body}"


def pages() -> dict[str, str]:
    """Return the page."""
    group: Any = get_command(app)
    panels: dict[str, list[str]] = {}
    for name, function in COMMANDS.items():
        command = group.commands[name]
        panels.setdefault(command.rich_help_panel, []).append(_section(name, command, function, 3))
    for name, function in NEW.items():
        command = group.commands["new"].commands[name]
        panels["Label"].append(_section(f"new {name}", command, function, 3))
    return {
        "reference/commands.md": HEAD
        + "\n".join(f"## {panel}\n\n" + "\n".join(sections) for panel, sections in panels.items())
    }
