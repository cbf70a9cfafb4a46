"""The reporter of the command line: lines, tables and bars on a console."""

import io

import pytest
from rich.console import Console

from nasion.cli.screen import REPORTER, ScreenReporter, notice, say, set_quiet, typed_command


@pytest.fixture
def screen():
    """A reporter that writes to a string: (reporter, text so far)."""
    output = io.StringIO()
    return ScreenReporter(Console(file=output, width=60, highlight=False)), output.getvalue


def test_lines_keep_brackets_and_are_not_wrapped(screen):
    reporter, text = screen
    reporter.line("a[bold]:key:.png " + "x" * 80)
    reporter.warn("b[red].png")
    assert text().splitlines() == ["a[bold]:key:.png " + "x" * 80, "b[red].png"]


def test_table_shows_every_cell(screen):
    reporter, text = screen
    reporter.table("title [x]", ("name", "value"), [("a[b]", "1.5"), ("c", "22.25")], best=1)
    lines = [line.rstrip() for line in text().splitlines()]
    assert lines == ["title [x]", "name  value", "a[b]    1.5", "c     22.25"]


def test_numbers_are_aligned_on_the_right_and_text_on_the_left(screen):
    reporter, text = screen
    rows = [("a", "-1.5 px", "short"), ("b", "", "1 long text that is folded over the end of the line of 60 letters")]
    reporter.table("t", ("check", "value", "finding"), rows)
    lines = [line.rstrip() for line in text().splitlines()[2:]]
    assert lines[0] == "a      -1.5 px  short"
    assert lines[1].startswith("b               1 long text")
    assert lines[2].startswith(" " * 16 + lines[2].strip()[:1])


def test_slashes_break_long_headers(screen):
    reporter, text = screen
    reporter.table("t", ("run", "nme/inter_ocular"), [("a", "3 %")])
    assert [line.split() for line in text().splitlines()[1:3]] == [["nme"], ["run", "inter_ocular"]]


def test_task_logs_lines_where_no_bar_is_drawn(screen):
    reporter, text = screen
    with reporter.task("working", 3) as task:
        task.advance()
        task.update(2, total=4, text="half [way]")
        task.log("epoch 1/2: loss 0.5")
        assert task.progress.tasks[0].completed == 2
        assert task.progress.tasks[0].total == 4
    assert "epoch 1/2: loss 0.5" in text()


def test_terminal_shows_a_bar_instead_of_log_lines():
    output = io.StringIO()
    reporter = ScreenReporter(Console(file=output, width=60, force_terminal=True))
    with reporter.task("working", 3) as task:
        task.log("a line for logs")
        task.advance(3)
    assert "a line for logs" not in output.getvalue()
    assert "working" in output.getvalue()


def test_say_and_notice_use_their_own_streams(capsys):
    say("out[x] :key:")
    notice("two\n  lines")
    out, error = capsys.readouterr()
    assert out == "out[x] :key:\n"
    assert error == "nasion: two lines\n"


def test_a_line_leaves_the_process_at_once(monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), write_through=False)
    monkeypatch.setattr("sys.stdout", output)
    say("studio: http://127.0.0.1:8008/")
    assert output.buffer.getvalue() == b"studio: http://127.0.0.1:8008/\n"


def test_typed_command_is_quoted(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/bin/nasion", "predict", "my face.jpg"])
    assert typed_command() == "nasion predict 'my face.jpg'"


def test_control_characters_do_not_reach_the_terminal(screen, capsys):
    reporter, text = screen
    reporter.line("a\x1b[31m.png\nb")
    reporter.warn("c\x07d")
    reporter.table("t", ("name", "value"), [("e\x1b]0;f\x07", "1")])
    say("g\u202eh")
    printed = text() + capsys.readouterr().out
    assert all(line.isprintable() for line in printed.splitlines())
    assert "a\\x1b[31m.png\nb\n" in printed


def test_a_quiet_console_shows_only_warnings(capsys):
    set_quiet(True)
    try:
        say("a line")
        REPORTER.line("a line")
        REPORTER.table("a table", ("a",), [("1",)])
        REPORTER.warn("skipped a.jpg")
        notice("using the cascade")
    finally:
        set_quiet(False)
    assert capsys.readouterr() == ("", "nasion: skipped a.jpg\nnasion: using the cascade\n")
