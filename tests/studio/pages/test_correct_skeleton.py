"""The tab "Correct" with points of one's own: a skeleton by clicking, labels, and a model trained on them."""

from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from browsing import FACE, PHONE, opened, screenshot, serving
from nasion import datasets, images
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import build
from nasion.studio.training_process import TrainingProcess

pytestmark = pytest.mark.slow

SIDE = 512
COUNT = 12
NAMES = ["right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner"]
PARTS = ["36-41", "42-47", "30", "48", "54"]
"""The points of ibug-68 whose mean is clicked for each name."""


class TrainedPredictor:
    """A model that was trained on the labels of a folder: it knows where they are."""

    uses_full_image = False

    def __init__(self, folder):
        self.skeleton = load_skeleton(str(folder / "five.toml"))
        self.found = Predictor(OnnxBackend(resolve("tiny"), threads=1), lambda _image: [FACE])
        self.backend = self.found.backend

    def predict_boxes(self, images, boxes, passes=None):
        from nasion.skeleton import index_list

        faces = self.found.predict_boxes(images, boxes)
        groups = [list(index_list(part)) for part in PARTS]
        return [
            replace(
                face,
                keypoints=np.stack([face.keypoints[group].mean(0) for group in groups]),
                spread=np.full(5, 2.0),
                anisotropy=np.zeros((5, 2)),
                hidden_probability=np.full(5, np.nan),
                skeleton=self.skeleton,
            )
            for face in faces
        ]

    def __call__(self, image):
        return self.predict_boxes([image], [FACE.box])


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "root" / "photos"
    for k in range(COUNT):
        image = np.clip(data.astronaut().astype(int) + 3 * k, 0, 255).astype(np.uint8)
        images.write(place / f"{k:02}.png", image)
    return tmp_path / "root"


@pytest.fixture
def page(browser, root):
    def make(name):
        if name.startswith("/"):
            return TrainedPredictor(root / "photos")
        return Predictor(OnnxBackend(resolve(name), threads=1), lambda _image: [FACE])

    with (
        serving(build(make=make, root=root)) as address,
        opened(browser, address, "#correct", "No folder is open") as page,
    ):
        yield page


def to_screen(page, point):
    box = page.locator("#correct-canvas").bounding_box()
    scale = min(box["width"], box["height"]) / SIDE
    return [
        box[low] + box[side] / 2 + (value + 0.5 - SIDE / 2) * scale
        for low, side, value in zip("xy", ("width", "height"), point, strict=True)
    ]


def five_points():
    from nasion.skeleton import index_list

    (face,) = Predictor(OnnxBackend(resolve("default"), threads=1), lambda _image: [FACE])(data.astronaut())
    return np.stack([face.keypoints[list(index_list(part))].mean(0) for part in PARTS])


def open_photos(page):
    page.locator("#empty-open").click()
    page.get_by_role("button", name="photos").click()
    page.locator("#folder-open").click()
    page.get_by_text("1 suggested face").wait_for()


def click_skeleton(page, points):
    page.locator("#make-skeleton").click()
    page.get_by_text("Click the first point").wait_for()
    page.wait_for_function("() => !document.getElementById('skeleton-form').hidden")
    page.wait_for_timeout(500)  # the names of places have arrived
    for k, point in enumerate(points):
        page.mouse.click(*to_screen(page, point))
        page.locator(f"#point-name-{k}").wait_for()
    page.locator("#skeleton-name").fill("five")


def test_a_skeleton_is_clicked_labeled_and_trained(page, root, monkeypatch, write_run):
    folder, points = root / "photos", five_points()
    open_photos(page)
    click_skeleton(page, points)
    assert [page.locator(f"#point-name-{k}").input_value() for k in range(5)] == NAMES
    page.wait_for_function("() => document.getElementById('point-mirror-4')?.value === '3'")
    assert [page.locator(f"#point-mirror-{k}").input_value() for k in range(5)] == ["1", "0", "2", "4", "3"]
    screenshot(page, "correct-skeleton")
    page.locator("#skeleton-create").click()
    page.get_by_text("Created the skeleton five").wait_for()
    skeleton = load_skeleton(str(folder / "five.toml"))
    assert (list(skeleton.names), skeleton.flip) == (NAMES, (1, 0, 2, 4, 3))
    page.locator("#save").click()
    page.get_by_text("points start at the mean of your faces").wait_for()
    assert page.locator("#first-train").is_disabled()
    screenshot(page, "correct-mean-shape")
    for done in range(2, 11):
        opened_before = page.locator("#image-name").inner_text()
        page.locator("#save").click()
        page.get_by_text(f"{done} of {COUNT} images done").wait_for()
        changed = "(before) => document.getElementById('image-name').innerText !== before"
        page.wait_for_function(changed, arg=opened_before)
    faces = datasets.load(f"json:{folder}/nasion-labels.json?skeleton={folder}/five.toml")
    assert len(faces) == 10
    for face in faces.annotations:
        assert np.abs(face.keypoints - points).max() < 4
    run = folder / "nasion-runs" / "20260101-000000"
    started = []

    def start(training, minutes, init, *_name):
        training.run = write_run(run, skeleton=folder / "five.toml")
        started.append((training.source, init))

    monkeypatch.setattr(TrainingProcess, "start", start)
    asked = []

    def list_models(route):
        asked.append(route)
        if len(asked) == 1:  # the server is busy
            route.fulfill(status=504, json={"error": "the prediction took too long"})
        else:
            route.continue_()

    page.route("**/v1/models", list_models)
    page.get_by_role("button", name="Train on 10 faces").click()
    page.get_by_text("The model 20260101-000000 places your points").wait_for()
    assert started == [(f"json:{folder}/nasion-labels.json?skeleton={folder}/five.toml", "default")]
    page.get_by_text("not labeled yet, showing the model’s points").wait_for()
    page.locator("#save").click()
    page.get_by_text(f"11 of {COUNT} images done").wait_for()
    screenshot(page, "correct-trained")


def test_names_and_pairs_can_be_changed_and_points_moved_back_and_removed(page, root):
    open_photos(page)
    click_skeleton(page, five_points()[:3])
    page.locator("#point-name-2").fill("tip")
    page.locator("#point-name-2").blur()
    page.locator("#point-mirror-0").select_option("2")
    assert [page.locator(f"#point-mirror-{k}").input_value() for k in range(3)] == ["2", "1", "0"]
    page.locator("#place-back").click()
    page.locator("#point-name-2").wait_for(state="detached")
    page.get_by_label("Remove point 0").click()
    page.locator("#point-name-1").wait_for(state="detached")
    assert page.locator("#point-name-0").input_value() == "left_eye"
    page.locator("#skeleton-name").fill("../up")
    page.locator("#skeleton-create").click()
    page.get_by_text("must have 1 to 60 letters").wait_for()
    page.locator("#skeleton-cancel").click()
    page.get_by_text("1 suggested face").wait_for()
    assert not list((root / "photos").glob("*.toml"))


def test_a_skeleton_is_clicked_on_a_phone(page, root):
    page.set_viewport_size(PHONE)
    open_photos(page)
    click_skeleton(page, five_points()[:3])
    screenshot(page, "correct-skeleton-390")
    page.locator("#skeleton-create").click()
    page.get_by_text("Created the skeleton five").wait_for()
    assert load_skeleton(str(root / "photos" / "five.toml")).count == 3
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
