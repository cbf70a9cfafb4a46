"""Write the generated pages of the documentation into docs/ (or another folder): python tools/reference [FOLDER]."""

import sys
from pathlib import Path

import changelog
import commands
import formats
import model_cards
import python_api
import recipe_keys
import skeletons

DOCS = Path(__file__).parents[2] / "docs"

SOURCES = (changelog, commands, formats, model_cards, python_api, recipe_keys, skeletons)
"""Modules with a function `pages()` that returns {path below docs: content}."""


def main(folder: Path) -> None:
    """Write every generated page; files that did not change keep their time."""
    for source in SOURCES:
        for name, text in source.pages().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
