"""The sheet of crops: each face unvaried, then in several epochs, as the network sees it."""

from dataclasses import replace

import numpy as np
import pytest

from nasion import draw
from nasion.sample import Problem
from nasion.train.config import load
from nasion.train.data.batches import CropSource, EpochPlan
from nasion.train.data.preview import MIN_SIDE, VARIATIONS, crops_sheet
from train.data.memory_faces import POINTS, blob, data_set, face, scene

SETTINGS = ["crop.box=points", "crop.height=48", "crop.width=64", "crop.channels=3"]


def config(*settings):
    plain = load("nose", [*SETTINGS, *settings])
    return plain.model_copy(update={"data": plain.data.model_copy(update={"skeleton": ""})})


def faces(count=4):
    names = [f"{'abcdefg'[k]}.png" for k in range(count)]
    return data_set(*map(face, names), images={name: scene(k) for k, name in enumerate(names)})


@pytest.fixture
def captions(monkeypatch):
    """Return the list of all captions with their tiles."""
    made = []
    plain = draw.caption

    def remember(tile, text, *more):
        made.append((text, tile))
        return plain(tile, text, *more)

    monkeypatch.setattr(draw, "caption", remember)
    return made


def test_sheet_has_a_row_per_face_and_a_column_per_variation(captions):
    sheet, problems = crops_sheet(config(), faces(), 3)
    # tiles of 3 x (64 x 48) px, the first multiple whose longer side is at least 180 px; captions of 22 px
    assert (MIN_SIDE, VARIATIONS) == (180, 5)
    assert sheet.shape == (30 + 3 * (144 + 22 + 6) + 6, 6 * (192 + 6) + 6, 3)
    assert sheet.dtype == np.uint8
    assert len(captions) == 3 * 6
    assert problems == []


def test_large_crops_are_not_enlarged(captions):
    crops_sheet(config("crop.height=190", "crop.width=180"), faces(1), 1)
    assert captions[0][1].shape == (190, 180, 3)


def test_faces_are_spread_over_the_set(captions):
    crops_sheet(config(), faces(7), 3)
    assert [text for text, _ in captions[::6]] == ["a.png", "d.png", "g.png"]


def test_captions_name_the_epoch_and_the_kind_of_variation(captions):
    crops_sheet(config("augment.rotation_deg=10"), faces(1), 1)
    assert [text for text, _ in captions] == ["a.png", *(f"epoch {k}: varied" for k in range(5))]
    captions.clear()
    crops_sheet(config("augment.flip=1.0", "crop.full_image_share=1.0"), faces(1), 1)
    assert [text for text, _ in captions[1:]] == [f"epoch {k}: mirrored, full image" for k in range(5)]


def test_keypoints_are_drawn_where_the_crop_shows_them(captions):
    augment = ["augment.flip=0.5", "augment.rotation_deg=30", "seed=4"]
    chosen = config(*augment)
    marked = data_set(face("a.png"))
    crops_sheet(chosen, marked, 1)
    source = CropSource(marked, chosen.crop, varied=True, seed=4)
    plans = [source.plain, *(EpochPlan(k, (48, 64), chosen.augment) for k in range(5))]
    for (_, tile), plan in zip(captions, plans, strict=True):
        keypoints = source.crop_at(0, plan)[1]
        x, y = np.rint((keypoints[2] + 0.5) * 3 - 0.5).astype(int)
        assert np.abs(tile[y, x].astype(int) - draw.TRUE).max() < 40


def test_tiles_show_the_crop_in_whole_pixels(captions):
    """Nearest-neighbor enlargement: away from the points, each crop pixel is a 3 x 3 block."""
    chosen, single = config(), data_set(face("a.png"), images={"a.png": scene(3)})
    crops_sheet(chosen, single, 1)
    source = CropSource(single, chosen.crop, varied=True)
    crop = source.crop_at(0, source.plain)[0]
    assert np.array_equal(captions[0][1][:15:3, :15:3], crop[:5, :5])
    assert np.array_equal(captions[0][1][2:15:3, 1:15:3], crop[:5, :5])


def test_gray_crops_are_shown_in_color(captions):
    crops_sheet(config("crop.channels=1"), faces(1), 1)
    tile = captions[0][1]
    assert tile.shape == (144, 192, 3)
    assert (tile[0] == tile[0, :, :1]).all()
    assert (tile != tile[..., :1]).any()  # the points are colored


def test_unreadable_faces_are_skipped_and_returned(captions):
    broken = data_set(face("a.png"), face("b.png"), images={"a.png": None})
    sheet, problems = crops_sheet(config(), broken, 2)
    assert problems == [Problem("a.png", "a.png: damaged")]
    assert {text for text, _ in captions if "epoch" not in text} == {"b.png"}
    assert sheet.shape[0] == 30 + (144 + 22 + 6) + 6


def test_configured_skeleton_reduces_the_points(captions, drawn):
    single = drawn.subset(drawn.annotations[:1])
    nose = load("nose", ["crop.box=points", "crop.height=48", "crop.width=64"])
    whole = nose.model_copy(update={"data": nose.data.model_copy(update={"skeleton": ""})})
    crops_sheet(nose, single, 1)
    crops_sheet(whole, single, 1)
    one_point, all_points = ((captions[k][1] != captions[k][1][..., :1]).any(-1).sum() for k in (0, 6))
    assert 0 < one_point < all_points / 10


def test_faces_vary_with_the_seed_of_the_configuration():
    first, again, other = (
        crops_sheet(config("augment.rotation_deg=30", f"seed={seed}"), faces(2), 2)[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_face_without_image_detail_still_has_a_sheet():
    plain = replace(face("a.png"), split="val")
    sheet, _ = crops_sheet(config(), data_set(plain, images={"a.png": blob(POINTS[2])}), 9)
    assert sheet.shape[0] == 30 + (144 + 22 + 6) + 6
