"""Every command in the documentation is valid: the program exists and accepts the options."""

import re

import pytest
from typer.main import get_command

from doc_pages import DOCS, ROOT, blocks, commands, page_id, pages
from nasion.cli import app

PAGES = {page_id(page): page.read_text("utf-8") for page in pages()}

OTHERS = (
    "cat",
    "curl",
    "export",
    "head",
    "kubectl",
    "pip",
    "pytest",
    "ray",
    "sbatch",
    "seq",
    "sleep",
    "srun",
    "time",
    "torchrun",
    "xargs",
)
"""Programs of others, which are not checked."""


def parse(words):
    """Parse the words after "nasion" as the command line does, without running the command."""
    command = get_command(app)
    while hasattr(command, "commands"):
        assert words, "a command is missing"
        command, words = command.commands[words[0]], words[1:]
    command.make_context("nasion", list(words))


def check(words):
    program, *rest = words
    if program == "nasion":
        parse(rest)
    elif program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        assert rest[0] in targets
    elif program == "python":
        assert (ROOT / rest[0]).exists()
    else:
        assert program in OTHERS or "=" in program


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_valid(page):
    for words in commands(PAGES[page]):
        try:
            check(words)
        except Exception as error:
            pytest.fail(f"{page}: {' '.join(words)}: {error!r}")


def test_a_wrong_command_is_noticed():
    with pytest.raises(KeyError):
        check(["nasion", "predikt", "me.jpg"])
    with pytest.raises(Exception, match="--modell"):
        check(["nasion", "predict", "me.jpg", "--modell", "tiny"])


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "zensical.toml").read_text("utf-8")
    assert [page_id(page) for page in pages()[1:] if f'"{page.relative_to(DOCS).as_posix()}"' not in navigation] == []


def test_blocks_and_outputs_are_found():
    text = (
        '```python\nprint(1)\n```\n\n```text\n1\n```\n\n```python\nx\n```\n\n```sh\na b # c\nP="q"\nX=1 d $P | e\n```\n'
    )
    assert [tuple(block) for block in blocks(text, "python")] == [("print(1)\n", "1\n"), ("x\n", None)]
    assert commands(text) == [["a", "b"], ["d", "q"], ["e"]]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_the_repository_lead_to_files(name):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / name).read_text("utf-8"))
    relative = [link for link in links if "://" not in link]
    assert [link for link in relative if not (ROOT / link).exists()] == []
    assert relative or name not in ("README.md", "SECURITY.md")
