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
    """Write every generated page; remove the pages of modules that no longer exist."""
    pages = {folder / name: text for source in SOURCES for name, text in source.pages().items()}
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for stale in set((folder / "reference" / "python").glob("*.md")) - pages.keys():
        stale.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
