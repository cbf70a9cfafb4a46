"""The tab "Correct" on a folder with .pts files, which are corrected in place."""

import time

import numpy as np
import pytest

from browsing import DESKTOP, PHONE, pixels, screenshot, wait_for_status
from nasion import images
from nasion.datasets.drawn import render_face
from nasion.datasets.formats.ibug import parse_pts
from nasion.skeleton import load_skeleton

pytestmark = pytest.mark.slow


def selected_position(page):
    """Return the position of the selected point on the screen, found by its black ring."""
    values = pixels(page, "correct-canvas").astype(int)
    rows, columns = np.nonzero((values[..., :3].sum(-1) < 8) & (values[..., 3] == 255))
    box = page.locator("#correct-canvas").bounding_box()
    return box["x"] + (columns.min() + columns.max()) / 2, box["y"] + (rows.min() + rows.max()) / 2


def move_point(page):
    """Move the first point by 1 px to the right."""
    page.locator("#correct-canvas").focus()
    page.keyboard.press("n")
    page.keyboard.press("ArrowRight")


def wait_for_saved(page):
    page.wait_for_function("() => document.getElementById('image-state').innerText.endsWith('· saved')")


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
    correct_page.get_by_text("1 of 2 images done").wait_for()
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
    correct_page.get_by_text("1 of 2 images done").wait_for()
    moved = parse_pts((folder / "a.pts").read_text()) - before
    assert np.flatnonzero(np.linalg.norm(moved, axis=1) > 0.01).tolist() == [36, 45]
    assert moved[36, 0] == pytest.approx(-4, abs=0.01)
    assert moved[45, 0] == pytest.approx(4, abs=0.3)


def test_unlabeled_image_starts_with_the_prediction(correct_page, folder):
    correct_page.get_by_role("button", name="b.png").click()
    correct_page.get_by_text("not labeled yet").wait_for()
    correct_page.locator("#save").click()
    correct_page.get_by_text("1 of 2 images done").wait_for()
    assert (folder / "b.pts").exists()
    assert not (folder / "b.pts.orig").exists()


def test_labels_changed_elsewhere_are_not_overwritten(correct_page, folder):
    lines = (folder / "a.pts").read_text().split("\n")
    lines[3] = "1.5 2.5"
    (folder / "a.pts").write_text("\n".join(lines))
    before = (folder / "a.pts").read_text()
    correct_page.locator("#save").click()
    correct_page.get_by_text("a.png was changed in another window").wait_for()
    assert (folder / "a.pts").read_text() == before
    screenshot(correct_page, "correct-conflict")
    correct_page.locator("#conflict-theirs").click()
    correct_page.get_by_text("a.png: labeled").wait_for()
    correct_page.locator("#save").click()
    correct_page.get_by_text("1 of 2 images done").wait_for()
    assert (folder / "a.pts").read_text() == before


def test_own_changes_can_replace_those_of_another_window(correct_page, folder):
    before = parse_pts((folder / "a.pts").read_text())
    lines = (folder / "a.pts").read_text().split("\n")
    lines[3] = "1.5 2.5"
    (folder / "a.pts").write_text("\n".join(lines))
    move_point(correct_page)
    correct_page.get_by_text("a.png was changed in another window").wait_for()
    correct_page.locator("#conflict-mine").click()
    wait_for_saved(correct_page)
    assert parse_pts((folder / "a.pts").read_text())[0] == pytest.approx(before[0] + [1, 0], abs=0.002)


def test_tap_selects_a_point_without_moving_it(correct_page, folder):
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
    correct_page.wait_for_timeout(600)
    assert not (folder / "a.pts.orig").exists()


def test_changes_are_saved_without_a_click_and_can_be_undone_after_a_reload(correct_page, folder):
    before = parse_pts((folder / "a.pts").read_text())
    move_point(correct_page)
    wait_for_saved(correct_page)
    assert parse_pts((folder / "a.pts").read_text())[0] == pytest.approx(before[0] + [1, 0], abs=0.002)
    correct_page.reload()
    correct_page.locator("#album button", has_text="a.png").click()
    correct_page.get_by_text("a.png: labeled").wait_for()
    correct_page.locator("#undo").click()
    wait_for_saved(correct_page)
    assert parse_pts((folder / "a.pts").read_text()) == pytest.approx(before, abs=0.002)
    correct_page.locator("#redo").click()
    correct_page.wait_for_function("() => document.getElementById('image-state').innerText.endsWith('· saved')")
    assert parse_pts((folder / "a.pts").read_text())[0] == pytest.approx(before[0] + [1, 0], abs=0.002)


def test_held_key_saves_only_one_face(correct_page, folder):
    correct_page.locator("#correct-canvas").focus()
    for _ in range(6):
        correct_page.keyboard.down("s")  # all events but the first are repeats
    correct_page.keyboard.up("s")
    correct_page.get_by_text("b.png: not labeled yet").wait_for()
    correct_page.wait_for_timeout(500)
    assert not (folder / "b.pts").exists()
    assert "1 of 2 images done" in correct_page.locator("#progress").inner_text()


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
        "async ([points, flip, k]) => { const { Editor } = await import('/pages/correct/editor.js');"
        " const editor = new Editor([{ keypoints: points }], flip); editor.mirrored = true;"
        " editor.moveBy(0, k, -4, 3); return [k, flip[k]].map((j) => [0, 1].map((axis) =>"
        " editor.faces[0].keypoints[j][axis] - points[j][axis])); }",
        [points.tolist(), list(flip), k],
    )
    assert step[0] == pytest.approx([-4, 3])
    assert step[1] == pytest.approx([4, 3], abs=0.8)


def test_hidden_point_can_be_shown_again(page):
    places = page.evaluate(
        "async () => { const { Editor } = await import('/pages/correct/editor.js');"
        " const editor = new Editor([{ keypoints: [null, null, [1, 2]], model: [[7, 8], null, null] }], null);"
        " for (const k of [0, 1, 2, 2]) editor.toggleHidden(0, k, [5, 6]);"
        " return editor.faces[0].keypoints; }"
    )
    assert places == [[7, 8], [5, 6], [1, 2]]


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
    wait_for_saved(correct_page)
    assert correct_page.locator("#conflict-bar").is_hidden()


def test_most_uncertain_images_come_first(correct_page):
    """The list is sorted by uncertainty while the server scans the images."""
    correct_page.wait_for_function(
        "() => [...document.querySelectorAll('#album button')].every((each) => each.innerText.includes('%'))"
    )
    lines = correct_page.locator("#album button").all_inner_texts()
    uncertainties = [float(line.rpartition("·")[2].split("%")[0]) for line in lines]
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
    correct_page.locator("#album button").first.wait_for()
    tab_to("search")
    correct_page.keyboard.type("a.png")
    for _ in range(3):
        correct_page.keyboard.press("Tab")
    correct_page.keyboard.press("Enter")
    correct_page.get_by_text("a.png: labeled").wait_for()
    tab_to("tab-correct")
    tab_to("correct-canvas")
    correct_page.keyboard.press("n")
    correct_page.keyboard.press("Shift+ArrowRight")
    correct_page.keyboard.press("s")
    correct_page.get_by_text("1 of 2 images done").wait_for()
    moved = parse_pts((folder / "a.pts").read_text()) - before
    assert moved[0] == pytest.approx([0.1, 0], abs=0.002)
    assert np.abs(moved[1:]).max() < 0.002


def test_a_label_file_holds_one_face(browser, folder):
    """Two faces are found in each image: one of them is deleted before the other is accepted."""
    from browsing import opened, serving
    from nasion.detect import Detection
    from nasion.predict.backends.onnx_backend import OnnxBackend
    from nasion.predict.model_zoo import resolve
    from nasion.predict.predictor import Predictor
    from nasion.studio import build, open_album

    def detect(image):
        height, width = image.shape[:2]
        face = np.array([0.25 * width, 0.2 * height, 0.75 * width, 0.9 * height])
        return [Detection(face, 0.9), Detection(np.array([0, 0, 0.2 * width, 0.3 * height]), 0.8)]

    class Tolerant(Predictor):
        def _drop_non_faces(self, faces):
            return list(faces)

    app = build(
        make=lambda name: Tolerant(OnnxBackend(resolve(name), threads=1), detect),
        album=open_album(str(folder), load_skeleton("ibug-68")),
    )
    with serving(app) as address, opened(browser, address, "#correct", "Accept and next") as page:
        page.locator("#album button", has_text="b.png").click()
        page.get_by_text("2 suggested faces").wait_for()
        page.locator("#save").click()
        page.get_by_text(".pts files hold one face per image").wait_for()
        page.get_by_label("Delete face 1").click()
        wait_for_saved(page)
        assert (folder / "b.pts").is_file()
        page.locator("#album button", has_text="a.png").click()
        page.get_by_text("a.png: labeled").wait_for()
        page.locator("#no-face").click()
        page.locator("#status.error", has_text="points can be moved").wait_for()
    assert (folder / "a.pts").is_file()


def test_a_dark_image_is_brightened_with_a_click(correct_page, folder):
    images.write(folder / "dark.png", images.read(folder / "b.png") // 10)
    correct_page.reload()
    correct_page.get_by_role("button", name="dark.png").click()
    correct_page.get_by_text("dark.png: not labeled yet").wait_for()
    before = pixels(correct_page, "correct-canvas")[..., :3].mean()
    correct_page.get_by_role("button", name="Brighten").click()
    brightness = correct_page.locator("#brightness")
    assert float(brightness.input_value()) > 200
    assert pixels(correct_page, "correct-canvas")[..., :3].mean() > before + 20
    screenshot(correct_page, "correct-brightened")
    correct_page.get_by_role("button", name="a.png").click()
    correct_page.get_by_text("a.png: labeled").wait_for()
    assert not correct_page.locator("#brighten").is_visible()
    assert brightness.input_value() == "100"


def test_when_all_images_are_done_the_next_steps_are_offered(correct_page):
    assert correct_page.locator("#all-done").is_hidden()
    for done in (1, 2):
        correct_page.locator("#save").click()
        correct_page.get_by_text(f"{done} of 2 images done").wait_for()
    wait_for_status(correct_page, "All images are done.")
    screenshot(correct_page, "correct-all-done")
    assert "primary" not in correct_page.locator("#save").get_attribute("class")
    correct_page.locator("#done-export").click()
    correct_page.locator("#exchange-dialog").wait_for()
    correct_page.locator("#exchange-cancel").click()
    correct_page.locator("#done-train").click()
    correct_page.get_by_text("2 labeled (2 accepted)").wait_for()
