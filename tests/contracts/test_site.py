"""The documentation as a site: no warnings, no broken links, every public name is documented, and it works offline."""

import importlib
import re
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import nasion
from doc_pages import DOCS, GENERATED, ROOT

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site, built from a copy of docs/ as `make docs` builds it."""
    pytest.importorskip("zensical")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.onnx"))
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "zensical.toml", folder)
    subprocess.run([sys.executable, ROOT / "tools" / "reference", folder / "docs"], check=True)
    build = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "No issues found" in output
    assert "griffe:" not in output, output
    return folder / "site"


class Links(HTMLParser):
    """Collects the addresses and the ids of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        self.links += [(tag, values[name]) for name in ("href", "src") if values.get(name)]


@pytest.fixture(scope="module")
def parsed(site):
    return {page: Links(page.read_text("utf-8")) for page in sorted(site.rglob("*.html"))}


def leads_somewhere(link, page, parsed):
    """Whether a link inside the site leads to a file, and to a heading of it if it names one."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    fragment = unquote(parts.fragment)
    return target.is_file() and (not fragment or fragment in parsed[target].ids or fragment == "__skip")


def test_internal_links_lead_to_pages_and_headings(site, parsed):
    pages = {page: links for page, links in parsed.items() if page.name != "404.html"}
    broken = [
        (str(page.relative_to(site)), link)
        for page, links in pages.items()
        for _, link in links.links
        if not leads_somewhere(link, page, parsed)
    ]
    assert not broken


def test_nothing_is_loaded_from_other_hosts(parsed):
    links = [pair for each in parsed.values() for pair in each.links]
    loaded = [link for tag, link in links if tag in ("img", "link", "script", "iframe")]
    assert loaded
    assert [link for link in loaded if urlsplit(link).netloc] == []


def documented(site):
    """Return the names in the inventory that other documentation links to."""
    data = (site / "objects.inv").read_bytes()
    lines = zlib.decompress(data.split(b"\n", 4)[4]).decode().splitlines()
    return {line.split()[0] for line in lines}


def public_modules():
    folder = Path(nasion.__file__).parent
    names = [path.stem for path in folder.glob("*.py")] + [path.parent.name for path in folder.glob("*/__init__.py")]
    return sorted(f"nasion.{name}" for name in names if name not in ("__init__", "__main__", "cli"))


def test_every_public_name_is_documented(site):
    names = documented(site)
    missing = {f"nasion.{name}" for name in nasion.__all__} - names
    for module in public_modules():
        imported = importlib.import_module(module)
        for name in getattr(imported, "__all__", ()):
            home = getattr(getattr(imported, name), "__module__", module)
            places = {f"{module}.{name}", f"{home}.{name}", f"nasion.{name}"}
            if not places & names:
                missing.add(f"{module}.{name}")
    assert not missing


def test_examples_of_docstrings_are_code_blocks(site):
    text = (site / "reference" / "python" / "index.html").read_text("utf-8")
    assert "language-pycon" in text
    assert "<blockquote>" not in text
    assert "+SKIP" not in text


def test_every_command_and_setting_is_documented(site):
    from nasion.cli import COMMANDS, NEW
    from nasion.train.config import RunConfig
    from nasion.train.reference import section_settings

    commands = (site / "reference" / "commands.html").read_text("utf-8")
    assert [name for name in [*COMMANDS, *(f"new {name}" for name in NEW)] if f"nasion {name}" not in commands] == []
    recipes = (site / "reference" / "recipes.html").read_text("utf-8")
    assert [each.key for each in section_settings(RunConfig) if f"<code>{each.key}</code>" not in recipes] == []
    assert "augment.photo.blur_px" in recipes


def test_generated_pages_are_ignored_by_git(site):
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert [name for name in (*GENERATED, "results/models.md") if f"/docs/{name}" not in ignored] == []


def test_search_finds_a_page_without_a_server(site):
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    requests, errors = [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((site / "index.html").as_uri())
        page.get_by_role("button", name="Search").first.click()
        page.wait_for_timeout(1000)  # the field is inside a closed shadow root, so only the keyboard reaches it
        page.keyboard.type("cooldown", delay=50)
        page.wait_for_timeout(1000)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("h=cooldown"), timeout=20_000)
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []
