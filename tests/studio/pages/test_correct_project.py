"""The tab "Correct" on a folder without labels: several faces per image, the grid, folders, import and export."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from skimage import data

from browsing import DESKTOP, FACE, LARGE, PHONE, opened, screenshot, serving
from nasion import datasets, images
from nasion.datasets.folders import LABELS
from nasion.detect import Detection
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import build, open_album

pytestmark = pytest.mark.slow

SIDE = 512
"""Side of an image with one face, px; larger images are tiles of it."""


def detect(image):
    """Return the astronaut's face in every tile; an image of one color has none."""
    if image.std() < 5:
        return []
    rows, columns = image.shape[0] // SIDE, image.shape[1] // SIDE
    shifts = [np.tile([SIDE * column, SIDE * row], 2) for row in range(rows) for column in range(columns)]
    return [Detection(FACE.box + shift, 0.9 - 0.001 * k) for k, shift in enumerate(shifts)]


def make(name):
    return Predictor(OnnxBackend(resolve(name), threads=1), detect)


@pytest.fixture
def project(tmp_path):
    """Return a folder of images: one face, two faces, no face, unreadable; and beside it one that is empty."""
    place = tmp_path / "root" / "photos"
    images.write(place / "one.png", data.astronaut())
    images.write(place / "two.png", np.tile(data.astronaut(), (1, 2, 1)))
    images.write(place / "three.png", data.astronaut()[:, ::-1])
    images.write(place / "gray.png", np.full((60, 80, 3), 90, np.uint8))
    (place / "broken.jpg").write_bytes(b"not an image")
    (tmp_path / "root" / "empty").mkdir()
    (tmp_path / "root" / "out").symlink_to("/etc")
    return place


@pytest.fixture
def project_address(project):
    album = open_album(str(project), load_skeleton("ibug-68"))
    with serving(build(make=make, album=album, root=project.parent)) as address:
        yield address


@pytest.fixture
def project_page(browser, project_address):
    with opened(browser, project_address, "#correct", "Accept and next") as page:
        page.locator("#correct-faces-title", has_text="face").wait_for()
        yield page


def open_image(page, name):
    page.locator(f'#album button[title="{name}"]').click()
    page.get_by_text(f"{name}: ").wait_for()


def wait_for_saved(page):
    page.wait_for_function("() => document.getElementById('image-state').innerText.endsWith('· saved')")


def labels(project):
    """Return the faces of each image in the label file."""
    entries = json.loads((project / LABELS).read_text())["images"]
    return {entry["image"]: [face["keypoints"] for face in entry["faces"]] for entry in entries}


def to_screen(page, x, y, size):
    """Return where a pixel of an image of `size` (width, height) is on the screen, if the whole image is shown."""
    box = page.locator("#correct-canvas").bounding_box()
    scale = min(box["width"] / size[0], box["height"] / size[1])
    return (
        box["x"] + box["width"] / 2 + (x + 0.5 - size[0] / 2) * scale,
        box["y"] + box["height"] / 2 + (y + 0.5 - size[1] / 2) * scale,
    )


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


@pytest.mark.parametrize("size", [PHONE, DESKTOP, LARGE])
def test_all_faces_are_shown_deleted_and_added(project_page, project, size):
    project_page.set_viewport_size(size)
    open_image(project_page, "two.png")
    project_page.get_by_text("2 suggested faces").wait_for()
    screenshot(project_page, f"correct-faces-{size['width']}")
    project_page.get_by_label("Delete face 0").click()
    wait_for_saved(project_page)
    (kept,) = labels(project)["two.png"]
    assert np.mean([x for x, _ in kept]) > SIDE
    project_page.locator("#undo").click()
    project_page.get_by_text("2 faces", exact=True).wait_for()
    wait_for_saved(project_page)
    assert len(labels(project)["two.png"]) == 2
    project_page.get_by_label("Delete face 0").click()
    project_page.locator("#correct-zoom-fit").click()
    project_page.locator("#add-face").click()
    project_page.get_by_text("Drag a box around the face").first.wait_for()
    size_px = (2 * SIDE, SIDE)
    x0, y0, x1, y1 = FACE.box
    drag(project_page, to_screen(project_page, x0, y0, size_px), to_screen(project_page, x1, y1, size_px))
    project_page.get_by_text("2 faces", exact=True).wait_for()
    wait_for_saved(project_page)
    first, second = labels(project)["two.png"]
    assert np.mean([x for x, _ in second]) < SIDE < np.mean([x for x, _ in first])
    assert np.array(second) == pytest.approx(make("default")(data.astronaut())[0].keypoints, abs=6)


def test_a_point_is_dragged_by_touch(browser, project_address, project):
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{project_address}#correct")
    page.locator("#correct-faces-title", has_text="face").wait_for()
    page.locator('#album button[title="one.png"]').tap()
    page.get_by_text("one.png: ").wait_for()
    before = np.array(make("default")(data.astronaut())[0].keypoints)
    page.locator("#correct-zoom-fit").tap()
    x, y = to_screen(page, *before[8], (SIDE, SIDE))
    client = context.new_cdp_session(page)
    for kind, shift in (("touchStart", 0), ("touchMove", 10), ("touchMove", 20)):
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y + shift}]})
    screenshot(page, "correct-touch-390")
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("() => document.getElementById('image-state').innerText.endsWith('· saved')")
    (points,) = labels(project)["one.png"]
    moved = np.array(points) - before
    assert np.flatnonzero(np.abs(moved).max(1) > 3).tolist() == [8]
    height = page.locator("#correct-canvas").bounding_box()["height"]
    assert moved[8][1] == pytest.approx(20 * SIDE / min(height, PHONE["width"]), abs=4)
    context.close()


def test_no_face_is_recorded_and_unreadable_images_come_last(project_page, project):
    project_page.wait_for_function("() => document.getElementById('progress').innerText.includes('1 cannot be read')")
    project_page.wait_for_function("() => !document.getElementById('progress').innerText.includes('scanned')")
    texts = project_page.locator("#album li").all_inner_texts()
    names = [text.split("\n")[0] for text in texts]
    assert names[3:] == ["No face found", "gray.png", "Cannot be read", "broken.jpg"]
    assert project_page.locator("#status.error").count() == 0
    open_image(project_page, "gray.png")
    project_page.get_by_text("no face found; add a face, or choose “No face”").wait_for()
    assert project_page.locator(".actions .primary").inner_text() == "No face"
    project_page.locator("#correct-canvas").focus()
    project_page.keyboard.press("s")
    project_page.get_by_text("There is no face to accept").wait_for()
    project_page.keyboard.press("x")
    project_page.get_by_text("1 of 4 images done").wait_for()
    assert labels(project) == {"gray.png": []}
    project_page.wait_for_function("() => document.getElementById('image-name').innerText !== 'gray.png'")
    project_page.locator('[data-filter="no_face"]').click()
    assert project_page.locator("#album button").count() == 1
    screenshot(project_page, "correct-no-face")


def test_the_first_view_is_never_an_error(browser, project_address):
    with opened(browser, project_address, "#correct", "Accept and next") as page:
        page.locator("#correct-faces-title", has_text="suggested").wait_for()
        assert page.locator("#status.error").count() == 0


def test_many_images_are_accepted_in_the_grid_and_undone(project_page, project):
    project_page.wait_for_function("() => !document.getElementById('progress').innerText.includes('scanned')")
    project_page.keyboard.press("g")
    project_page.locator("#grid-all").click()
    assert project_page.locator("#grid-count").inner_text() == "5 of 5 selected"
    screenshot(project_page, "correct-grid")
    project_page.locator("#grid-accept").click()
    project_page.get_by_text("Accepted: 3 images. 2 left out").wait_for()
    assert sorted(labels(project)) == ["one.png", "three.png", "two.png"]
    project_page.locator('[data-filter="done"]').click()
    assert project_page.locator("#grid-items button").count() == 3
    project_page.locator("#grid-undo").click()
    project_page.get_by_text("Restored: 3 images").wait_for()
    assert labels(project) == {}
    project_page.locator('[data-filter="all"]').click()
    boxes = project_page.locator("#grid-items input")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    assert project_page.locator("#grid-count").inner_text() == "3 of 5 selected"
    project_page.locator("#grid-no-face").click()
    project_page.get_by_text("Marked as “No face”: 3 images").wait_for()
    assert set(map(len, labels(project).values())) == {0}
    project_page.keyboard.press("Escape")
    assert project_page.locator("#grid").is_hidden()


def test_another_folder_is_opened_and_links_that_leave_the_root_are_refused(project_page, project):
    images.write(project.parent / "more" / "deep" / "x.png", data.astronaut())
    project_page.locator("#open-folder").click()
    project_page.get_by_role("button", name="Folder above").click()
    project_page.get_by_text("out: a link that leads out").wait_for()
    screenshot(project_page, "correct-folders")
    project_page.get_by_role("button", name="more").click()
    project_page.locator("#folder-open").click()
    project_page.locator("#image-name", has_text="deep/x.png").wait_for()
    project_page.locator("#save").click()
    project_page.get_by_text("1 of 1 images done").wait_for()
    assert (project.parent / "more" / LABELS).is_file()
    assert not (project / LABELS).exists()
    project_page.locator("#open-folder").click()
    project_page.get_by_role("button", name="Folder above").click()
    project_page.get_by_role("button", name="empty").click()
    project_page.locator("#folder-open").click()
    project_page.get_by_text("There are no images in “empty”").wait_for()
    screenshot(project_page, "correct-empty-folder")


def test_two_tabs_on_one_folder_do_not_overwrite_each_other(browser, project_address, project_page, project):
    with opened(browser, project_address, "#correct", "Accept and next") as other:
        for page in (project_page, other):
            open_image(page, "one.png")
            page.locator("#correct-canvas").focus()
            page.keyboard.press("n")
        other.keyboard.press("ArrowRight")
        wait_for_saved(other)
        before = (project / LABELS).read_text()
        project_page.keyboard.press("ArrowLeft")
        project_page.get_by_text("one.png was changed in another window").wait_for()
        assert (project / LABELS).read_text() == before
        project_page.reload()
        open_image(project_page, "one.png")
        project_page.get_by_text("one.png was changed in another window").wait_for()
        project_page.locator("#conflict-mine").click()
        wait_for_saved(project_page)
    found = labels(project)["one.png"][0][0][0] - make("default")(data.astronaut())[0].keypoints[0][0]
    assert found == pytest.approx(-1, abs=0.01)


def test_a_full_disk_loses_nothing(project_page, project, monkeypatch):
    from nasion.errors import OutputError
    from nasion.studio.albums import label_file

    def full(path, _data):
        raise OutputError(f"cannot write {path}: No space left on device; choose another location")

    write = label_file.write_bytes
    monkeypatch.setattr(label_file, "write_bytes", full)
    open_image(project_page, "one.png")
    project_page.locator("#correct-canvas").focus()
    project_page.keyboard.press("n")
    project_page.keyboard.press("ArrowRight")
    project_page.get_by_text("one.png is not saved").wait_for()
    screenshot(project_page, "correct-full-disk")
    project_page.on("dialog", lambda dialog: dialog.accept())
    project_page.reload()
    assert not (project / LABELS).exists()
    monkeypatch.setattr(label_file, "write_bytes", write)
    open_image(project_page, "one.png")
    wait_for_saved(project_page)
    found = labels(project)["one.png"][0][0][0] - make("default")(data.astronaut())[0].keypoints[0][0]
    assert found == pytest.approx(1, abs=0.01)


def test_a_reload_in_the_middle_of_a_change_loses_nothing(project_page, project):
    open_image(project_page, "one.png")
    project_page.locator("#correct-canvas").focus()
    project_page.keyboard.press("n")
    project_page.on("dialog", lambda dialog: dialog.accept())
    project_page.keyboard.press("ArrowRight")
    project_page.reload()
    open_image(project_page, "one.png")
    wait_for_saved(project_page)
    found = labels(project)["one.png"][0][0][0] - make("default")(data.astronaut())[0].keypoints[0][0]
    assert found == pytest.approx(1, abs=0.01)
    assert project_page.locator("#conflict-bar").is_hidden()


def test_labels_are_exported_and_imported(project_page, project, tmp_path):
    open_image(project_page, "two.png")
    project_page.locator("#save").click()
    project_page.get_by_text("1 of ").first.wait_for()
    project_page.locator("#open-export").click()
    project_page.locator("#exchange-format").select_option("coco")
    screenshot(project_page, "correct-export")
    with project_page.expect_download() as download:
        project_page.locator("#exchange-run").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.name == "photos-coco.json"
    shutil.copy(saved, project / "coco.json")
    assert len(datasets.load(f"coco:{project / 'coco.json'}")) == 2
    project_page.locator("#exchange-format").select_option("ibug")
    with project_page.expect_download() as download:
        project_page.locator("#exchange-run").click()
    project_page.get_by_text("not stored in ibug: ").wait_for()
    download.value.save_as(tmp_path / "pts.zip")
    assert sorted(zipfile.ZipFile(tmp_path / "pts.zip").namelist()) == ["two.pts", "two_1.pts"]
    project_page.locator("#exchange-cancel").click()
    (project / LABELS).unlink()
    project_page.reload()
    project_page.locator("#correct-faces-title", has_text="face").wait_for()
    project_page.locator("#open-import").click()
    project_page.locator("#exchange-dialog").wait_for()
    assert project_page.locator("#exchange-run").is_disabled()
    project_page.locator("#exchange-file").set_input_files(str(saved))
    project_page.locator("#exchange-run").click()
    project_page.get_by_text("Imported 2 faces in 1 images").wait_for()
    assert len(labels(project)["two.png"]) == 2
    project_page.locator("#exchange-file").set_input_files({"name": "a.json", "mimeType": "", "buffer": b"a diary"})
    project_page.locator("#exchange-run").click()
    project_page.locator("#exchange-message.error").wait_for()


def test_shortcuts_brightness_numbers_and_names(project_page):
    from browsing import pixels

    open_image(project_page, "one.png")
    canvas = project_page.locator("#correct-canvas")
    canvas.focus()
    project_page.keyboard.press("?")
    project_page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    screenshot(project_page, "correct-shortcuts")
    project_page.keyboard.press("Escape")
    before = pixels(project_page, "correct-canvas")
    project_page.get_by_text("View", exact=True).click()
    project_page.locator("#brightness").fill("200")
    bright = pixels(project_page, "correct-canvas")
    assert bright[..., :3].mean() > before[..., :3].mean() + 10
    project_page.locator("#view-reset").click()
    project_page.locator("#names").click()
    assert not np.array_equal(pixels(project_page, "correct-canvas"), before)
    project_page.locator("#names").click()
    project_page.locator("#correct-zoom-fit").click()
    plain = pixels(project_page, "correct-canvas")
    x, y = to_screen(project_page, *make("default")(data.astronaut())[0].keypoints[8], (SIDE, SIDE))
    project_page.mouse.move(x, y)
    assert not np.array_equal(pixels(project_page, "correct-canvas"), plain)
    screenshot(project_page, "correct-hover")
    project_page.mouse.down()
    project_page.mouse.move(x + 9, y + 9, steps=3)
    screenshot(project_page, "correct-loupe")
    corner = pixels(project_page, "correct-canvas")[16:144, -144:-16, :3]
    project_page.mouse.up()
    assert not np.array_equal(corner, pixels(project_page, "correct-canvas")[16:144, -144:-16, :3])


def test_label_files_beside_the_images_become_a_project(correct_page, folder):
    before = (folder / "a.pts").read_text()
    assert correct_page.get_by_label("Delete face 0").is_disabled()
    correct_page.locator("#make-project").click()
    correct_page.get_by_text("The labels of 1 faces are now in nasion-labels.json").wait_for()
    correct_page.get_by_label("Delete face 0").click()
    wait_for_saved_or_todo = "() => !document.getElementById('image-state').innerText.includes('saving')"
    correct_page.wait_for_function(wait_for_saved_or_todo)
    assert labels(folder) == {}
    assert (folder / "a.pts").read_text() == before
