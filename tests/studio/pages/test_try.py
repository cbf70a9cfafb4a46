"""The tab "Try": images, zoom, what is shown, downloads, ground truth, camera."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from browsing import (
    BLUE,
    DESKTOP,
    FACE,
    LARGE,
    ORANGE,
    PHONE,
    assert_nothing_overflows,
    choose,
    count_pixels,
    download,
    make,
    opened,
    pixels,
    screenshot,
    serving,
    wait_for_status,
)
from nasion import images
from nasion.datasets.formats.ibug import parse_pts, pts_text
from nasion.detect import Detection
from nasion.outputs.columns import MEASUREMENT_COLUMNS
from nasion.outputs.kinds import json_schema
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.studio import build

pytestmark = pytest.mark.slow


def test_chosen_image_shows_its_points(page, astronaut):
    page.locator("#show-regions").uncheck()
    choose(page, astronaut)
    wait_for_status(page, "astronaut.png: 1 face")
    assert count_pixels(page, BLUE) > 150
    assert "1 face" in page.locator("#try-canvas").get_attribute("aria-label")
    page.locator("#show-regions").check()
    page.locator("#show-uncertainty").check()
    screenshot(page, "try")
    for name in ("points", "lines", "uncertainty"):
        page.locator(f"#show-{name}").uncheck()
    assert count_pixels(page, BLUE) < 30


def test_the_first_image_is_shown_while_its_points_are_predicted(page, astronaut):
    held = []
    page.route("**/v1/predict*", lambda route: held.append(route))
    choose(page, astronaut)
    page.locator("#start").wait_for(state="hidden")
    assert np.median(pixels(page)[..., 3]) == 255  # the image fills most of the canvas
    assert count_pixels(page, BLUE) == 0
    wait_for_status(page, "Predicting astronaut.png")
    held.pop().fulfill(status=429, json={"error": "too many images are waiting"})
    page.locator("#start").wait_for()
    choose(page, astronaut)
    page.locator("#start").wait_for(state="hidden")
    held.pop().continue_()
    wait_for_status(page, "astronaut.png: 1 face")


def test_dropped_and_pasted_images_are_predicted(page, astronaut):
    content = list(astronaut.read_bytes())
    make_files = (
        "(content) => { const files = new DataTransfer();"
        " files.items.add(new File([new Uint8Array(content)], 'dropped.png', {type: 'image/png'})); return files; }"
    )
    files = page.evaluate_handle(make_files, content)
    page.locator("#drop-area").dispatch_event("drop", {"dataTransfer": files})
    wait_for_status(page, "dropped.png: 1 face")
    page.evaluate(
        "(files) => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: files}))",
        page.evaluate_handle(make_files.replace("dropped", "pasted"), content),
    )
    wait_for_status(page, "pasted.png: 1 face")
    assert page.locator("#thumbnails button").count() == 2


def test_zoom_and_pan_with_wheel_drag_and_keys(page, astronaut):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    whole = pixels(page)
    box = page.locator("#try-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.mouse.wheel(0, -300)
    zoomed = pixels(page)
    assert not np.array_equal(zoomed, whole)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 100, steps=4)
    page.mouse.up()
    assert not np.array_equal(pixels(page), zoomed)
    page.locator("#try-canvas").focus()
    page.keyboard.press("0")
    assert np.array_equal(pixels(page), whole)
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    assert not np.array_equal(pixels(page), whole)


def test_downloads_contain_the_points(page, astronaut, tmp_path):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    expected = make("default")(data.astronaut())[0].keypoints
    saved = {name: download(page, f"save-{name}", tmp_path) for name in ("json", "csv", "coco", "pts", "zip", "image")}
    table = json.loads(saved["json"].read_text())
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(table, json_schema())
    assert np.array(table["images"][0]["faces"][0]["keypoints"]) == pytest.approx(expected, abs=0.01)
    header, row = (line.split(",") for line in saved["csv"].read_text().splitlines())
    assert header[:9] == ["image", "face", "score", "box_x0", "box_y0", "box_x1", "box_y1", "jaw_0_x", "jaw_0_y"]
    assert row[0] == "astronaut.png"
    assert np.array(row[7:], float).reshape(68, 2) == pytest.approx(expected, abs=0.01)

    coco = json.loads(saved["coco"].read_text())
    assert [entry["file_name"] for entry in coco["images"]] == ["astronaut.png"]
    assert np.array(coco["annotations"][0]["keypoints"]).reshape(68, 3)[:, :2] == pytest.approx(expected, abs=0.01)
    with zipfile.ZipFile(saved["zip"]) as archive:
        assert archive.namelist() == ["keypoints.json", "keypoints.csv", "keypoints-coco.json", "astronaut.pts"]
    assert saved["pts"].name == "astronaut.pts"
    assert parse_pts(saved["pts"].read_text()) - 1 == pytest.approx(expected, abs=0.01)
    assert images.read(saved["image"]).shape == (512, 512, 3)


def test_measurements_are_shown_and_downloaded_on_request(page, astronaut, tmp_path):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    assert page.locator(".measurements").count() == 0
    page.locator("#try-zoom-in").click()
    zoomed = pixels(page)
    page.locator("#show-measurements").check()
    page.locator(".measurements").wait_for()
    assert np.array_equal(pixels(page), zoomed)
    rows = dict(row.split("\t") for row in page.locator(".measurements tbody").inner_text().splitlines())
    face = make("default")(data.astronaut())[0]
    assert list(rows) == ["Yaw", "Pitch", "Roll", "Left eye", "Right eye", "Mouth", "Asymmetry"]
    assert rows["Roll"] == f"{face.pose.roll.value:.1f} ± {face.pose.roll.error:.1f}°".replace("-", "−")
    assert rows["Left eye"].startswith("open, 0.")
    saved = {name: download(page, f"save-{name}", tmp_path) for name in ("json", "csv")}
    table = json.loads(saved["json"].read_text())
    pytest.importorskip("jsonschema").validate(table, json_schema())
    header, row = (line.split(",") for line in saved["csv"].read_text().splitlines())
    assert tuple(header[-len(MEASUREMENT_COLUMNS) :]) == MEASUREMENT_COLUMNS
    cells = dict(zip(header, row, strict=True))
    assert float(cells["roll_error"]) == table["images"][0]["faces"][0]["measurements"]["roll"]["error"]
    page.locator("#show-measurements").uncheck()
    page.locator(".measurements").wait_for(state="detached")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Return an image of 24 faces, and their boxes (24, 4)."""
    rows, columns, side = 4, 6, 256
    small = np.array(PillowImage.fromarray(data.astronaut()).resize((side, side)))
    path = tmp_path_factory.mktemp("images") / "crowd.png"
    images.write(path, np.tile(small, (rows, columns, 1)))
    places = [np.tile([side * column, side * row], 2) for row in range(rows) for column in range(columns)]
    return path, [FACE.box / 2 + place for place in places]


@pytest.fixture
def crowd_page(browser, crowd):
    """Yield a page that shows an image of 24 faces."""
    found = [Detection(box, 0.9) for box in crowd[1]]
    app = build(make=lambda name: Predictor(OnnxBackend(resolve(name), threads=1), lambda _image: found))
    with serving(app) as address, opened(browser, address) as page:
        choose(page, crowd[0])
        wait_for_status(page, "crowd.png: 24 faces")
        yield page


def test_24_faces_are_numbered_listed_and_opened_by_a_click(crowd_page):
    assert crowd_page.locator("#faces-title").inner_text() == "24 faces"
    assert crowd_page.locator("#faces button").count() == 24
    for size in (DESKTOP, LARGE, PHONE):
        crowd_page.set_viewport_size(size)
        assert_nothing_overflows(crowd_page)
        screenshot(crowd_page, f"try-24-faces-{size['width']}")
    crowd_page.set_viewport_size(DESKTOP)
    for name in ("points", "lines"):
        crowd_page.locator(f"#show-{name}").uncheck()
    assert count_pixels(crowd_page, BLUE) > 24 * 10  # only the numbers are blue
    whole = pixels(crowd_page)
    crowd_page.locator("#faces button").nth(20).click()
    assert crowd_page.locator("#faces button[aria-current=true]").inner_text().startswith("Face 20")
    assert not np.array_equal(pixels(crowd_page), whole)
    crowd_page.locator("#try-zoom-fit").click()
    assert np.array_equal(pixels(crowd_page), whole)


def test_group_photo_becomes_a_coco_file_in_two_clicks(crowd_page, tmp_path):
    """Choosing the image is the first click."""
    document = json.loads(download(crowd_page, "save-coco", tmp_path).read_text())
    assert len(document["annotations"]) == 24
    assert len(document["categories"][0]["keypoints"]) == 68
    wait_for_status(crowd_page, "Saved keypoints-coco.json: 1 image, 24 faces.")


def test_100_faces_overflow_nothing(page, astronaut):
    def hundredfold(route):
        answer = route.fetch()
        body = answer.json()
        body["faces"] = [body["faces"][0] | {"face": number} for number in range(100)]
        route.fulfill(response=answer, json=body)

    page.route("**/v1/predict*", hundredfold)
    choose(page, astronaut)
    wait_for_status(page, "100 faces")
    for size in (DESKTOP, LARGE, PHONE):
        page.set_viewport_size(size)
        assert_nothing_overflows(page)


@pytest.mark.parametrize("name", ["astronaut.jpg", "group.jpg"])
def test_example_is_opened_by_a_click(page, name):
    page.locator(f"[data-example='{name}']").click()
    wait_for_status(page, f"{name}: ")
    page.locator("#faces-title", has_text="face").wait_for()
    assert not page.locator("#start").is_visible()
    page.locator("#clear").click()
    assert page.locator("#start").is_visible()
    assert page.locator("#thumbnails button").count() == 0
    assert page.locator("#save-json").is_disabled()
    assert page.locator("#save-json").get_attribute("title") == "There is no face to export yet"


def test_start_card_leads_to_folders(page):
    page.locator("#start-folder").click()
    assert page.locator("#page-correct").is_visible()


def place_of(page, point):
    """Return the position on the screen of an image point of the astronaut, which the stage shows as a whole."""
    box = page.locator("#try-canvas").bounding_box()
    scale = min(box["width"], box["height"]) / 512
    offset = (np.array(point) + 0.5 - 256) * scale
    return box["x"] + box["width"] / 2 + offset[0], box["y"] + box["height"] / 2 + offset[1]


def test_point_under_the_mouse_is_named(page, astronaut):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    nose = make("default")(data.astronaut())[0]
    page.mouse.move(*place_of(page, nose.keypoints[30]))
    tooltip = page.locator("#point-tooltip")
    assert nose.skeleton.names[30] in tooltip.inner_text()
    assert f"point 30 · ±{nose.spread[30]:.1f} px" in tooltip.inner_text()
    page.mouse.move(*place_of(page, (5, 500)))
    assert not tooltip.is_visible()
    page.locator("#try-canvas").focus()
    for key, number in (("n", 0), ("n", 1), ("p", 0), ("p", 67)):
        page.keyboard.press(key)
        assert f"point {number} ·" in tooltip.inner_text()
    page.keyboard.press("+")
    assert not tooltip.is_visible()


def test_tapped_point_is_named(browser, address, astronaut):
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    wait_for_status(page, "Ready.")
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    page.touchscreen.tap(*place_of(page, make("default")(data.astronaut())[0].keypoints[8]))
    assert "point 8" in page.locator("#point-tooltip").inner_text()
    context.close()


def test_point_numbers_are_drawn_on_request(page, astronaut):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    without = pixels(page)
    page.locator("#show-numbers").check()
    assert not np.array_equal(pixels(page), without)


def test_error_against_ground_truth_is_stated_for_the_face_and_the_point(page, astronaut, tmp_path):
    face = make("default")(data.astronaut())[0]
    (tmp_path / "astronaut.pts").write_text(pts_text(face.keypoints + [3, 4]))
    choose(page, astronaut, tmp_path / "astronaut.pts")
    wait_for_status(page, "1 face")
    size = np.sqrt(np.prod(np.ptp(face.keypoints, axis=0)))
    row = page.locator("#faces button")
    assert f"error 5.0 px · {500 / size:.1f} %" in row.inner_text()
    page.mouse.move(*place_of(page, face.keypoints[30]))
    assert "error 5.0 px" in page.locator("#point-tooltip").inner_text()
    page.locator("#show-ground-truth").uncheck()
    assert "error" not in row.inner_text()


def test_two_models_are_shown_side_by_side(page, astronaut):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    names = page.locator("#compare-model option").all_inner_texts()
    assert page.locator("#model").input_value() not in names
    page.locator("#compare-model").select_option("tiny")
    page.locator("#second-model", has_text="tiny · 68 points").wait_for()
    page.get_by_text("models differ by").wait_for()
    second = pixels(page, "compare-canvas")
    screenshot(page, "try-two-models")
    page.locator("#try-zoom-in").click()
    assert not np.array_equal(pixels(page, "compare-canvas"), second)
    page.locator("#show-measurements").check()  # predicts again
    page.locator("#faces table").wait_for()
    page.get_by_text("models differ by").wait_for()
    page.locator("#try-zoom-fit").click()
    assert np.array_equal(pixels(page, "compare-canvas"), second)
    page.locator("#compare-model").select_option("")
    assert not page.locator("#second-view").is_visible()
    assert "models differ" not in page.locator("#faces").inner_text()
    page.locator("#compare-model").select_option("tiny")
    page.get_by_text("models differ by").wait_for()
    page.locator("#clear").click()
    page.locator("#start").wait_for()


def test_all_images_are_exported_together(page, astronaut, tmp_path):
    (tmp_path / "b.png").write_bytes(astronaut.read_bytes())
    assert page.locator("#scope-all").is_disabled()
    choose(page, astronaut, tmp_path / "b.png")
    wait_for_status(page, "astronaut.png: 1 face")
    page.locator("#scope-all").check()
    assert page.locator("#scope-all-text").inner_text() == "All 2 images"
    table = json.loads(download(page, "save-json", tmp_path).read_text())
    assert [image["image"] for image in table["images"]] == ["astronaut.png", "b.png"]
    packed = download(page, "save-pts", tmp_path)
    with zipfile.ZipFile(packed) as archive:
        assert sorted(archive.namelist()) == ["astronaut.pts", "b.pts"]
    assert page.locator("#save-image").is_disabled()
    assert "one at a time" in page.locator("#save-image").get_attribute("title")


def test_images_added_during_predictions_are_predicted_too(page, astronaut, tmp_path):
    names = [f"{k}.png" for k in range(4)]
    for name in names:
        (tmp_path / name).write_bytes(astronaut.read_bytes())
    choose(page, *(tmp_path / name for name in names[:3]))
    choose(page, tmp_path / names[3])
    wait_for_status(page, "3.png: 1 face")
    page.wait_for_function("() => document.querySelectorAll('#thumbnails .badge:not([hidden])').length === 4")
    assert page.locator("#thumbnails .badge").all_inner_texts() == ["1 face"] * 4
    assert page.locator("#thumbnails [aria-current=true]").get_attribute("title") == "3.png"


def test_broken_file_of_a_batch_stays_marked(page, astronaut, tmp_path):
    (tmp_path / "diary.png").write_text("a diary")
    choose(page, tmp_path / "diary.png", astronaut)
    wait_for_status(page, "diary.png: ")
    page.locator(".badge", has_text="error").wait_for()
    broken, good = page.locator("#thumbnails button").all()
    assert "not an image" in broken.get_attribute("title") or "diary.png: " in broken.get_attribute("title")
    good.click()
    wait_for_status(page, "astronaut.png: 1 face")
    assert "diary.png: " in broken.get_attribute("aria-label")
    broken.click()
    page.locator("#status.error").wait_for()


def test_ground_truth_added_with_its_image_is_shown(page, astronaut, tmp_path):
    points = make("default")(data.astronaut())[0].keypoints + 3
    lines = "".join(f"{x + 1} {y + 1}\n" for x, y in points)
    (tmp_path / "astronaut.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    choose(page, astronaut, tmp_path / "astronaut.pts")
    wait_for_status(page, "1 face")

    with_ground_truth = count_pixels(page, ORANGE)
    page.locator("#show-ground-truth").uncheck()
    assert with_ground_truth > count_pixels(page, ORANGE) + 200
    (tmp_path / "bad.pts").write_text("a diary")
    choose(page, tmp_path / "bad.pts")
    wait_for_status(page, "bad.pts: not a .pts file")


def test_file_names_are_not_interpreted_as_html(page, astronaut, tmp_path):
    name = '<img src=x onerror="document.title=1">.png'
    (tmp_path / name).write_bytes(astronaut.read_bytes())
    choose(page, tmp_path / name)
    wait_for_status(page, "1 face")
    assert page.title() == "nasion studio"
    assert name in page.locator("#status").inner_text()


def test_non_image_and_image_without_face_are_reported(page, tmp_path):
    (tmp_path / "diary.png").write_text("a diary")
    choose(page, tmp_path / "diary.png")
    page.locator("#status.error").wait_for()
    assert "diary.png" in page.locator("#status").inner_text()
    images.write(tmp_path / "gray.png", np.full((60, 80, 3), 90, np.uint8))
    choose(page, tmp_path / "gray.png")
    wait_for_status(page, "no face found")


def test_camera_predicts_until_it_is_stopped(page):
    page.locator("#camera").click()
    wait_for_status(page, "camera: ")
    page.locator("#frame-rate", has_text="frames/s").wait_for()
    page.locator("#model").select_option("tiny")
    page.wait_for_timeout(200)
    assert page.locator("#camera").get_attribute("aria-pressed") == "true"
    page.locator("#camera").click()
    assert not page.locator("#frame-rate").is_visible()
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"


def test_invalid_label_file_is_reported(page, astronaut, tmp_path):
    choose(page, astronaut)
    wait_for_status(page, "1 face")
    (tmp_path / "flat.json").write_text('[{"faces": [{"keypoints": [1, 2, 3]}]}]')
    choose(page, tmp_path / "flat.json")
    wait_for_status(page, "flat.json: no keypoints for astronaut.png")
    two = [{"image": name, "faces": [{"keypoints": [[k, k]]}]} for k, name in enumerate(["other.png", "astronaut.png"])]
    (tmp_path / "two.json").write_text(json.dumps(two))
    choose(page, tmp_path / "two.json")
    page.wait_for_function("() => !document.getElementById('show-ground-truth').disabled")
