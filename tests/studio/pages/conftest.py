"""Fixtures of the browser tests: a browser, a server, an open page, images."""

import shutil

import numpy as np
import pytest
from skimage import data

from browsing import make, opened, serving
from nasion import images
from nasion.datasets.drawn import render_face
from nasion.detect import Detection
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import build, open_album


@pytest.fixture(scope="module")
def address():
    with serving(build(make=make)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    """Start Chromium with a camera that shows a test pattern."""
    browsers = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium is installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--use-fake-device-for-media-stream"]
    with browsers.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=[*flags, "--use-fake-ui-for-media-stream"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    with opened(browser, address) as page:
        yield page


@pytest.fixture(scope="module")
def astronaut(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "astronaut.png"
    images.write(path, data.astronaut())
    return path


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two synthetic images: a.png is labeled, b.png is not."""

    for k in range(2):
        face = render_face(5, k, 0, "ibug-68")
        images.write(tmp_path / "faces" / f"{'ab'[k]}.png", face.image)
    face = render_face(5, 0, 0, "ibug-68")
    lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
    (tmp_path / "faces" / "a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    return tmp_path / "faces"


@pytest.fixture
def correct_page(browser, folder):
    """Yield the page "Correct" with a.png open, on a separate server for the folder."""

    def detect(image):
        height, width = image.shape[:2]
        return [Detection(np.array([0.25 * width, 0.2 * height, 0.75 * width, 0.9 * height]), 0.9)]

    def predictor(name):
        return Predictor(OnnxBackend(resolve(name), threads=1), detect)

    app = build(make=predictor, album=open_album(str(folder), load_skeleton("ibug-68")))
    with serving(app) as address, opened(browser, address) as page:
        page.locator("#tab-correct").click()
        page.get_by_role("button", name="a.png").click()
        page.get_by_text("a.png: labeled").wait_for()
        yield page
