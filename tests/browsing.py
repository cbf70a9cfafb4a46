"""Open the studio in Chromium: a server in the test's process, a page, its pixels.

Set NASION_SCREENSHOTS to a folder to save screenshots.
"""

import base64
import io
import os
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from nasion.detect import Detection
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor

FACE = Detection(np.array([176.0, 95, 275, 180]), 0.9)
"""The face of scikit-image's astronaut."""
DESKTOP = {"width": 1280, "height": 800}
LARGE = {"width": 1920, "height": 1080}
PHONE = {"width": 390, "height": 844}
TIMEOUT_MS = 120_000
"""How long a page may take for a step on a busy machine."""
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
"""Rules of axe-core: WCAG 2.1 AA, and what is good practice."""
BLUE = (30, 120, 255)
"""RGB of a predicted point."""
ORANGE = (255, 140, 0)
"""RGB of a ground truth point."""


def make(name):
    """Return the predictor of a model; it detects the astronaut's face only."""
    return Predictor(OnnxBackend(resolve(name), threads=1), lambda image: [FACE] if image.std() > 5 else [])


@contextmanager
def serving(app):
    """Run a server and yield its URL."""
    uvicorn = pytest.importorskip("uvicorn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(90)


@contextmanager
def opened(browser, address, path="", ready="Ready."):
    """Open the UI in a fresh browser context; script errors and requests to other hosts fail the test."""
    context = browser.new_context(viewport=DESKTOP, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    own = (address, "blob:", "data:")
    page.on("request", lambda request: request.url.startswith(own) or problems.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{address}{path}")
    page.get_by_text(ready).first.wait_for()
    page.wait_for_function("() => !document.querySelector('main[data-loading]')")
    yield page
    context.close()
    assert problems == []


def screenshot(page, name):
    if os.environ.get("NASION_SCREENSHOTS"):
        page.screenshot(path=Path(os.environ["NASION_SCREENSHOTS"]) / f"{name}.png")


def pixels(page, name="try-canvas"):
    """Return the pixels of a canvas, (H, W, 4), RGBA, uint8."""
    address = page.evaluate("(id) => document.getElementById(id).toDataURL()", name)
    file = io.BytesIO(base64.b64decode(address.partition(",")[2]))
    return np.array(PillowImage.open(file).convert("RGBA"))


def count_pixels(page, color):
    """Return how many pixels of the image's canvas have a color, up to rounding."""
    return int((np.abs(pixels(page)[..., :3].astype(int) - color).sum(-1) < 12).sum())


def wait_for_status(page, text):
    """Wait until the status bar shows a text."""
    page.locator("#status", has_text=text).wait_for()


def assert_nothing_overflows(page):
    """Check that the page has the size of the window, and that every visible control is inside it or scrolls."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is too wide"
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page is too high"
    outside = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, canvas, h2')]"
        ".filter((e) => e.offsetParent && !e.closest('.thumbnails'))"
        ".filter((e) => { const box = e.getBoundingClientRect(); return box.width > 1 && box.right > innerWidth + 1; })"
        ".map((e) => e.id || e.textContent)"
    )
    assert page.locator("[role=tabpanel]:visible").count() == 1
    assert outside == []


def download(page, name, folder):
    """Click the button with the id `name`, save the download in a folder, and return its path."""
    with page.expect_download() as waiting:
        page.locator(f"#{name}").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def choose(page, *paths):
    page.locator("#files").set_input_files([str(path) for path in paths])


def violations(page):
    """Return the rules of axe that the page breaks, with the elements."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page, options={"runOnly": AXE_RULES}).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]
