"""The files of the page, below `studio/pages`, by the path under which the server offers them.

index.html is the shell; a line `<!-- include NAME -->` in it stands for the file NAME, the part of one tab, and the
line `<!-- preload modules -->` for a link to each module of the first tab: the browser then loads them at once, instead
of one level of imports after the other. The styles of all tabs are one file, because each request takes time. This
module imports no web framework, see `starting.py`.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePath
from typing import NamedTuple

__all__ = ["PageFile", "find_page"]

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
INCLUDE = re.compile("<!-- include ([a-z/.]+) -->")
PRELOAD = "<!-- preload modules -->"
SHELL, DOCS = "index.html", "docs/docs.html"
PREFIX = "/pages/"

FIRST_TAB = ("main.js", "shared/", "try/")
"""What the names of the modules begin with that the page needs at its start."""

STYLES = "styles/studio.css"
"""The styles of the shell and all tabs as one file."""

STYLE_PARTS = ("base", "shell", "try", "match", "video", "correct", "train")
"""The files that it consists of, in this order."""


class PageFile(NamedTuple):
    """What the server answers for a file of the page."""

    content: bytes
    media_type: str


def find_page(path: str) -> PageFile | None:
    """Return the page or the file at a path of the server; None if there is none.

    The name is looked up in a table, never joined to a path.

    >>> find_page("/pages/icon.svg").media_type
    'image/svg+xml'
    >>> find_page("/pages/../app.py")
    """
    if path == "/":
        return PageFile(_studio_html().encode(), MEDIA_TYPES[".html"])
    name = DOCS if path == "/docs" else path.removeprefix(PREFIX)
    if name == STYLES:
        parts = [_files()[f"styles/{part}.css"].read_bytes() for part in STYLE_PARTS]
        return PageFile(b"\n".join(parts), MEDIA_TYPES[".css"])
    if name not in _files():
        return None
    return PageFile(_files()[name].read_bytes(), MEDIA_TYPES[PurePath(name).suffix])


@cache
def _studio_html() -> str:
    """Return the shell with the parts of all tabs and a link to each module of the first one."""
    modules = sorted(name for name in _files() if name.endswith(".js") and name.startswith(FIRST_TAB))
    links = "\n".join(f'<link rel="modulepreload" href="{PREFIX}{name}">' for name in modules)
    shell = _files()[SHELL].read_text("utf-8").replace(PRELOAD, links)
    return INCLUDE.sub(lambda found: _files()[found[1]].read_text("utf-8"), shell)


@cache
def _files() -> dict[str, Traversable]:
    """Return the files of the page by their path below `studio/pages`, such as "shared/api.js"."""
    return dict(_files_below(resources.files("nasion") / "studio" / "pages", ""))


def _files_below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files_below(entry, f"{prefix}{entry.name}/")
        elif PurePath(entry.name).suffix in MEDIA_TYPES:
            yield prefix + entry.name, entry
