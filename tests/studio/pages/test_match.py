"""The tab "Match": two images, their faces, the morph, downloads."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from browsing import (
    DESKTOP,
    PHONE,
    assert_nothing_overflows,
    download,
    make,
    opened,
    screenshot,
    serving,
    wait_for_status,
)
from nasion import images
from nasion.datasets.drawn import render_face
from nasion.detect import Detection
from nasion.geometry import box_around
from nasion.outputs.kinds import json_schema
from nasion.studio import build

pytestmark = pytest.mark.slow

BOX = np.array([176.0, 95, 275, 180])


@pytest.fixture
def other(tmp_path):
    """Return another image of the same face, brighter."""
    images.write(tmp_path / "other.png", np.clip(data.astronaut().astype(int) + 40, 0, 255).astype(np.uint8))
    return tmp_path / "other.png"


@pytest.fixture
def matched(page, astronaut, other):
    """Return the page with two matched images."""
    page.locator("#tab-match").click()
    page.locator("#file-a").set_input_files(str(astronaut))
    wait_for_status(page, "astronaut.png: 1 face")
    page.locator("#file-b").set_input_files(str(other))
    wait_for_status(page, "Matched")
    return page


def test_two_images_are_matched_and_morphed(matched):
    first = matched.locator("#morph").get_attribute("src")
    matched.locator("#morph-slider").focus()
    matched.keyboard.press("ArrowRight")
    assert matched.locator("#morph").get_attribute("src") != first
    assert "68 points" in matched.locator("#match-summary").inner_text()
    assert "of the face’s size away" in matched.locator("#match-meaning").inner_text()
    for size in (DESKTOP, PHONE):
        matched.set_viewport_size(size)
        assert_nothing_overflows(matched)
        screenshot(matched, f"match-{size['width']}")


def test_morph_plays_until_it_is_paused(matched):
    matched.locator("#morph-play").click()
    before = matched.locator("#morph").get_attribute("src")
    matched.wait_for_function("(before) => document.getElementById('morph').src !== before", arg=before)
    matched.locator("#morph-play").click()
    assert matched.locator("#morph-play").inner_text() == "Play"
    paused = matched.locator("#morph").get_attribute("src")
    matched.wait_for_timeout(300)
    assert matched.locator("#morph").get_attribute("src") == paused


def test_sides_are_swapped_and_cleared(matched):
    matched.locator("#match-swap").click()
    wait_for_status(matched, "Matched")
    assert matched.locator("#name-a").inner_text() == "other.png"
    assert matched.locator("#name-b").inner_text() == "astronaut.png"
    matched.locator("#match-clear").click()
    assert matched.locator("#hint-a").is_visible()
    assert not matched.locator("#match-result").is_visible()
    assert matched.locator("#match-swap").is_disabled()


def test_earlier_result_does_not_stand_beside_another_image(matched, tmp_path):
    images.write(tmp_path / "gray.png", np.full((60, 80, 3), 90, np.uint8))
    matched.locator("#file-b").set_input_files(str(tmp_path / "gray.png"))
    wait_for_status(matched, "gray.png: no face was found")
    assert not matched.locator("#match-result").is_visible()


def test_match_is_downloaded(matched, tmp_path):
    saved = {kind: download(matched, f"match-{kind}", tmp_path) for kind in ("image", "gif", "json")}
    assert images.read(saved["image"]).shape == (480, 960, 3)
    with PillowImage.open(saved["gif"]) as morph:
        assert morph.is_animated
    match = json.loads(saved["json"].read_text())
    pytest.importorskip("jsonschema").validate(match, json_schema("match"))
    assert (match["a"]["image"], match["b"]["image"]) == ("astronaut.png", "other.png")


def test_files_are_dropped_onto_both_sides(page, astronaut):
    page.locator("#tab-match").click()
    content = list(astronaut.read_bytes())
    for side in "ab":
        files = page.evaluate_handle(
            "([content, name]) => { const files = new DataTransfer();"
            " files.items.add(new File([new Uint8Array(content)], name, {type: 'image/png'})); return files; }",
            [content, f"{side}.png"],
        )
        page.locator(f"#side-{side}").dispatch_event("drop", {"dataTransfer": files})
        page.locator(f"#name-{side}", has_text=f"{side}.png").wait_for()
    wait_for_status(page, "Matched")


def test_one_of_several_faces_is_chosen_by_a_click(browser, astronaut, tmp_path):
    images.write(tmp_path / "two.png", np.concatenate([data.astronaut(), data.astronaut() // 2], axis=1))

    def two(name):
        predictor = make(name)
        boxes = [BOX, BOX + [512, 0, 512, 0]]
        predictor._detector = lambda image: [Detection(box, 0.9) for box in boxes[: image.shape[1] // 512]]
        return predictor

    with serving(build(make=two)) as address, opened(browser, address) as page:
        page.locator("#tab-match").click()
        page.locator("#file-b").set_input_files(str(astronaut))
        page.locator("#name-b", has_text="astronaut.png").wait_for()
        page.locator("#file-a").set_input_files(str(tmp_path / "two.png"))
        wait_for_status(page, "Matched")
        chosen = int(page.locator("#name-a").inner_text().split("face ")[1].split(" ")[0])
        box = page.locator("#canvas-a").bounding_box()
        scale = min(box["width"] / 1024, box["height"] / 512)
        x = 225 if chosen else 225 + 512
        center = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.click(center[0] + (x - 512) * scale, center[1] + (137 - 256) * scale)
        page.locator("#name-a", has_text=f"face {1 - chosen}").wait_for()
        wait_for_status(page, "Matched")


def test_example_shows_a_match(browser):
    drawn = Detection(box_around(render_face(5, 1, 2, "ibug-68", render=False).keypoints), 0.9)

    def detecting(name):
        predictor = make(name)
        predictor._detector = lambda image: [Detection(BOX, 0.9) if image.shape[1] == 512 else drawn]
        return predictor

    with serving(build(make=detecting)) as address, opened(browser, address) as page:
        page.locator("#tab-match").click()
        page.locator("#match-example").click()
        wait_for_status(page, "Matched")
