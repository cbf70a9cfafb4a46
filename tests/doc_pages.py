"""The pages of the documentation, and their code blocks."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

GENERATED = ("reference/commands.md", "reference/formats.md", "reference/recipes.md", "reference/skeletons.md")
"""Pages that `python tools/reference` writes, besides the folder reference/python; git ignores them."""


def pages():
    """Return the written pages of the documentation, and README.md."""
    made = {DOCS / name for name in (*GENERATED, "results/models.md", "about/changelog.md")}
    written = [page for page in sorted(DOCS.rglob("*.md")) if page not in made and page.parent.name != "python"]
    return [ROOT / "README.md", *written]


def page_id(page):
    return str(page.relative_to(ROOT))


class Block(NamedTuple):
    """A code block: its text, and the text of an output block that follows it immediately; None if there is none."""

    code: str
    output: str | None


def fences(text):
    """Yield the language and the text of each code block, and whether it directly follows another one."""
    language, lines, adjacent = None, [], False
    for line in text.splitlines():
        if language is None and line.startswith("```"):
            language, lines = line[3:].split(" ")[0], []
        elif language is not None and line == "```":
            yield language, "\n".join([*lines, ""]), adjacent
            language, adjacent = None, True
        elif language is not None:
            lines.append(line)
        elif line.strip():
            adjacent = False


def blocks(text, *languages):
    """Return the code blocks of some languages, in order; "" are blocks that state none."""
    found = []
    for language, code, adjacent in fences(text):
        if language == "text" and adjacent and found and found[-1] is not None:
            found[-1] = found[-1]._replace(output=code)
        else:
            found.append(Block(code, None) if language in languages else None)
    return [block for block in found if block is not None]


def commands(text):
    """Return the words of each command, without comments; pipes and variables are separated.

    Commands are the lines of sh blocks, and lines of blocks without a language that start with a program of ours.
    """
    plain = "".join(block.code for block in blocks(text, ""))
    ours = [line for line in joined_lines(plain) if re.match("(nasion|make|python) ", line)]
    variables = {}
    found = []
    for line in [*joined_lines("".join(block.code for block in blocks(text, "sh"))), *ours]:
        if assigned := re.fullmatch(r'(\w)="(.*)"', line):
            variables["$" + assigned[1]] = assigned[2]
            continue
        for name, value in variables.items():
            line = line.replace(name, value)
        for part in line.split(" | "):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                del words[0]
            if words:
                found.append(words)
    return found


def joined_lines(code):
    return code.replace("\\\n", " ").splitlines()
