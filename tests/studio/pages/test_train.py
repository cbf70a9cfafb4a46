"""The tab "Train"."""

import pytest

from browsing import screenshot
from nasion import images
from nasion.datasets.drawn import render_face

pytestmark = pytest.mark.slow


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
