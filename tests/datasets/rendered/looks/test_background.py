"""Backgrounds: invented ones, photographs, and damaged files."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nasion import images
from nasion.datasets.rendered.looks.background import background_files, sample_background
from nasion.errors import ImageError


@pytest.mark.parametrize("seed", range(10))
def test_invented_backgrounds_are_light(seed):
    background = sample_background(np.random.default_rng(seed), 40, np.ones(3))
    assert background.shape == (40, 40, 3)
    assert background.dtype == np.float32
    assert (background >= 0).all()
    assert np.isfinite(background).all()


def test_photographs_keep_their_color(tmp_path):
    red = np.zeros((30, 50, 3), np.uint8)
    red[..., 0] = 220
    images.write(tmp_path / "red.png", red)
    background = sample_background(np.random.default_rng(0), 24, np.ones(3), [tmp_path / "red.png"])
    assert background[..., 0].min() > 0.2
    assert background[..., 1:].max() < 0.01


def test_damaged_photographs_become_invented_backgrounds(tmp_path):
    images.write(tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (60, 60, 3)).astype(np.uint8))
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    background = sample_background(np.random.default_rng(0), 24, np.ones(3), [tmp_path / "a.png"])
    assert np.isfinite(background).all()


def test_broken_backgrounds_are_left_out(tmp_path):
    with pytest.raises(ImageError, match="no such folder"):
        background_files(tmp_path / "nowhere")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no image")
    with pytest.raises(ImageError, match="no image in it can be read"):
        background_files(tmp_path)
    images.write(tmp_path / "good.png", np.zeros((20, 30, 3), np.uint8))
    good, broken = background_files(tmp_path)
    assert [path.name for path in good] == ["good.png"]
    assert [path.name for path in broken] == ["broken.jpg"]
    assert background_files(None) == ((), ())
