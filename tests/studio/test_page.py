"""Drive the web UI in Chromium, with mouse and keyboard, at desktop and phone size.

Set NASION_SCREENSHOTS to a folder to save screenshots.
"""

import base64
import io
import json
import os
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from nasion import images
from nasion.datasets.drawn import render_face
from nasion.datasets.formats.ibug import parse_pts
from nasion.detect import Detection
from nasion.outputs.columns import MEASUREMENT_COLUMNS
from nasion.outputs.kinds import json_schema
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import build, open_album

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browsers = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
uvicorn = pytest.importorskip("uvicorn")
if not CHROMIUM:
    pytest.skip("no Chromium is installed", allow_module_level=True)

FACE = Detection(np.array([176.0, 95, 275, 180]), 0.9)
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
BLUE = (30, 120, 255)
"""RGB of a predicted point."""
ORANGE = (255, 140, 0)
"""RGB of a ground truth point."""

pytestmark = pytest.mark.slow


def make(name):
    return Predictor(OnnxBackend(resolve(name), threads=1), lambda image: [FACE] if image.std() > 5 else [])


@contextmanager
def serving(app):
    """Run a server and yield its URL."""
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
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    own = (address, "blob:", "data:")
    page.on("request", lambda request: request.url.startswith(own) or problems.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{address}{path}")
    page.get_by_text(ready).first.wait_for()
    yield page
    context.close()
    assert problems == []


@pytest.fixture(scope="module")
def address():
    with serving(build(make=make)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--use-fake-device-for-media-stream"]
    with browsers.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*flags, "--use-fake-ui-for-media-stream"])
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


def choose(page, *paths):
    page.locator("#files").set_input_files([str(path) for path in paths])


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


def test_all_controls_are_reachable_by_keyboard(page):
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
    page.get_by_text("1 face").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select')].filter(e => !(e.getAttribute('aria-label')"
        " || e.textContent.trim() || e.labels?.length)).map(e => e.id)"
    )
    assert nameless == []
    screenshot(page, f"try-{size['width']}")


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


def selected_position(page):
    """Return the position of the selected point on the screen, found by its black ring."""
    values = pixels(page, "correct-canvas").astype(int)
    rows, columns = np.nonzero((values[..., :3].sum(-1) < 8) & (values[..., 3] == 255))
    box = page.locator("#correct-canvas").bounding_box()
    return box["x"] + (columns.min() + columns.max()) / 2, box["y"] + (rows.min() + rows.max()) / 2


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_points_are_dragged_undone_and_saved(correct_page, folder, size):

    correct_page.set_viewport_size(size)
    before = parse_pts((folder / "a.pts").read_text())
    correct_page.locator("#correct-canvas").focus()
    for _ in range(31):
        correct_page.keyboard.press("n")
    assert "Point 30, " in correct_page.locator("#selected-point").inner_text()
    correct_page.keyboard.press("ArrowRight")
    correct_page.keyboard.press("ArrowRight")
    correct_page.keyboard.press("Control+z")
    correct_page.keyboard.press("Control+z")
    correct_page.keyboard.press("Control+y")
    x, y = selected_position(correct_page)
    screenshot(correct_page, f"correct-{size['width']}")
    correct_page.mouse.move(x, y)
    correct_page.mouse.down()
    correct_page.mouse.move(x, y + 60, steps=5)
    correct_page.mouse.up()
    correct_page.locator("#save").click()
    correct_page.get_by_text("1 of 2 faces done").wait_for()
    after = parse_pts((folder / "a.pts").read_text())
    moved = np.linalg.norm(after - before, axis=1)
    assert np.flatnonzero(moved > 0.01).tolist() == [30]
    assert after[30, 0] - before[30, 0] == pytest.approx(1.0, abs=1.5)
    assert after[30, 1] > before[30, 1] + 5
    assert parse_pts((folder / "a.pts.orig").read_text()) == pytest.approx(before)


def test_mirrored_edit_moves_both_sides(correct_page, folder):

    before = parse_pts((folder / "a.pts").read_text())
    correct_page.locator("#correct-canvas").focus()
    correct_page.keyboard.press("m")
    for _ in range(37):
        correct_page.keyboard.press("n")
    for _ in range(4):
        correct_page.keyboard.press("ArrowLeft")
    correct_page.keyboard.press("s")
    correct_page.get_by_text("1 of 2 faces done").wait_for()
    moved = parse_pts((folder / "a.pts").read_text()) - before
    assert np.flatnonzero(np.linalg.norm(moved, axis=1) > 0.01).tolist() == [36, 45]
    assert moved[36, 0] == pytest.approx(-4, abs=0.01)
    assert moved[45, 0] == pytest.approx(4, abs=0.3)


def test_unlabeled_image_starts_with_the_prediction(correct_page, folder):
    correct_page.get_by_role("button", name="b.png").click()
    correct_page.get_by_text("not labeled yet").wait_for()
    correct_page.locator("#save").click()
    correct_page.get_by_text("1 of 2 faces done").wait_for()
    assert (folder / "b.pts").exists()
    assert not (folder / "b.pts.orig").exists()


def test_labels_changed_elsewhere_are_not_overwritten(correct_page, folder):
    lines = (folder / "a.pts").read_text().split("\n")
    lines[3] = "1.5 2.5"
    (folder / "a.pts").write_text("\n".join(lines))
    correct_page.locator("#save").click()
    correct_page.locator("#status.error").wait_for()
    assert "have changed" in correct_page.locator("#status").inner_text()
    correct_page.locator("#album button", has_text="a.png").click()
    correct_page.get_by_text("a.png: labeled").wait_for()
    correct_page.locator("#save").click()
    correct_page.get_by_text("1 of 2 faces done").wait_for()


def test_tap_selects_a_point_without_moving_it(correct_page):
    correct_page.locator("#correct-canvas").focus()
    for _ in range(31):
        correct_page.keyboard.press("n")
    where = correct_page.locator("#selected-point").inner_text()
    x, y = selected_position(correct_page)
    correct_page.mouse.move(x + 5, y + 4)
    correct_page.mouse.down()
    correct_page.mouse.move(x + 6, y + 5)
    correct_page.mouse.up()
    assert correct_page.locator("#selected-point").inner_text() == where
    assert correct_page.locator("#undo").is_disabled()


def test_unsaved_changes_are_kept_and_marked(correct_page):
    correct_page.locator("#correct-canvas").focus()
    correct_page.keyboard.press("n")
    correct_page.keyboard.press("ArrowRight")
    moved = correct_page.locator("#selected-point").inner_text()
    correct_page.locator("#skip").click()
    correct_page.get_by_text("b.png: not labeled yet").wait_for()
    correct_page.get_by_role("button", name="a.png").filter(has_text="not saved").click()
    correct_page.get_by_text("with your unsaved changes").wait_for()
    correct_page.locator("#correct-canvas").focus()
    correct_page.keyboard.press("n")
    assert correct_page.locator("#selected-point").inner_text() == moved
    correct_page.keyboard.press("Control+z")
    assert correct_page.locator("#selected-point").inner_text() != moved


def test_held_key_saves_only_one_face(correct_page, folder):
    correct_page.locator("#correct-canvas").focus()
    for _ in range(6):
        correct_page.keyboard.down("s")  # all events but the first are repeats
    correct_page.keyboard.up("s")
    correct_page.get_by_text("b.png: not labeled yet").wait_for()
    correct_page.wait_for_timeout(500)
    assert not (folder / "b.pts").exists()
    assert "1 of 2 faces done" in correct_page.locator("#progress").inner_text()


def test_search_filters_the_list_by_name(correct_page):
    correct_page.locator("#search").fill("B.")
    assert correct_page.locator("#album button").count() == 1
    correct_page.locator("#album button").focus()
    correct_page.keyboard.press("Enter")
    correct_page.get_by_text("b.png: not labeled yet").wait_for()
    assert correct_page.evaluate("document.activeElement.textContent").startswith("b.png")


@pytest.mark.parametrize("skeleton", ["imm-58", "ibug-68"])
def test_mirrored_edit_is_symmetric_about_the_face(page, skeleton):
    """In an upright face, a step to the left mirrors to a step to the right, for any order of the points."""

    points, flip = render_face(5, 0, 0, skeleton).keypoints, load_skeleton(skeleton).flip
    k = next(k for k, other in enumerate(flip) if other != k)
    step = page.evaluate(
        "async ([points, flip, k]) => { const { Edit } = await import('/pages/edit.js'); const edit = new Edit(points,"
        " flip); edit.mirrored = true; edit.moveBy(k, -4, 3); return [k, flip[k]].map((j) => [0, 1].map((axis) =>"
        " edit.keypoints[j][axis] - points[j][axis])); }",
        [points.tolist(), list(flip), k],
    )
    assert step[0] == pytest.approx([-4, 3])
    assert step[1] == pytest.approx([4, 3], abs=0.8)


def test_hidden_point_can_be_shown_again(page):
    places = page.evaluate(
        "async () => { const { Edit } = await import('/pages/edit.js'); const edit = new Edit([null, null, [1, 2]],"
        " null, [[7, 8], null, null]); for (const k of [0, 1, 2, 2]) edit.toggleHidden(k, [5, 6]);"
        " return edit.keypoints; }"
    )
    assert places == [[7, 8], [5, 6], [1, 2]]


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


def test_camera_stops_when_the_page_is_left(page):
    page.locator("#camera").click()
    page.get_by_text("camera: ").wait_for()
    page.locator("#tab-match").click()
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"
    page.locator("#file-a").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a diary"})
    page.get_by_text("a.txt: this browser cannot display this image").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_passes_axe_and_fits_a_phone(correct_page, scheme):
    """Check the rules of axe for WCAG 2.1 AA, and that no page is wider than a phone."""
    from axe_playwright_python.sync_playwright import Axe

    correct_page.emulate_media(color_scheme=scheme)
    for name in ("try", "match", "correct", "train"):
        correct_page.locator(f"#tab-{name}").click()
        correct_page.set_viewport_size(DESKTOP)
        correct_page.wait_for_timeout(100)
        found = Axe().run(correct_page, options={"runOnly": AXE_RULES})
        assert found.violations_count == 0, found.generate_report()
        correct_page.set_viewport_size(PHONE)
        assert correct_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        screenshot(correct_page, f"{name}-{scheme}-390")


def test_api_documentation_fits_a_phone(browser, address):
    with opened(browser, address, "docs", "POST /v1/predict") as page:
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_api_documentation_shows_the_fields_of_every_answer(browser, address):
    with opened(browser, address, "docs", "POST /v1/predict") as page:
        openapi = json.loads(page.request.get(f"{address}openapi.json").text())
        text = page.locator("#operations").inner_text()
        count = sum(len(methods) for methods in openapi["paths"].values())
        assert text.count("Answer: ") == count
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        text = page.locator("#operations").inner_text()
        for name in ("Faces", "Face", "Ellipses", "MatchResult", "ModelInfo", "Health"):
            for field, about in openapi["components"]["schemas"][name]["properties"].items():
                assert field in text, (name, field)
                assert about.get("description", "") in text, (name, field)
        assert "error: string" in text


def test_training_is_started_stopped_and_resumed(correct_page, folder, monkeypatch):
    """Start, watch the curve, stop, open the report, resume and stop again."""
    pytest.importorskip("pytorch_lightning")

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for k in range(2, 6):
        face = render_face(5, k, 0, "ibug-68")
        images.write(folder / f"{k}.png", face.image)
        lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
        (folder / f"{k}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    state, wait = correct_page.locator("#train-state"), {"timeout": 120_000}
    correct_page.locator("#tab-train").click()
    correct_page.get_by_text("No training yet.").wait_for()
    assert correct_page.locator("#train-resume").is_disabled()
    correct_page.locator("#minutes").fill("60")
    correct_page.locator("#train-start").click()
    correct_page.locator("#curve[aria-label^='Validation error']").wait_for(**wait)
    assert "left" in correct_page.locator("#train-time").inner_text()
    screenshot(correct_page, "train")
    correct_page.locator("#train-stop").click()
    state.get_by_text("Stopped").wait_for(**wait)
    with correct_page.context.expect_page() as report:
        correct_page.locator("#train-report").click()
    report.value.get_by_role("heading").first.wait_for()
    report.value.close()
    before = correct_page.locator("#train-time").inner_text()
    correct_page.locator("#train-resume").click()
    state.get_by_text("Training").wait_for(**wait)
    changed = "(before) => document.getElementById('train-time').innerText > before"
    correct_page.wait_for_function(changed, arg=before, **wait)
    correct_page.locator("#train-stop").click()
    state.get_by_text("Stopped").wait_for(**wait)


def test_last_image_can_be_saved_repeatedly(correct_page, folder):
    """The user's own saves must not count as changes by somebody else."""

    def move_and_save():
        correct_page.locator("#correct-canvas").focus()
        correct_page.keyboard.press("n")
        correct_page.keyboard.press("ArrowRight")
        correct_page.locator("#save").click()

    move_and_save()
    correct_page.get_by_text("b.png: not labeled yet").wait_for()
    versions = set()
    for times in (1, 2, 3):
        move_and_save()
        end = time.monotonic() + 20
        while len(versions) < times:
            assert time.monotonic() < end, correct_page.locator("#status").inner_text()
            correct_page.wait_for_timeout(50)
            versions |= {(folder / "b.pts").read_text()} if (folder / "b.pts").exists() else set()
    correct_page.wait_for_function("() => !document.getElementById('save').disabled")
    assert "changed" not in correct_page.locator("#status").inner_text()
    assert "not saved" not in correct_page.locator("#album").inner_text()


def test_most_uncertain_images_come_first(correct_page):
    """The list is sorted by uncertainty while the server scans the images."""
    correct_page.wait_for_function(
        "() => [...document.querySelectorAll('#album button')].every((each) => each.innerText.includes('%'))"
    )
    lines = correct_page.locator("#album button").all_inner_texts()
    uncertainties = [float(line.split("·")[1].split("%")[0]) for line in lines]
    assert uncertainties == sorted(uncertainties, reverse=True)
    assert uncertainties[0] > uncertainties[-1]


def test_face_is_corrected_by_keyboard_alone(correct_page, folder):

    before = parse_pts((folder / "a.pts").read_text())

    def tab_to(name):
        for _ in range(30):
            correct_page.keyboard.press("Tab")
            if correct_page.evaluate("document.activeElement.id") == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    correct_page.reload()
    correct_page.get_by_text("Ready.").wait_for()
    tab_to("tab-try")
    correct_page.keyboard.press("ArrowRight")
    correct_page.keyboard.press("ArrowRight")
    assert correct_page.evaluate("document.activeElement.id") == "tab-correct"
    correct_page.locator("#album button").first.wait_for()
    tab_to("search")
    correct_page.keyboard.type("a.png")
    correct_page.keyboard.press("Tab")
    correct_page.keyboard.press("Enter")
    correct_page.get_by_text("a.png: labeled").wait_for()
    tab_to("tab-correct")
    tab_to("correct-canvas")
    correct_page.keyboard.press("n")
    correct_page.keyboard.press("Shift+ArrowRight")
    correct_page.keyboard.press("s")
    correct_page.get_by_text("1 of 2 faces done").wait_for()
    moved = parse_pts((folder / "a.pts").read_text()) - before
    assert moved[0] == pytest.approx([0.1, 0], abs=0.002)
    assert np.abs(moved[1:]).max() < 0.002
