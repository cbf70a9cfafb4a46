"""Help texts, --quiet, and usage errors."""

from typing import Annotated

import pytest
import typer

from nasion.cli.help import USAGE_ERROR, HelpGroup, add_command, epilog, usage_message
from nasion.cli.options import choice
from nasion.cli.screen import set_quiet
from nasion.errors import ConfigError


def greet(name: str, often: int = 1) -> None:
    """Say hello.

    It is polite.

    Examples:
        nasion greet Anna
        nasion greet Bob --often 2
    """
    print(name * often)


@pytest.fixture(autouse=True)
def _not_quiet():
    yield
    set_quiet(False)


@pytest.fixture
def app():
    app = typer.Typer(cls=HelpGroup, rich_markup_mode=None)
    add_command(app, "greet", greet, "Manners", quiet=True)
    add_command(app, "leave", lambda: None, None, quiet=False)
    return app


def test_help_text_ends_with_the_examples(app, capsys):
    app(["greet", "--help"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "Say hello.\n\n  It is polite.\n" in out
    assert out.endswith("  Examples:\n    nasion greet Anna\n    nasion greet Bob --often 2\n")
    assert "  NAME" in out.upper()
    assert "<" not in out.split("Options:")[0]
    assert "--quiet" in out


def test_help_text_lists_the_values_of_an_option(capsys):
    def paint(
        color: Annotated[str, choice("--color", lambda: ["red", "green"], "which color")] = "red",
        pattern: Annotated[str, choice("--pattern", lambda: ["dots"], "which pattern", other="FILE")] = "dots",
    ) -> None: ...

    app = typer.Typer(rich_markup_mode=None)
    add_command(app, "paint", paint, None, quiet=False)
    app(["--help"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "--color red|green " in out
    assert "--pattern dots|FILE " in out


def test_commands_are_listed_in_panels_with_their_first_line(app, capsys):
    app(["--help"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "Manners:\n  greet  Say hello.\n" in out
    assert "polite" not in out
    assert "Commands:\n  leave" in out


def test_quiet_is_an_option_of_some_commands(app, capsys):
    app(["greet", "Anna", "-q"], standalone_mode=False)
    assert capsys.readouterr().out == "Anna\n"
    with pytest.raises(USAGE_ERROR):
        app(["leave", "-q"], standalone_mode=False)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["greet"], ("missing argument", "greet --help")),
        (["greet", "Anna", "--oftne", "2"], ("--oftne", "--often", "greet --help")),
        (["greet", "Anna", "--often", "x"], ("--often", "x", "greet --help")),
        (["greet", "Anna", "Bob"], ("Bob", "greet --help")),
    ],
)
def test_usage_errors_are_one_line_that_names_the_help_text(app, words, parts):
    with pytest.raises(USAGE_ERROR) as caught:
        app(words, prog_name="nasion", standalone_mode=False)
    message = usage_message(caught.value)
    assert "\n" not in message
    assert message[0].islower() or message[0] == "-"
    for part in parts:
        assert part in message


def test_unknown_command_suggests_similar_ones(app, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r'^no command "gret"; did you mean "greet"\? Known: greet, leave$'):
        app(["gret"], prog_name="nasion", standalone_mode=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me.jpg").touch()
    with pytest.raises(ConfigError, match=r'^no command "me\.jpg"; to predict its keypoints: nasion predict me\.jpg$'):
        app(["me.jpg"], prog_name="nasion", standalone_mode=False)


def test_without_examples_there_is_no_epilog():
    assert epilog("") is None
