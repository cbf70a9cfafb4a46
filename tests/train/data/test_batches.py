import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from nasion.geometry import denormalize, normalize
from nasion.predict.crop import CropConfig
from nasion.train.config import AugmentConfig, PhotoConfig, ScheduleConfig
from nasion.train.data.batches import Batches, CropSource, plan

SIZE = (48, 64)
CROP = CropConfig(height=48, width=64, channels=3, margin=1.4)
VARIED = AugmentConfig(flip=0.5, rotation_deg=20, scale=0.2, shift=0.05, photo=PhotoConfig(brightness=0.2, noise=0.5))


@pytest.fixture(scope="module")
def crops(drawn):
    return CropSource(drawn.subset(drawn.annotations[:5]), CROP, VARIED, seed=3)


def test_a_batch_is_what_it_says(crops):
    batch = crops.batch([0, 4], epoch=1)
    assert batch.crops.shape == (2, 3, *SIZE)
    assert batch.crops.dtype == torch.uint8
    assert batch.crops.is_contiguous(memory_format=torch.channels_last)
    assert batch.target.shape == (2, 58, 2)
    assert batch.image_px.shape == batch.length.shape == (2,)


def test_a_face_varies_by_epoch_and_seed_alone(crops, drawn):
    first = crops.batch([2, 3], epoch=4)
    again = CropSource(drawn.subset(drawn.annotations[:5]), CROP, VARIED, seed=3).batch([3, 2], epoch=4)
    assert torch.equal(first.crops[0], again.crops[1])
    assert torch.equal(first.target[0], again.target[1])
    assert not torch.equal(first.crops, crops.batch([2, 3], epoch=5).crops)


def test_points_of_a_crop_go_back_to_the_image(drawn):
    plain = CropSource(drawn.subset(drawn.annotations[:5]), CROP, None)
    for index in range(5):
        _, keypoints, affine = plain.crop_at(index)
        assert affine.inverse()(keypoints) == pytest.approx(drawn.annotations[index].keypoints)


def test_a_mirrored_crop_has_renamed_points(drawn):
    always = CropSource(drawn.subset(drawn.annotations[:2]), CROP, AugmentConfig(flip=1.0))
    plain = CropSource(drawn.subset(drawn.annotations[:2]), CROP, None)
    mirrored, original = always.crop_at(0)[1], plain.crop_at(0)[1]
    assert mirrored == pytest.approx((original * [-1, 1] + [SIZE[1] - 1, 0])[list(drawn.skeleton.flip)])
    right, left = (drawn.skeleton.regions[name] for name in ("right_eye", "left_eye"))
    assert mirrored[list(right)].mean(0)[0] < mirrored[list(left)].mean(0)[0]


def test_labels_that_lie_to_one_side_do_so_in_mirrored_faces_too(drawn):
    """Points of one picture and of its mirror image, both labeled 3 px too far right, are the same crop's points."""
    face = drawn.annotations[0]
    aside = replace(face, keypoints=face.keypoints + np.array([3.0, 0.0]))
    plain = CropSource(drawn.subset([aside]), CROP, None)
    scale = plain.faces[0].to_face.scale
    augment = AugmentConfig(flip=1.0, flip_shift=2 * 3.0 * scale / SIZE[1])
    mirrored = CropSource(drawn.subset([aside]), CROP, augment).crop_at(0)[1]
    true = (plain.crop_at(0)[1] - [3.0 * scale, 0.0]) * [-1, 1] + [SIZE[1] - 1, 0]
    assert mirrored == pytest.approx(true[list(drawn.skeleton.flip)] + [3.0 * scale, 0.0])


def test_calm_epochs_vary_less_and_mirror_nothing(drawn):
    augment = AugmentConfig(
        flip=1.0, rotation_deg=20, shift=0.2, photo=PhotoConfig(occlude=1.0, brightness=0.5), cooldown=0.5
    )
    crops = CropSource(drawn.subset(drawn.annotations[:1]), CROP, augment)
    crops.schedule = ScheduleConfig(epochs=60)
    wild, cooldown = ([crops.variation(0, epoch)[0] for epoch in range(first, first + 30)] for first in (0, 30))
    assert all(each.mirror for each in wild)
    assert not any(each.mirror for each in cooldown)
    for name, limit in (("rotation_deg", 20), ("offset", 0.5)):
        assert 0.4 * limit < max(abs(getattr(each, name)) for each in wild) <= limit
        assert 0.2 * limit < max(abs(getattr(each, name)) for each in cooldown) <= 0.4 * limit
    assert 0 < sum(each.patch is not None for each in cooldown) < 30 == sum(each.patch is not None for each in wild)


def test_small_crops_of_the_first_epochs_show_the_same_face(drawn):
    crops = CropSource(
        drawn.subset(drawn.annotations[:2]), CROP, AugmentConfig(flip=0.5, flip_shift=0.05, rotation_deg=20)
    )
    whole = crops.batch([0, 1], epoch=2)
    crops.schedule = ScheduleConfig(epochs=6, low_res_px=24, low_res_share=0.5)
    small = crops.batch([0, 1], epoch=2)
    assert small.crops.shape == (2, 3, 24, 32)
    assert torch.allclose(small.target, whole.target, atol=1e-5)  # normalized: (-1, 1) from edge to edge
    assert small.image_px.numpy() == pytest.approx(2 * whole.image_px.numpy())
    halved = torch.nn.functional.avg_pool2d(whole.crops.float(), 2)
    assert (halved - small.crops.float()).abs().mean() < 4
    assert crops.batch([0], epoch=3).crops.shape == (1, 3, *SIZE)


@pytest.mark.parametrize("box", ["points", "picture"])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_kept_regions_show_what_the_picture_shows(drawn, box, share):
    """A crop from what is kept small looks like the crop from the whole picture."""
    from nasion import images
    from nasion.geometry import Affine
    from nasion.predict.crop import face_box

    config = CropConfig(height=48, width=64, box=box, full_image_share=share)
    kept = CropSource(drawn.subset(drawn.annotations[:1]), config, AugmentConfig(photo=PhotoConfig(brightness=1e-9)))
    crop, keypoints, affine = kept.crop_at(0)
    around = None if share or box == "picture" else drawn.annotations[0].points_box()
    expected = Affine.crop(face_box(around, (480, 640), config), SIZE)
    assert affine.matrix == pytest.approx(expected.matrix)
    direct = images.warp(drawn.load(0).image, expected, SIZE)
    assert np.abs(crop.astype(float) - direct).mean() < 4
    assert keypoints == pytest.approx(expected(drawn.annotations[0].keypoints))


def test_missing_points_stay_missing(drawn):
    from dataclasses import replace

    face = drawn.annotations[0]
    keypoints = face.keypoints.copy()
    keypoints[[3, 50]] = np.nan
    holes = CropSource(drawn.subset([replace(face, keypoints=keypoints)]), CROP, VARIED)
    flip = np.array(drawn.skeleton.flip)
    for epoch in range(6):
        target = holes.batch([0], epoch).target[0]
        gone = set(torch.where(target.isnan().any(-1))[0].tolist())
        assert gone in ({3, 50}, set(flip[[3, 50]].tolist()))


@pytest.mark.parametrize(
    ("count", "batch", "world"), [(10, 4, 1), (10, 4, 2), (7, 2, 2), (162, 32, 2), (5, 2, 2), (3, 8, 2), (33, 32, 1)]
)
def test_every_face_comes_once_an_epoch_over_all_devices(count, batch, world):
    ranks = [plan(count, batch, 3, 0, rank, world) for rank in range(world)]
    assert len({len(each) for each in ranks}) == 1
    seen = np.concatenate([indices for each in ranks for indices, _ in each])
    assert sorted(seen) == list(range(count))
    for step in zip(*ranks, strict=True):
        assert all(len(indices) for indices, _ in step)
        assert sum(share for _, share in step) == pytest.approx(world)
    if batch >= 2 * world:
        assert len(plan(count, batch, 3, 0)) == len(ranks[0])


def test_the_order_changes_with_the_epoch_and_comes_back():
    first, second = (np.concatenate([i for i, _ in plan(20, 4, epoch, 0)]) for epoch in (0, 1))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, np.concatenate([i for i, _ in plan(20, 4, 0, 0)]))


def test_batches_come_in_order_and_leave_no_thread(crops):
    before = threading.active_count()
    steps = plan(5, 2, 0, 0)
    made = list(Batches(crops, steps, 0))
    assert len(made) == len(steps) == 3
    assert torch.equal(made[1].target.nan_to_num(), crops.batch(steps[1][0].tolist()).target.nan_to_num())
    for _ in Batches(crops, steps * 9, 0):
        break
    assert threading.active_count() == before


def test_an_error_in_the_thread_reaches_the_one_who_waits(crops):
    with pytest.raises(IndexError):
        list(Batches(crops, [(np.array([99]), 1.0)], 0))


def test_normalized_targets_are_crop_px(crops):
    keypoints = crops.crop_at(1, epoch=2)[1]
    target = crops.batch([1], epoch=2).target[0].double().numpy()
    assert denormalize(target, SIZE) == pytest.approx(keypoints, abs=1e-4)
    assert normalize(keypoints, SIZE) == pytest.approx(target, abs=1e-6)


def test_unreadable_pictures_are_named(tmp_path):
    from made_files import make_csv, shape
    from nasion.datasets import load

    spec = make_csv(tmp_path, shape(68))
    path = tmp_path / "a.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1].replace("a.jpg", "b.jpg") + "\n")
    (tmp_path / "b.jpg").write_text("a diary")
    kept = CropSource(load(spec), CROP, None)
    assert len(kept) == 1
    assert kept.problems[0].name == "b.jpg"
