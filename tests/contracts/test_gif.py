"""The animation of the README, and the parts of its recorder."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from doc_pages import ROOT

SHOWN = ROOT / "docs" / "studio.gif"
MAX_BYTES = 2_000_000


def load(name):
    pytest.importorskip("playwright", reason="playwright is not installed")
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / "gif" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder, faces = load("recorder"), load("faces")


def test_animation_is_small_and_short():
    assert SHOWN.stat().st_size < MAX_BYTES
    with Image.open(SHOWN) as animation:
        assert animation.size == (recorder.WIDTH, recorder.HEIGHT)
        durations = []
        for number in range(animation.n_frames):
            animation.seek(number)
            durations.append(animation.info["duration"])
            assert np.asarray(animation.convert("RGB")).std() > 10, f"frame {number} is blank"
    assert 12_000 <= sum(durations) <= 22_000  # the studio's own waiting times are in it


def test_readme_shows_the_animation():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "](docs/studio.gif)" in text
    assert len(text.splitlines()) <= 100


def test_frame_has_a_caption_and_the_pointer():
    page = Image.new("RGB", (recorder.WIDTH, recorder.HEIGHT - recorder.CAPTION_HEIGHT), (200, 0, 0))
    frame = np.asarray(recorder.decorate(page, "Try", (400, 200), pressed=True))
    strip, shown = frame[: recorder.CAPTION_HEIGHT], frame[recorder.CAPTION_HEIGHT :]
    assert strip.max() == 255
    changed = np.argwhere((shown != (200, 0, 0)).any(-1))
    assert changed.min(0) == pytest.approx([200, 400], abs=15)
    assert changed.max(0) == pytest.approx([200, 400], abs=25)


def test_saved_frames_keep_rare_colors_and_durations(tmp_path):
    """A palette by frequency would lose the color of a single point."""
    shades = np.random.default_rng(0).integers(0, 80, (60, 90, 3), np.uint8)
    shades[5:8, 5:8] = (30, 120, 255)
    frames = [Image.fromarray(shades), Image.fromarray(shades[::-1].copy())]
    recorder.save_gif(tmp_path / "a.gif", frames, [100, 250])
    with Image.open(tmp_path / "a.gif") as animation:
        assert (animation.n_frames, animation.info["duration"]) == (2, 100)
        assert np.asarray(animation.convert("RGB"))[6, 6] == pytest.approx([30, 120, 255], abs=40)
        animation.seek(1)
        assert animation.info["duration"] == 250


def test_positions_are_those_of_the_tab_correct():
    """The longer side of the points' box fills two thirds of the shorter side of the canvas, in its middle."""
    keypoints = np.array([[10.0, 20], [40, 80]])
    canvas = {"x": 100.0, "y": 50.0, "width": 180.0, "height": 300.0}
    assert faces.screen_position(keypoints.mean(0), keypoints, canvas) == pytest.approx((190, 200))
    assert faces.screen_position(keypoints[1], keypoints, canvas) == pytest.approx((220, 260))
