"""The application shell: tabs, keyboard, names of controls; sizes."""

import json
import threading

import pytest

from browsing import (
    DESKTOP,
    LARGE,
    PHONE,
    assert_nothing_overflows,
    choose,
    download,
    make,
    screenshot,
    serving,
    wait_for_status,
)
from nasion.studio import build

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


def test_correct_and_train_explain_how_to_start_without_a_folder(page):
    for name in ("correct", "train"):
        page.locator(f"#tab-{name}").click()
        assert "nasion serve" in page.locator(f"#page-{name}").inner_text()
        assert_nothing_overflows(page)


def test_a_reload_keeps_the_tab(page):
    page.locator("#tab-match").click()
    page.reload()
    page.locator("#match-guide").wait_for()
    assert page.locator("#tab-match").get_attribute("aria-selected") == "true"


def test_the_status_of_one_tab_does_not_stay_in_another(page):
    page.locator("#tab-match").click()
    page.locator("#file-a").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a diary"})
    page.locator("#status.error").wait_for()
    page.locator("#tab-try").click()
    assert page.locator("#status").inner_text() == ""
    assert page.locator("#status.error").count() == 0


def test_a_model_changed_in_another_tab_predicts_again_on_return(page, astronaut, tmp_path):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    page.locator("#tab-match").click()
    page.locator("#model").select_option("tiny")
    page.wait_for_timeout(200)
    assert page.locator("#status").inner_text() == ""
    page.locator("#tab-try").click()
    wait_for_status(page, "astronaut.png: 1 face")
    assert json.loads(download(page, "save-json", tmp_path).read_text())["model"] == "tiny"


@pytest.mark.parametrize("size", [DESKTOP, LARGE, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_with_results(page, astronaut, size, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    assert_nothing_overflows(page)
    screenshot(page, f"start-{size['width']}-{scheme}")
    page.locator("#files").set_input_files(str(astronaut))
    wait_for_status(page, "1 face")
    page.locator("#show-measurements").check()
    page.locator(".measurements").wait_for()
    assert_nothing_overflows(page)
    screenshot(page, f"try-{size['width']}-{scheme}")
    for name in ("match", "video"):
        page.locator(f"#tab-{name}").click()
        assert_nothing_overflows(page)
        screenshot(page, f"{name}-{size['width']}-{scheme}")


def test_the_page_can_be_used_while_the_models_are_loaded(browser, astronaut):
    """Images are predicted, and other tabs open, as soon as the server answers."""
    gate = threading.Event()

    def slow(name):
        assert gate.wait(60)
        return make(name)

    with serving(build(make=slow)) as address:
        page = browser.new_page()
        page.goto(address)
        page.get_by_text("Ready.").first.wait_for()
        choose(page, astronaut)
        wait_for_status(page, "Predicting astronaut.png")
        page.locator("#tab-match").click()
        page.wait_for_selector("#page-match[aria-busy]")
        assert not page.get_by_role("button", name="Example").is_visible()
        page.locator("#tab-try").click()
        gate.set()
        page.locator("#faces button").wait_for()
        page.locator("#tab-match").click()
        page.get_by_role("button", name="Example").wait_for()
        page.close()
