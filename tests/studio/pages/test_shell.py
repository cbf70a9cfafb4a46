"""The application shell: tabs, keyboard, names of controls; sizes."""

import pytest

from browsing import DESKTOP, PHONE, choose, screenshot, wait_for_status

pytestmark = pytest.mark.slow


def test_all_controls_are_reachable_by_keyboard(page, astronaut):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "tab-try"
    page.keyboard.press("ArrowRight")
    assert page.locator("#page-match").is_visible()
    assert page.evaluate("document.activeElement.id") == "tab-match"
    page.keyboard.press("ArrowLeft")
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"model", "try-canvas", "try-zoom-in", "files", "camera", "show-uncertainty"} <= reached


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_every_control_has_a_name_and_fits_the_screen(page, astronaut, size):
    page.set_viewport_size(size)
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select')].filter(e => !(e.getAttribute('aria-label')"
        " || e.textContent.trim() || e.labels?.length)).map(e => e.id)"
    )
    assert nameless == []
    screenshot(page, f"try-{size['width']}")


def test_camera_stops_when_the_page_is_left(page):
    page.locator("#camera").click()
    wait_for_status(page, "camera: ")
    page.locator("#tab-match").click()
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"
    page.locator("#file-a").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a diary"})
    wait_for_status(page, "a.txt: this browser cannot display this image")
