"""Pages: their images, style and macros; and, in Chromium, that they fit every screen and enlarge images."""

import base64
import re
import shutil
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from doubles import SIZE, quad_evaluation, quad_faces
from nasion.evaluation.pages import figure_panel, photo_panel, render
from nasion.evaluation.report import write_report


def test_photos_are_jpeg():
    panel = photo_panel(np.full((20, 30, 3), [200, 100, 50], np.uint8), 'a "photo"', "more")
    assert (panel.caption, panel.detail, panel.ratio) == ('a "photo"', "more", 1.5)
    source, alternative = re.fullmatch(r'<img src="data:image/jpeg;base64,(\S+)" alt="(.*)">', panel.image).groups()
    assert alternative == "a &#34;photo&#34;"
    image = cv2.imdecode(np.frombuffer(base64.b64decode(source), np.uint8), cv2.IMREAD_COLOR)
    assert image[10, 15].tolist() == pytest.approx([50, 100, 200], abs=4)  # BGR


def test_figures_are_svg_with_a_name():
    panel = figure_panel(Figure(figsize=(2, 1)), "a <figure>")
    assert panel.image.startswith('<svg role="img" aria-label="a &lt;figure&gt;"')
    assert panel.image.count("aria-label") == 1
    assert panel.ratio == 2


@pytest.fixture
def rendered(tmp_path, monkeypatch):
    """Return a function that renders a template of some package."""
    (tmp_path / "some_pages").mkdir()
    (tmp_path / "some_pages" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "some_pages", raising=False)

    def page(template, **values):
        (tmp_path / "some_pages" / "page.j2").write_text(template)
        return render("some_pages", "page.j2", **values)

    return page


def test_pages_have_the_common_style_and_escape_values(rendered):
    page = rendered("<style>{{ style }}</style><p>{{ title }}</p>", title="<b>")
    assert page.endswith("</style><p>&lt;b&gt;</p>")
    assert "{" in page.partition("</style>")[0]  # rules of the style, not escaped


def test_an_image_is_enlarged_by_a_button_with_its_details(rendered):
    template = '{% from "macros.html.j2" import panel %}{{ panel(each, "x-1") }}'
    photo = photo_panel(np.zeros((4, 8, 3), np.uint8), "<name>", "more")
    page = rendered(template, each=photo)
    assert '<button class="zoom" popovertarget="zoom-x-1" title="Enlarge" style="aspect-ratio: 2.0000"><img' in page
    assert 'popover id="zoom-x-1"><p>more</p>' in page
    assert "<figcaption>&lt;name&gt;</figcaption>" in page
    assert "<p>&lt;name&gt;</p>" in rendered(template, each=photo_panel(np.zeros((4, 8, 3), np.uint8), "<name>"))


# --- in a browser

WINDOWS = {"desktop": (1280, 800), "large": (1920, 1080), "phone": (390, 844)}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return the path of a report."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    faces = quad_faces(30, subjects=[f"{k}" for k in range(10)])
    faces = replace(faces, open_image=lambda _face: np.full((*SIZE, 3), 90, np.uint8))
    noise = np.random.default_rng(0).normal(0, 2, (30, 4, 2))
    write_report(path, quad_evaluation(faces, pred_keypoints=faces.keypoints() + noise), faces, "nasion evaluate x")
    return path


@pytest.fixture(scope="module")
def browser():
    browsers = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        pytest.skip("no Chromium is installed")
    with browsers.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(params=list(WINDOWS))
def page(request, browser, report):
    width, height = WINDOWS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=request.param == "phone")
    page = context.new_page()
    problems = []
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or problems.append(request.url))
    page.goto(report.as_uri())
    yield page
    context.close()
    assert problems == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report_passes_axe_and_fits_the_window(page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.slow
def test_figures_have_two_columns_or_one(page):
    boxes = [each.bounding_box() for each in page.locator(".figures > figure").all()]
    columns = len({box["x"] for box in boxes})
    assert columns == {1280: 2, 1920: 3, 390: 1}[page.viewport_size["width"]]
    columns = len({each.bounding_box()["x"] for each in page.locator(".faces > figure").all()})
    assert columns == {1280: 4, 1920: 8, 390: 2}[page.viewport_size["width"]]


@pytest.mark.slow
@pytest.mark.parametrize("selector", [".faces .zoom", ".figures .zoom"])
def test_images_are_enlarged_by_click_and_reduced_by_key_or_button(page, selector):
    button = page.locator(selector).nth(2)
    image = button.locator("> *")
    button.scroll_into_view_if_needed()
    place = page.evaluate("scrollY"), image.bounding_box()
    button.click()
    enlarged, size = image.bounding_box(), page.viewport_size
    assert enlarged["width"] >= size["width"] - 20
    assert 0 <= enlarged["y"] <= enlarged["y"] + enlarged["height"] <= size["height"]
    details = page.locator(".zoomed:popover-open")
    assert details.inner_text()
    page.keyboard.press("Escape")
    assert (page.evaluate("scrollY"), image.bounding_box()) == place
    button.focus()
    page.keyboard.press("Enter")
    details.get_by_role("button", name="Close").click()
    assert (page.evaluate("scrollY"), image.bounding_box()) == place


@pytest.mark.slow
def test_figures_follow_the_color_scheme(page):
    color = "getComputedStyle(document.querySelector('.figures svg text')).fill"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(color)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(color) != light
    assert page.evaluate(color) == page.evaluate("getComputedStyle(document.body).color")
