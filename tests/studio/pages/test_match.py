"""The tab "Match"."""

import numpy as np
import pytest
from skimage import data

from browsing import screenshot
from nasion import images

pytestmark = pytest.mark.slow


def test_two_images_are_matched_and_morphed(page, astronaut, tmp_path):
    page.locator("#tab-match").click()
    page.locator("#file-a").set_input_files(str(astronaut))
    images.write(tmp_path / "other.png", np.clip(data.astronaut().astype(int) + 40, 0, 255).astype(np.uint8))
    page.locator("#file-b").set_input_files(str(tmp_path / "other.png"))
    page.get_by_text("Matched").wait_for()
    first = page.locator("#morph").get_attribute("src")
    page.locator("#morph-slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#morph").get_attribute("src") != first
    assert "68 points" in page.locator("#match-summary").inner_text()
    screenshot(page, "match")
