"""The page in a real browser: pictures dropped, points seen, zoomed, downloaded; by mouse, by keyboard, on a phone.

Set NASION_SCREENSHOTS to a folder to keep pictures of what was seen.
"""

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
from skimage import data

from nasion import images
from nasion.detect.yunet import Detection
from nasion.predict.model_zoo import resolve
from nasion.predict.onnx_backend import OnnxBackend
from nasion.predict.predictor import Predictor
from nasion.studio import build

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browsers = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
uvicorn = pytest.importorskip("uvicorn")
if not CHROMIUM:
    pytest.skip("no Chromium is installed", allow_module_level=True)

FACE = Detection(np.array([176.0, 95, 275, 180]), 0.9)
PHONE = {"width": 390, "height": 844}


def make(name):
    return Predictor(OnnxBackend(resolve(name), threads=1), lambda image: [FACE] if image.std() > 5 else [])


@contextmanager
def serving(app):
    """Run a server; give its address."""
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
    """Open a fresh page; whatever it logs as an error, or asks of another place, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith((address, "blob:", "data:")) or wrong.append(asked.url))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None)
    page.goto(f"{address}{path}")
    page.get_by_text(ready).first.wait_for()
    yield page
    context.close()
    assert wrong == []


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
    path = tmp_path_factory.mktemp("pictures") / "astronaut.png"
    images.write(path, data.astronaut())
    return path


def shot(page, name):
    if os.environ.get("NASION_SCREENSHOTS"):
        page.screenshot(path=Path(os.environ["NASION_SCREENSHOTS"]) / f"{name}.png")


def canvas(page):
    """Return the picture's canvas as an array (H, W, 4)."""
    values = page.evaluate(
        "() => { const c = document.getElementById('canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width,"
        " c.height); return [c.height, c.width, Array.from(d.data)]; }"
    )
    return np.array(values[2], np.uint8).reshape(values[0], values[1], 4)


def blue(page):
    """Return how many px of the canvas have the color of a found point."""
    return int((np.abs(canvas(page)[..., :3].astype(int) - [30, 120, 255]).sum(-1) < 12).sum())


def choose(page, *paths):
    page.locator("#files").set_input_files([str(path) for path in paths])


def test_a_chosen_picture_shows_its_points(page, astronaut):
    page.locator("#show-regions").uncheck()
    choose(page, astronaut)
    page.get_by_text("astronaut.png: 1 face").wait_for()
    assert blue(page) > 150
    assert "1 face" in page.locator("#canvas").get_attribute("aria-label")
    page.locator("#show-regions").check()
    page.locator("#show-spread").check()
    shot(page, "try")
    for name in ("points", "lines", "spread"):
        page.locator(f"#show-{name}").uncheck()
    assert blue(page) < 30


def test_dropped_and_pasted_pictures_too(page, astronaut):
    content = list(astronaut.read_bytes())
    make_files = (
        "(content) => { const files = new DataTransfer();"
        " files.items.add(new File([new Uint8Array(content)], 'dropped.png', {type: 'image/png'})); return files; }"
    )
    files = page.evaluate_handle(make_files, content)
    page.locator("#drop").dispatch_event("drop", {"dataTransfer": files})
    page.get_by_text("dropped.png: 1 face").wait_for()
    page.evaluate(
        "(files) => document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: files}))",
        page.evaluate_handle(make_files.replace("dropped", "pasted"), content),
    )
    page.get_by_text("pasted.png: 1 face").wait_for()
    assert page.locator("#strip button").count() == 2


def test_zoom_and_move_by_wheel_drag_and_keys(page, astronaut):
    choose(page, astronaut)
    page.get_by_text("1 face").wait_for()
    whole = canvas(page)
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.mouse.wheel(0, -300)
    zoomed = canvas(page)
    assert not np.array_equal(zoomed, whole)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 100, steps=4)
    page.mouse.up()
    assert not np.array_equal(canvas(page), zoomed)
    page.locator("#canvas").focus()
    page.keyboard.press("0")
    assert np.array_equal(canvas(page), whole)
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    assert not np.array_equal(canvas(page), whole)


def test_downloads_hold_the_points(page, astronaut, tmp_path):
    choose(page, astronaut)
    page.get_by_text("1 face").wait_for()
    expected = make("default")(data.astronaut())[0].keypoints
    saved = {}
    for name in ("json", "csv", "pts", "picture"):
        with page.expect_download() as download:
            page.locator(f"#save-{name}").click()
        saved[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[name])
    table = json.loads(saved["json"].read_text())
    assert np.array(table[0]["faces"][0]["keypoints"]) == pytest.approx(expected, abs=0.01)
    row = saved["csv"].read_text().splitlines()[1].split(",")
    assert row[0] == "astronaut.png"
    assert np.array(row[3:], float).reshape(68, 2) == pytest.approx(expected, abs=0.01)
    from nasion.datasets.formats.ibug import parse_pts

    assert saved["pts"].name == "astronaut.pts"
    assert parse_pts(saved["pts"].read_text()) - 1 == pytest.approx(expected, abs=0.01)
    assert images.read(saved["picture"]).shape == (512, 512, 3)


def test_a_truth_that_is_dropped_with_its_picture_shows(page, astronaut, tmp_path):
    points = make("default")(data.astronaut())[0].keypoints + 3
    lines = "".join(f"{x + 1} {y + 1}\n" for x, y in points)
    (tmp_path / "astronaut.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    choose(page, astronaut, tmp_path / "astronaut.pts")
    page.get_by_text("1 face").wait_for()

    def orange():
        return int((np.abs(canvas(page)[..., :3].astype(int) - [255, 140, 0]).sum(-1) < 12).sum())

    with_truth = orange()
    page.locator("#show-truth").uncheck()
    assert with_truth > orange() + 200
    (tmp_path / "bad.pts").write_text("a diary")
    choose(page, tmp_path / "bad.pts")
    page.get_by_text("not pairs of numbers").wait_for()


def test_names_of_files_are_text_and_nothing_else(page, astronaut, tmp_path):
    name = '<img src=x onerror="document.title=1">.png'
    (tmp_path / name).write_bytes(astronaut.read_bytes())
    choose(page, tmp_path / name)
    page.get_by_text("1 face").wait_for()
    assert page.title() == "nasion studio"
    assert name in page.locator("#status").inner_text()


def test_what_is_no_picture_is_one_line(page, tmp_path):
    (tmp_path / "diary.png").write_text("a diary")
    choose(page, tmp_path / "diary.png")
    page.locator("#status.bad").wait_for()
    assert "diary.png" in page.locator("#status").inner_text()
    images.write(tmp_path / "gray.png", np.full((60, 80, 3), 90, np.uint8))
    choose(page, tmp_path / "gray.png")
    page.get_by_text("no face was found").wait_for()


def test_the_camera(page):
    page.locator("#camera").click()
    page.get_by_text("camera: ").wait_for()
    page.locator("#camera").click()
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"


def test_two_pictures_are_matched_and_morphed(page, astronaut, tmp_path):
    page.locator("#tab-match").click()
    page.locator("#file-a").set_input_files(str(astronaut))
    images.write(tmp_path / "other.png", np.clip(data.astronaut().astype(int) + 40, 0, 255).astype(np.uint8))
    page.locator("#file-b").set_input_files(str(tmp_path / "other.png"))
    page.get_by_text("Matched").wait_for()
    first = page.locator("#morph").get_attribute("src")
    page.locator("#share").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#morph").get_attribute("src") != first
    assert "68 points" in page.locator("#numbers").inner_text()
    shot(page, "match")


def test_by_keyboard_alone(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "tab-try"
    page.keyboard.press("ArrowRight")
    assert page.locator("#room-match").is_visible()
    assert page.evaluate("document.activeElement.id") == "tab-match"
    page.keyboard.press("ArrowLeft")
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"model", "canvas", "zoom-in", "files", "camera", "show-spread"} <= reached


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 800}])
def test_every_control_has_a_name_and_nothing_is_cut_off(page, astronaut, size):
    page.set_viewport_size(size)
    choose(page, astronaut)
    page.get_by_text("1 face").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select')].filter(e => !(e.getAttribute('aria-label')"
        " || e.textContent.trim() || e.labels?.length)).map(e => e.id)"
    )
    assert nameless == []
    shot(page, f"try-{size['width']}")


@pytest.fixture
def folder(tmp_path):
    """Two drawn pictures: one labeled, one not."""
    from nasion.datasets.drawn import draw_face

    for k in range(2):
        face = draw_face(5, k, 0, "ibug-68")
        images.write(tmp_path / "faces" / f"{'ab'[k]}.png", face.image)
    face = draw_face(5, 0, 0, "ibug-68")
    lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
    (tmp_path / "faces" / "a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    return tmp_path / "faces"


@pytest.fixture
def desk(browser, folder):
    """A page on a server of its own, with a folder open, in the room where it is corrected."""
    from nasion.skeleton import load_skeleton
    from nasion.studio import open_album

    def finds(image):
        height, width = image.shape[:2]
        return [Detection(np.array([0.25 * width, 0.2 * height, 0.75 * width, 0.9 * height]), 0.9)]

    def predictor(name):
        return Predictor(OnnxBackend(resolve(name), threads=1), finds)

    app = build(make=predictor, album=open_album(str(folder), load_skeleton("ibug-68")))
    with serving(app) as address, opened(browser, address) as page:
        page.locator("#tab-correct").click()
        page.get_by_role("button", name="a.png").click()
        page.get_by_text("a.png: labeled").wait_for()
        yield page


def ring(page):
    """Return where on the screen the chosen point is: its ring is black."""
    values = page.evaluate(
        "() => { const c = document.getElementById('sheet'); const d = c.getContext('2d').getImageData(0, 0, c.width,"
        " c.height); return [c.height, c.width, Array.from(d.data)]; }"
    )
    pixels = np.array(values[2], np.uint8).reshape(values[0], values[1], 4).astype(int)
    rows, columns = np.nonzero((pixels[..., :3].sum(-1) < 8) & (pixels[..., 3] == 255))
    box = page.locator("#sheet").bounding_box()
    return box["x"] + (columns.min() + columns.max()) / 2, box["y"] + (rows.min() + rows.max()) / 2


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 800}])
def test_points_are_dragged_undone_and_saved(desk, folder, size):
    from nasion.datasets.formats.ibug import parse_pts

    desk.set_viewport_size(size)
    before = parse_pts((folder / "a.pts").read_text())
    desk.locator("#sheet").focus()
    for _ in range(31):
        desk.keyboard.press("n")
    assert "Point 30, " in desk.locator("#point").inner_text()
    desk.keyboard.press("ArrowRight")
    desk.keyboard.press("ArrowRight")
    desk.keyboard.press("Control+z")
    desk.keyboard.press("Control+z")
    desk.keyboard.press("Control+y")
    x, y = ring(desk)
    shot(desk, f"correct-{size['width']}")
    desk.mouse.move(x, y)
    desk.mouse.down()
    desk.mouse.move(x, y + 60, steps=5)
    desk.mouse.up()
    desk.locator("#save").click()
    desk.get_by_text("1 of 2 are done").wait_for()
    after = parse_pts((folder / "a.pts").read_text())
    moved = np.linalg.norm(after - before, axis=1)
    assert np.flatnonzero(moved > 0.01).tolist() == [30]
    assert after[30, 0] - before[30, 0] == pytest.approx(1.0, abs=1.5)
    assert after[30, 1] > before[30, 1] + 5
    assert parse_pts((folder / "a.pts.orig").read_text()) == pytest.approx(before)


def test_a_mirrored_edit_moves_both_sides(desk, folder):
    from nasion.datasets.formats.ibug import parse_pts

    before = parse_pts((folder / "a.pts").read_text())
    desk.locator("#sheet").focus()
    desk.keyboard.press("m")
    for _ in range(37):
        desk.keyboard.press("n")
    for _ in range(4):
        desk.keyboard.press("ArrowLeft")
    desk.keyboard.press("s")
    desk.get_by_text("1 of 2 are done").wait_for()
    moved = parse_pts((folder / "a.pts").read_text()) - before
    assert np.flatnonzero(np.linalg.norm(moved, axis=1) > 0.01).tolist() == [36, 45]
    assert moved[36, 0] == pytest.approx(-4, abs=0.01)
    assert moved[45, 0] == pytest.approx(4, abs=0.3)


def test_an_unlabeled_picture_starts_with_the_models_points(desk, folder):
    desk.get_by_role("button", name="b.png").click()
    desk.get_by_text("not labeled yet").wait_for()
    desk.locator("#save").click()
    desk.get_by_text("1 of 2 are done").wait_for()
    assert (folder / "b.pts").exists()
    assert not (folder / "b.pts.orig").exists()


def test_a_second_window_is_told(desk, folder):
    lines = (folder / "a.pts").read_text().split("\n")
    lines[3] = "1.5 2.5"
    (folder / "a.pts").write_text("\n".join(lines))
    desk.locator("#save").click()
    desk.locator("#status.bad").wait_for()
    assert "have been changed" in desk.locator("#status").inner_text()
    desk.locator("#album button", has_text="a.png").click()
    desk.get_by_text("a.png: labeled").wait_for()
    desk.locator("#save").click()
    desk.get_by_text("1 of 2 are done").wait_for()


def test_a_tap_chooses_a_point_and_moves_nothing(desk):
    desk.locator("#sheet").focus()
    for _ in range(31):
        desk.keyboard.press("n")
    where = desk.locator("#point").inner_text()
    x, y = ring(desk)
    desk.mouse.move(x + 5, y + 4)
    desk.mouse.down()
    desk.mouse.move(x + 6, y + 5)
    desk.mouse.up()
    assert desk.locator("#point").inner_text() == where
    assert desk.locator("#undo").is_disabled()


def test_changes_that_are_not_saved_are_kept_and_shown(desk):
    desk.locator("#sheet").focus()
    desk.keyboard.press("n")
    desk.keyboard.press("ArrowRight")
    moved = desk.locator("#point").inner_text()
    desk.locator("#skip").click()
    desk.get_by_text("b.png: not labeled yet").wait_for()
    desk.get_by_role("button", name="a.png").filter(has_text="not saved").click()
    desk.get_by_text("with your changes").wait_for()
    desk.locator("#sheet").focus()
    desk.keyboard.press("n")
    assert desk.locator("#point").inner_text() == moved
    desk.keyboard.press("Control+z")
    assert desk.locator("#point").inner_text() != moved


def test_a_key_that_is_held_down_saves_one_face(desk, folder):
    desk.locator("#sheet").focus()
    for _ in range(6):
        desk.keyboard.down("s")  # all but the first are repeats
    desk.keyboard.up("s")
    desk.get_by_text("b.png: not labeled yet").wait_for()
    desk.wait_for_timeout(500)
    assert not (folder / "b.pts").exists()
    assert "1 of 2 are done" in desk.locator("#progress").inner_text()


def test_a_picture_is_found_by_its_name(desk):
    desk.locator("#find").fill("B.")
    assert desk.locator("#album button").count() == 1
    desk.locator("#album button").focus()
    desk.keyboard.press("Enter")
    desk.get_by_text("b.png: not labeled yet").wait_for()
    assert desk.evaluate("document.activeElement.textContent").startswith("b.png")


@pytest.mark.parametrize("skeleton", ["imm-58", "ibug-68"])
def test_a_mirrored_edit_is_across_the_face(page, skeleton):
    """Of an upright face, a step to the left is one to the right on the other side, whatever the points' order."""
    from nasion.datasets.drawn import draw_face
    from nasion.skeleton import load_skeleton

    points, flip = draw_face(5, 0, 0, skeleton).keypoints, load_skeleton(skeleton).flip
    k = next(k for k, other in enumerate(flip) if other != k)
    step = page.evaluate(
        "async ([points, flip, k]) => { const { Edit } = await import('/pages/edit.js'); const edit = new Edit(points,"
        " flip); edit.mirrored = true; edit.moveBy(k, -4, 3); return [k, flip[k]].map((j) => [0, 1].map((axis) =>"
        " edit.keypoints[j][axis] - points[j][axis])); }",
        [points.tolist(), list(flip), k],
    )
    assert step[0] == pytest.approx([-4, 3])
    assert step[1] == pytest.approx([4, 3], abs=0.8)


def test_a_point_that_is_missing_can_be_placed(page):
    places = page.evaluate(
        "async () => { const { Edit } = await import('/pages/edit.js'); const edit = new Edit([null, null, [1, 2]],"
        " null, [[7, 8], null, null]); for (const k of [0, 1, 2, 2]) edit.toggle(k, [5, 6]); return edit.keypoints; }"
    )
    assert places == [[7, 8], [5, 6], [1, 2]]


def test_an_annotation_that_is_none_is_one_line(page, astronaut, tmp_path):
    choose(page, astronaut)
    page.get_by_text("1 face").wait_for()
    (tmp_path / "flat.json").write_text('[{"faces": [{"keypoints": [1, 2, 3]}]}]')
    choose(page, tmp_path / "flat.json")
    page.get_by_text("flat.json: no faces of astronaut.png").wait_for()
    two = [{"image": name, "faces": [{"keypoints": [[k, k]]}]} for k, name in enumerate(["other.png", "astronaut.png"])]
    (tmp_path / "two.json").write_text(json.dumps(two))
    choose(page, tmp_path / "two.json")
    page.wait_for_function("!document.getElementById('show-truth').disabled")


def test_the_camera_ends_with_its_room(page):
    page.locator("#camera").click()
    page.get_by_text("camera: ").wait_for()
    page.locator("#tab-match").click()
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"
    page.locator("#file-a").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a diary"})
    page.get_by_text("a.txt: this browser cannot show it").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_roles_and_contrast_in_every_room(desk, scheme):
    """By axe's rules for WCAG 2.1 AA; and on a phone no room is wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    desk.emulate_media(color_scheme=scheme)
    for room in ("try", "match", "correct", "train"):
        desk.locator(f"#tab-{room}").click()
        desk.set_viewport_size({"width": 1280, "height": 800})
        desk.wait_for_timeout(100)
        found = Axe().run(desk, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
        assert found.violations_count == 0, found.generate_report()
        desk.set_viewport_size(PHONE)
        assert desk.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), room
        shot(desk, f"{room}-{scheme}-390")


def test_what_programs_can_ask(browser, address):
    with opened(browser, address, "docs", "POST /v1/predict") as page:
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_training_from_the_page(desk, folder, monkeypatch):
    """Start, watch its curve, stop, look at its report, go on, leave; the run is there when the studio comes back."""
    pytest.importorskip("pytorch_lightning")
    from nasion.datasets.drawn import draw_face

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for k in range(2, 6):
        face = draw_face(5, k, 0, "ibug-68")
        images.write(folder / f"{k}.png", face.image)
        lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
        (folder / f"{k}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    state, wait = desk.locator("#train-state"), {"timeout": 120_000}
    desk.locator("#tab-train").click()
    desk.get_by_text("No training yet.").wait_for()
    assert desk.locator("#train-on").is_disabled()
    desk.locator("#minutes").fill("60")
    desk.locator("#train-start").click()
    desk.locator("#curve[aria-label^='Validation error']").wait_for(**wait)
    assert "left" in desk.locator("#train-time").inner_text()
    shot(desk, "train")
    desk.locator("#train-stop").click()
    state.get_by_text("Stopped").wait_for(**wait)
    with desk.context.expect_page() as report:
        desk.locator("#train-report").click()
    report.value.get_by_role("heading").first.wait_for()
    report.value.close()
    before = desk.locator("#train-time").inner_text()
    desk.locator("#train-on").click()
    state.get_by_text("TrainingProcess").wait_for(**wait)
    desk.wait_for_function("(before) => document.getElementById('train-time').innerText > before", arg=before, **wait)
    desk.locator("#train-stop").click()
    state.get_by_text("Stopped").wait_for(**wait)


def test_the_last_picture_can_be_saved_twice(desk, folder):
    """The page knows what it has saved itself: nobody else has changed it."""

    def move_and_save():
        desk.locator("#sheet").focus()
        desk.keyboard.press("n")
        desk.keyboard.press("ArrowRight")
        desk.locator("#save").click()

    move_and_save()
    desk.get_by_text("b.png: not labeled yet").wait_for()
    versions = set()
    for times in (1, 2, 3):
        move_and_save()
        end = time.monotonic() + 20
        while len(versions) < times:
            assert time.monotonic() < end, desk.locator("#status").inner_text()
            desk.wait_for_timeout(50)
            versions |= {(folder / "b.pts").read_text()} if (folder / "b.pts").exists() else set()
    desk.wait_for_function("() => !document.getElementById('save').disabled")
    assert "changed" not in desk.locator("#status").inner_text()
    assert "not saved" not in desk.locator("#album").inner_text()


def test_the_most_uncertain_come_first(desk):
    """The list follows what the model finds out; what is done goes to its end."""
    desk.wait_for_function(
        "() => [...document.querySelectorAll('#album button')].every((each) => each.innerText.includes('%'))"
    )
    shares = [float(line.split("·")[1].split("%")[0]) for line in desk.locator("#album button").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


def test_a_face_is_corrected_by_keyboard_alone(desk, folder):
    from nasion.datasets.formats.ibug import parse_pts

    before = parse_pts((folder / "a.pts").read_text())

    def tab_to(name):
        for _ in range(30):
            desk.keyboard.press("Tab")
            if desk.evaluate("document.activeElement.id") == name:
                return
        raise AssertionError(f"the keyboard does not come to {name}")

    desk.reload()
    desk.get_by_text("Ready.").wait_for()
    tab_to("tab-try")
    desk.keyboard.press("ArrowRight")
    desk.keyboard.press("ArrowRight")
    assert desk.evaluate("document.activeElement.id") == "tab-correct"
    desk.locator("#album button").first.wait_for()
    tab_to("find")
    desk.keyboard.type("a.png")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    desk.get_by_text("a.png: labeled").wait_for()
    tab_to("tab-correct")
    tab_to("sheet")
    desk.keyboard.press("n")
    desk.keyboard.press("Shift+ArrowRight")
    desk.keyboard.press("s")
    desk.get_by_text("1 of 2 are done").wait_for()
    moved = parse_pts((folder / "a.pts").read_text()) - before
    assert moved[0] == pytest.approx([0.1, 0], abs=0.002)
    assert np.abs(moved[1:]).max() < 0.002
