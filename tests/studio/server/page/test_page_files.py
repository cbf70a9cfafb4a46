"""The files of the page, and what the browser loads first."""

import re
from importlib import resources
from pathlib import Path

import pytest

from nasion.studio.server.page.page_files import find_page

FOLDER = Path(str(resources.files("nasion") / "studio" / "pages"))
FILES = sorted(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file())


@pytest.mark.parametrize("path", ["", "/index.html", "/pages", "/pages/", "/pages/../app.py", "/docs/", "//"])
def test_other_paths_have_no_file(path):
    assert find_page(path) is None


def test_the_modules_of_the_first_tab_are_preloaded():
    """Every module that main.js imports, itself or through others, has a link; those of other tabs have none."""
    needed, waiting = set(), {"main.js"}
    while waiting:
        name = waiting.pop()
        needed.add(name)
        imported = re.findall(r'^import .* from "(\..+)";$', (FOLDER / name).read_text("utf-8"), re.MULTILINE)
        paths = {(FOLDER / name).parent.joinpath(each).resolve().relative_to(FOLDER).as_posix() for each in imported}
        waiting |= paths - needed
    linked = set(re.findall('<link rel="modulepreload" href="/pages/(.+)">', find_page("/").content.decode()))
    assert needed <= linked
    assert not {name for name in linked if name.startswith(("correct/", "train/", "match/", "video/", "docs/"))}


def test_the_styles_of_all_tabs_are_one_file():
    found = find_page("/pages/styles/studio.css")
    assert found.media_type.startswith("text/css")
    parts = [file for file in FILES if file.endswith(".css") and file != "styles/docs.css"]
    assert len(found.content) == sum(len((FOLDER / file).read_bytes()) + 1 for file in parts) - 1
    for file in parts:
        assert (FOLDER / file).read_text("utf-8") in found.content.decode()
