"""Every tab, empty and filled, passes the rules of axe-core for WCAG 2.1 AA, light and dark, on a desktop and a phone.

axe-core is part of `axe-playwright-python`, which `make` installs.
"""

import json

import numpy as np
import pytest
from skimage import data

from browsing import DESKTOP, PHONE, choose, opened, screenshot, serving, violations, wait_for_status
from nasion import images
from nasion.datasets.drawn import render_face
from nasion.detect import Detection
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import build, open_album

pytestmark = pytest.mark.slow

SIZES = {"desktop": DESKTOP, "phone": PHONE}
TABS = "try", "match", "video", "correct", "train"
ROWS, COLUMNS = 2, 3


def make(name):
    """Return the predictor of a model, which finds a face in each 512 px of an image."""

    def detect(image):
        corners = [(x, y) for y in range(0, image.shape[0] - 256, 512) for x in range(0, image.shape[1] - 256, 512)]
        return [Detection(np.array([176.0, 95, 275, 180]) + [*corner, *corner], 0.9) for corner in corners]

    return Predictor(OnnxBackend(resolve(name), threads=1), detect)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with images of several faces: one labeled, one damaged."""
    folder = tmp_path_factory.mktemp("accessible") / "faces"
    for k in range(4):
        images.write(folder / f"{k}.png", np.tile(data.astronaut(), (1, 1 + k, 1)))
    (folder / "broken.png").write_text("no image")
    face = render_face(5, 0, 0, "ibug-68")
    images.write(folder / "drawn.png", face.image)
    return folder


@pytest.fixture(scope="module")
def addresses(folder):
    """Return the addresses of a server without a folder and of one with a folder."""
    album = open_album(str(folder), load_skeleton("ibug-68"))
    with serving(build(make=make)) as empty, serving(build(make=make, album=album)) as filled:
        yield {"empty": empty, "filled": filled}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "crowd.png"
    images.write(path, np.tile(data.astronaut(), (ROWS, COLUMNS, 1)))
    return path


@pytest.fixture(params=list(SIZES))
def size(request):
    return request.param


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture
def open_page(browser, addresses, size, scheme):
    """Return a function that opens the empty or the filled studio in the size and scheme of the test."""
    contexts = []

    def page_of(kind):
        context = opened(browser, addresses[kind])
        page = context.__enter__()
        contexts.append(context)
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        return page

    yield page_of
    for context in contexts:
        context.__exit__(None, None, None)


def check(page, name):
    """Check the page with axe-core, and that nothing is wider than the window."""
    page.wait_for_timeout(150)  # transitions of colors end
    screenshot(
        page, f"axe-{name}-{page.viewport_size['width']}-{page.evaluate('getComputedStyle(document.body).color')}"
    )
    assert violations(page) == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


def test_tabs_without_content(open_page):
    page = open_page("empty")
    for name in TABS:
        page.locator(f"#tab-{name}").click()
        check(page, f"empty-{name}")


def test_try_with_several_faces(open_page, crowd):
    page = open_page("empty")
    choose(page, crowd)
    wait_for_status(page, f"{ROWS * COLUMNS} faces")
    page.evaluate("document.querySelectorAll('#page-try details').forEach((each) => (each.open = true))")
    check(page, "try")
    page.locator("#show-measurements").check()
    page.wait_for_timeout(1000)
    check(page, "try-measurements")


def test_match_with_two_images(open_page, crowd, folder):
    page = open_page("empty")
    page.locator("#tab-match").click()
    page.locator("#file-a").set_input_files(str(crowd))
    page.locator("#file-b").set_input_files(str(folder / "0.png"))
    page.wait_for_function("() => !document.getElementById('morph-slider').disabled")
    check(page, "match")


def test_correct_with_a_folder(open_page):
    page = open_page("filled")
    page.locator("#tab-correct").click()
    page.locator("#album button").first.wait_for()
    page.wait_for_function("() => document.getElementById('image-name').textContent !== 'No image'")
    check(page, "correct")
    page.locator("#show-grid").click()
    page.locator("#grid-items button").first.wait_for()
    check(page, "correct-grid")


def test_train_with_a_folder(open_page):
    page = open_page("filled")
    errors = {"model": "default", "faces": 3, "accepted": 1, "enough": False, "before_px": 3.0, "after_px": 2.5}
    errors |= {"low_px": -0.9, "high_px": 0.1}
    curve = [{"epoch": k, "val_error_px": 3.0 - 0.1 * k} for k in range(3)]
    pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    faces = [{"name": "a", "before_px": 3.0, "after_px": 2.5, "before": pixel, "after": pixel}]

    def respond(route):
        if "comparison" in route.request.url:
            return route.fulfill(json={"faces": faces})
        answer = json.loads(route.fetch().text())
        answer |= {"state": "done", "model": "default", "epochs": 3, "curve": curve, "errors": errors, "usable": True}
        answer |= {"report": True, "problem": "a problem"}
        return route.fulfill(json=answer)

    page.route("**/v1/train*", respond)
    page.route("**/v1/train/**", respond)
    page.locator("#tab-train").click()
    page.locator("#train-samples img").first.wait_for(state="attached")
    check(page, "train")
