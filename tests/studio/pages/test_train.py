"""The tab "Train": its states from answers of a stand-in server, and one real training."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from browsing import DESKTOP, LARGE, PHONE, make, opened, screenshot, serving
from nasion import images
from nasion.datasets.drawn import render_face
from nasion.predict.model_zoo import available
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import build, open_album

pytestmark = pytest.mark.slow

SIZES = {"desktop": DESKTOP, "large": LARGE, "phone": PHONE}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

IDLE = {
    "possible": True,
    "state": "none",
    "model": "",
    "activity": "",
    "elapsed_s": None,
    "epochs": 0,
    "curve": [],
    "left_s": None,
    "resumable": False,
    "report": False,
    "usable": False,
    "error": "",
    "run": "",
    "labels": {"faces": 10, "images": 10, "corrected": 1, "accepted": 9},
    "errors": None,
    "measuring": False,
    "problem": "",
}
ERRORS = {
    "model": "default",
    "faces": 25,
    "accepted": 0,
    "enough": True,
    "before_px": 3.0,
    "after_px": None,
    "low_px": None,
    "high_px": None,
}
STARTING = IDLE | {"state": "running", "model": "mine", "activity": "Starting: loading PyTorch and the images"}
STARTING |= {"elapsed_s": 3.2}
CURVE = [{"epoch": k, "seconds": 2.0 * k, "train_loss": 1.0, "val_error_px": 2.9 - 0.2 * k} for k in range(4)]
RUNNING = STARTING | {"activity": "Epoch 5 of 9", "epochs": 9, "curve": CURVE, "left_s": 70.0, "errors": ERRORS}
DONE = RUNNING | {"state": "done", "activity": "", "elapsed_s": None, "left_s": None, "report": True, "usable": True}
DONE |= {"curve": [*CURVE, *CURVE, CURVE[0]], "run": "nasion-runs/mine"}
BETTER = ERRORS | {"after_px": 2.4, "low_px": -0.9, "high_px": -0.3}
FACES = [
    {"name": f"{name}.jpg", "before_px": 3.0, "after_px": 2.0, "before": PIXEL, "after": PIXEL}
    for name in ("a", "b", "c")
]


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    """Return a folder with twelve labeled images."""
    folder = tmp_path_factory.mktemp("train") / "faces"
    for k in range(12):
        face = render_face(5, k, 0, "ibug-68")
        images.write(folder / f"{k:02d}.png", face.image)
        lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in face.keypoints)
        (folder / f"{k:02d}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    (folder / "nasion-progress.json").write_text(json.dumps({"done": ["00.png", "01.png"], "changed": ["00.png"]}))
    return folder


@pytest.fixture(scope="module")
def folder_address(labeled):
    def load(name):
        return Predictor(name) if Path(name).is_dir() else make(name)

    with serving(build(make=load, album=open_album(str(labeled), load_skeleton("ibug-68")))) as address:
        yield address


@pytest.fixture
def train_page(browser, folder_address):
    with opened(browser, folder_address) as page:
        yield page


@pytest.fixture
def show(train_page):
    """Return a function that opens the tab with an answer of the server about the training."""
    answer = {}

    def respond(route):
        route.fulfill(json={"faces": FACES} if "comparison" in route.request.url else answer)

    train_page.route("**/v1/train*", respond)
    train_page.route("**/v1/train/**", respond)

    def shown(training):
        answer.clear()
        answer.update(training)
        train_page.locator("#tab-try").click()
        train_page.locator("#tab-train").click()
        train_page.wait_for_function(
            "(faces) => document.getElementById('train-labels').textContent.startsWith(faces)",
            arg=str(training["labels"]["faces"] or "No face"),
        )
        return train_page

    return shown


def fits(page):
    """Return whether nothing is wider than the window."""
    inside = "[...document.querySelectorAll('#page-train, #page-train *')].every((each) => "
    inside += "each.closest('svg') || each.getBoundingClientRect().right <= window.innerWidth + 1)"
    return page.evaluate(f"document.documentElement.scrollWidth <= window.innerWidth && {inside}")


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ((10, 10, 1, 9), "10 labeled (1 corrected by you, 9 accepted)"),
        ((12, 12, 0, 2), "12 labeled (2 accepted, 10 not checked)"),
        ((7, 7, 7, 0), "7 labeled (7 corrected by you)"),
        ((5, 5, 0, 0), "5 labeled, none checked by you"),
        ((0, 0, 0, 0), "No face is labeled yet."),
    ],
)
def test_labels_are_counted_in_words(show, labels, text):
    page = show(IDLE | {"labels": dict(zip(("faces", "images", "corrected", "accepted"), labels, strict=True))})
    assert page.locator("#train-labels").inner_text() == text


def test_few_labels_are_announced_before_the_training(show):
    page = show(IDLE)
    advice = page.locator("#train-advice").inner_text()
    assert advice.startswith("About 1 image will be held out, too few to tell")
    assert "Most labels are accepted predictions" in advice
    page = show(IDLE | {"labels": {"faces": 300, "images": 300, "corrected": 250, "accepted": 50}})
    assert page.locator("#train-advice").is_hidden()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"possible": False}, "pip install 'nasion[train]'"),
        ({"labels": {"faces": 1, "images": 1, "corrected": 1, "accepted": 0}}, "Label at least two images first"),
    ],
)
def test_a_disabled_start_has_a_reason(show, change, reason):
    page = show(IDLE | change)
    assert page.locator("#train-start").is_disabled()
    assert reason in page.locator("#train-reason").inner_text()


def test_start_is_visible_activity_with_the_initial_error(show):
    page = show(STARTING | {"errors": ERRORS})
    assert page.locator("#train-state").inner_text() == "Training mine"
    assert page.locator("#train-time").inner_text() == "Starting: loading PyTorch and the images · 3 s so far"
    assert page.locator("#train-progress").is_visible()
    assert page.evaluate("document.getElementById('train-progress').position") == -1  # without a value: it moves
    assert page.locator("#curve line.initial").count() == 1
    assert page.locator("#curve").get_attribute("aria-label") == "No validation yet; before: default 3.00 px"
    assert page.locator("#train-start").is_disabled()
    assert page.locator("#train-stop").is_enabled()
    screenshot(page, "train-starting")


def test_curve_begins_at_the_initial_error(show):
    page = show(RUNNING)
    assert page.locator("#train-time").inner_text() == "Epoch 5 of 9 · 3 s so far · 70 s left"
    assert page.evaluate("document.getElementById('train-progress').value") == pytest.approx(4 / 9)
    points = page.locator("#curve circle").evaluate_all(
        "each => each.map((c) => [+c.getAttribute('cx'), +c.getAttribute('cy')])"
    )
    line = float(page.locator("#curve line.initial").get_attribute("y1"))
    assert len(points) == 5
    assert points[0][1] == pytest.approx(line)
    assert [y > line for _, y in points[1:]] == [True] * 4  # below the line: smaller errors
    steps = [b[0] - a[0] for a, b in pairwise(points)]
    assert steps == pytest.approx([steps[0]] * 4, abs=0.01)
    assert page.locator("#curve").get_attribute("aria-label").startswith("Validation error 2.30 px after epoch 4;")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (BETTER, "The new model is better: its error is 0.60 px smaller than that of the model it started from"),
        (
            BETTER | {"after_px": 3.4, "low_px": 0.1, "high_px": 0.7},
            "The new model is worse: its error is 0.40 px larger",
        ),
        (BETTER | {"low_px": -1.3, "high_px": 0.1}, "No clear difference: the new model’s error is 0.60 px smaller"),
        (BETTER | {"enough": False, "faces": 3}, "The new model’s error is 0.60 px smaller"),
        (BETTER | {"low_px": None, "high_px": None, "model": ""}, "0.60 px smaller than that of the mean face."),
    ],
)
def test_the_verdict_depends_on_the_interval(show, change, text):
    page = show(DONE | {"errors": change})
    assert text in page.locator("#train-verdict").inner_text()


def test_both_errors_and_three_faces_are_shown(show):
    page = show(DONE | {"errors": BETTER})
    page.locator("#train-samples img").nth(5).wait_for(state="attached")
    rows = page.locator("#train-errors tbody tr").all_inner_texts()
    assert [row.split("\t") for row in rows] == [["before: default", "3.00 px"], ["after: mine", "2.40 px"]]
    assert page.locator("#train-samples h3").all_inner_texts() == ["a.jpg", "b.jpg", "c.jpg"]
    assert page.locator("#train-samples figcaption").all_inner_texts() == ["before: 3.00 px", "after: 2.00 px"] * 3
    assert page.locator("#train-caution").is_hidden()
    assert page.locator("#train-report").is_visible()


def test_too_few_and_accepted_faces_are_a_caution(show):
    page = show(DONE | {"errors": BETTER | {"faces": 3, "accepted": 2, "enough": False}})
    caution = page.locator("#train-caution").inner_text()
    assert caution.startswith("3 faces were held out, too few to tell which model is better")
    assert "2 of 3 held-out faces have labels that were accepted" in caution


def test_a_failure_is_shown_in_one_line(show):
    page = show(DONE | {"state": "failed", "error": "the disk is full", "usable": False, "resumable": True})
    assert page.locator("#train-state").inner_text() == "mine has failed"
    assert page.locator("#train-error").inner_text() == "the disk is full"
    assert page.locator("#train-resume").is_enabled()


def test_a_finished_model_can_be_exported(show):
    assert show(RUNNING).locator("#train-export").is_hidden()
    command = show(DONE).locator("#train-export code").inner_text()
    assert command == 'nasion export "nasion-runs/mine" "mine.onnx"'


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_every_state_fits_the_window(show, train_page, size, scheme):
    train_page.set_viewport_size(SIZES[size])
    train_page.emulate_media(color_scheme=scheme)
    long_name = DONE | {"errors": BETTER | {"enough": False, "accepted": 25}, "model": "a" * 60}
    long_name |= {"run": "nasion-runs/" + "a" * 60}
    for name, state in {"idle": IDLE, "running": RUNNING, "done": long_name}.items():
        page = show(state)
        page.wait_for_timeout(100)
        assert fits(page), name
        screenshot(page, f"train-{name}-{size}-{scheme}")


def test_without_a_folder_the_tab_explains_itself(page):
    page.locator("#tab-train").click()
    page.get_by_role("heading", name="Train a model").wait_for()
    assert page.locator("#train-start").is_hidden()
    page.locator("#train-to-correct").click()
    assert page.locator("#page-correct").is_visible()


def test_errors_of_the_server_are_shown(train_page):
    train_page.locator("#tab-train").click()
    train_page.get_by_text("No training yet").wait_for()
    train_page.locator("#train-name").fill("default")
    train_page.locator("#train-start").click()
    train_page.get_by_text('there is a model "default" already').wait_for()
    assert train_page.locator("#train-start").is_enabled()
    train_page.locator("#minutes").fill("")
    train_page.locator("#train-start").click()
    train_page.get_by_text("minutes: enter a number above 0").wait_for()


def test_training_is_started_stopped_resumed_and_tried(train_page, monkeypatch):
    """Start a named training, watch the initial error and the curve, stop, open the report, resume, stop, try it."""
    pytest.importorskip("pytorch_lightning")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    page, wait = train_page, {"timeout": 240_000}
    state = page.locator("#train-state")
    page.locator("#tab-train").click()
    page.get_by_text("12 labeled (1 corrected by you, 1 accepted, 10 not checked)").wait_for()
    assert page.locator("#train-resume").is_disabled()
    page.locator("#minutes").fill("60")
    page.locator("#train-name").fill("mine")
    page.keyboard.press("Tab")
    page.locator("#train-start").click()
    state.get_by_text("Training mine").wait_for(**wait)
    page.locator("#curve line.initial").wait_for(state="attached", **wait)
    page.locator("#curve[aria-label^='Validation error']").wait_for(state="attached", **wait)
    assert "left" in page.locator("#train-time").inner_text()
    page.locator("#train-stop").click()
    state.get_by_text("mine is stopped").wait_for(**wait)
    with page.context.expect_page() as report:
        page.locator("#train-report").click()
    report.value.get_by_role("heading").first.wait_for()
    report.value.close()
    page.locator("#train-errors tr").nth(2).wait_for(**wait)  # heading, before, after
    page.locator("#train-resume").click()
    state.get_by_text("Training mine").wait_for(**wait)
    page.locator("#train-stop").click()
    state.get_by_text("mine is stopped").wait_for(**wait)
    page.locator("#train-try").click()
    page.locator("#page-try").wait_for()
    assert page.locator("#model").input_value() == "mine"


def test_trained_models_are_listed_after_a_restart(browser, tmp_path, write_run):
    """Models of the folder given at the start are listed at once, those of deeper folders when they are opened."""
    for place in ("nasion-runs/mine", "nasion-runs/broken", "a/later/nasion-runs/theirs"):
        write_run(tmp_path / place)
    (tmp_path / "nasion-runs" / "broken" / "run.json").write_text("{")
    images.write(tmp_path / "a" / "later" / "a.png", render_face(5, 0, 0, "ibug-68").image)
    app = build(make=make, album=open_album(str(tmp_path), load_skeleton("ibug-68")))
    with serving(app) as address, opened(browser, address, ready="is left out") as page:
        status = page.locator("#status").inner_text()
        assert status.startswith("The model “broken” is left out: its run.json is damaged")
        models = page.locator("#model option")
        assert models.all_inner_texts() == [*available(), "mine"]
        page.locator("#model").select_option("mine")
        assert page.locator("#page-try .terms").inner_text().startswith("Terms of mine: trained from default: research")
        page.locator("#tab-correct").click()
        page.locator("#open-folder").click()
        for name in ("a", "later"):
            page.locator("#folder-entries .name").get_by_text(name, exact=True).click()
            page.locator("#folder-path", has_text=f"{name} ·").wait_for()
        page.locator("#folder-open").click()
        models.nth(len(available()) + 1).wait_for(state="attached")
        assert models.all_inner_texts() == [*available(), "mine", "theirs"]
        assert page.locator("#model").input_value() == "mine"
