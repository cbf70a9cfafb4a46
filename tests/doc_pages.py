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


def blocks(text, language):
    """Return the code blocks of a language, in order."""
    pattern = rf"^```{language}\b[^\n]*\n(.*?)^```\n(?:\n^```text\n(.*?)^```$)?"
    return [Block(*match.groups()) for match in re.finditer(pattern, text, re.DOTALL | re.MULTILINE)]


def commands(text):
    """Return the words of each command of the sh blocks, without comments; pipes and variables are separated."""
    lines = "\n".join(block.code for block in blocks(text, "sh")).replace("\\\n", " ").splitlines()
    variables = {}
    found = []
    for line in lines:
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
