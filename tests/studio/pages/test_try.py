"""The tab "Try": images, zoom, what is shown, downloads, ground truth, camera."""

import json

import numpy as np
import pytest
from skimage import data

from browsing import BLUE, DESKTOP, FACE, ORANGE, choose, count_pixels, make, opened, pixels, screenshot, serving
from nasion import images
from nasion.datasets.formats.ibug import parse_pts
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
    page.get_by_text("astronaut.png: 1 face").wait_for()
    assert count_pixels(page, BLUE) > 150
    assert "1 face" in page.locator("#try-canvas").get_attribute("aria-label")
    page.locator("#show-regions").check()
    page.locator("#show-uncertainty").check()
    screenshot(page, "try")
    for name in ("points", "lines", "uncertainty"):
        page.locator(f"#show-{name}").uncheck()
    assert count_pixels(page, BLUE) < 30


def test_dropped_and_pasted_images_are_predicted(page, astronaut):
    content = list(astronaut.read_bytes())
    make_files = (
        "(content) => { const files = new DataTransfer();"
        " files.items.add(new File([new Uint8Array(content)], 'dropped.png', {type: 'image/png'})); return files; }"
    )
    files = page.evaluate_handle(make_files, content)
    page.locator("#drop-area").dispatch_event("drop", {"dataTransfer": files})
    page.get_by_text("dropped.png: 1 face").wait_for()
    page.evaluate(
        "(files) => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: files}))",
        page.evaluate_handle(make_files.replace("dropped", "pasted"), content),
    )
    page.get_by_text("pasted.png: 1 face").wait_for()
    assert page.locator("#thumbnails button").count() == 2


def test_zoom_and_pan_with_wheel_drag_and_keys(page, astronaut):
    choose(page, astronaut)
    page.get_by_text("1 face").wait_for()
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
    page.get_by_text("1 face").wait_for()
    expected = make("default")(data.astronaut())[0].keypoints
    saved = {}
    for name in ("json", "csv", "pts", "image"):
        with page.expect_download() as download:
            page.locator(f"#save-{name}").click()
        saved[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[name])
    table = json.loads(saved["json"].read_text())
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(table, json_schema())
    assert np.array(table["images"][0]["faces"][0]["keypoints"]) == pytest.approx(expected, abs=0.01)
    header, row = (line.split(",") for line in saved["csv"].read_text().splitlines())
    assert header[:9] == ["image", "face", "score", "box_x0", "box_y0", "box_x1", "box_y1", "jaw_0_x", "jaw_0_y"]
    assert row[0] == "astronaut.png"
    assert np.array(row[7:], float).reshape(68, 2) == pytest.approx(expected, abs=0.01)

    assert saved["pts"].name == "astronaut.pts"
    assert parse_pts(saved["pts"].read_text()) - 1 == pytest.approx(expected, abs=0.01)
    assert images.read(saved["image"]).shape == (512, 512, 3)


def test_measurements_are_shown_and_downloaded_on_request(page, astronaut, tmp_path):
    choose(page, astronaut)
    page.get_by_text("1 face").wait_for()
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
    saved = {}
    for name in ("json", "csv"):
        with page.expect_download() as download:
            page.locator(f"#save-{name}").click()
        saved[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[name])
    table = json.loads(saved["json"].read_text())
    pytest.importorskip("jsonschema").validate(table, json_schema())
    header, row = (line.split(",") for line in saved["csv"].read_text().splitlines())
    assert tuple(header[-len(MEASUREMENT_COLUMNS) :]) == MEASUREMENT_COLUMNS
    cells = dict(zip(header, row, strict=True))
    assert float(cells["roll_error"]) == table["images"][0]["faces"][0]["measurements"]["roll"]["error"]
    page.locator("#show-measurements").uncheck()
    page.locator(".measurements").wait_for(state="detached")


def test_many_faces_are_numbered_and_leave_the_downloads_in_view(browser, tmp_path):
    rows, columns = 2, 3
    shifts = [np.tile([512 * column, 512 * row], 2) for row in range(rows) for column in range(columns)]
    found = [Detection(FACE.box + shift, 0.9) for shift in shifts]
    path = tmp_path / "crowd.png"
    images.write(path, np.tile(data.astronaut(), (rows, columns, 1)))
    crowded = build(make=lambda name: Predictor(OnnxBackend(resolve(name), threads=1), lambda _image: found))
    with serving(crowded) as address, opened(browser, address) as page:
        page.locator("#show-measurements").check()
        choose(page, path)
        page.get_by_text("crowd.png: 6 faces").wait_for()
        assert page.locator(".measurements").count() == 6
        below = page.locator("#save-json").bounding_box()
        assert below["y"] + below["height"] <= DESKTOP["height"]
        for name in ("points", "lines"):
            page.locator(f"#show-{name}").uncheck()
        assert count_pixels(page, BLUE) > 6 * 10  # only the numbers are blue


def test_ground_truth_added_with_its_image_is_shown(page, astronaut, tmp_path):
    points = make("default")(data.astronaut())[0].keypoints + 3
    lines = "".join(f"{x + 1} {y + 1}\n" for x, y in points)
    (tmp_path / "astronaut.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    choose(page, astronaut, tmp_path / "astronaut.pts")
    page.get_by_text("1 face").wait_for()

    with_ground_truth = count_pixels(page, ORANGE)
    page.locator("#show-ground-truth").uncheck()
    assert with_ground_truth > count_pixels(page, ORANGE) + 200
    (tmp_path / "bad.pts").write_text("a diary")
    choose(page, tmp_path / "bad.pts")
    page.get_by_text("bad.pts: not a .pts file").wait_for()


def test_file_names_are_not_interpreted_as_html(page, astronaut, tmp_path):
    name = '<img src=x onerror="document.title=1">.png'
    (tmp_path / name).write_bytes(astronaut.read_bytes())
    choose(page, tmp_path / name)
    page.get_by_text("1 face").wait_for()
    assert page.title() == "nasion studio"
    assert name in page.locator("#status").inner_text()


def test_non_image_and_image_without_face_are_reported(page, tmp_path):
    (tmp_path / "diary.png").write_text("a diary")
    choose(page, tmp_path / "diary.png")
    page.locator("#status.error").wait_for()
    assert "diary.png" in page.locator("#status").inner_text()
    images.write(tmp_path / "gray.png", np.full((60, 80, 3), 90, np.uint8))
    choose(page, tmp_path / "gray.png")
    page.get_by_text("no face found").wait_for()


def test_camera_predicts_until_it_is_stopped(page):
    page.locator("#camera").click()
    page.get_by_text("camera: ").wait_for()
    page.locator("#camera").click()
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"


def test_invalid_label_file_is_reported(page, astronaut, tmp_path):
    choose(page, astronaut)
    page.get_by_text("1 face").wait_for()
    (tmp_path / "flat.json").write_text('[{"faces": [{"keypoints": [1, 2, 3]}]}]')
    choose(page, tmp_path / "flat.json")
    page.get_by_text("flat.json: no keypoints for astronaut.png").wait_for()
    two = [{"image": name, "faces": [{"keypoints": [[k, k]]}]} for k, name in enumerate(["other.png", "astronaut.png"])]
    (tmp_path / "two.json").write_text(json.dumps(two))
    choose(page, tmp_path / "two.json")
    page.wait_for_function("!document.getElementById('show-ground-truth').disabled")
