"""Cached faces, crops and batches: points move with the pixels, a crop depends on its seed, epoch and face alone."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_equal

from nasion import images
from nasion.errors import AnnotationError, SkeletonError
from nasion.geometry import Affine, normalize
from nasion.predict.crop import CropConfig, face_box
from nasion.sample import Problem
from nasion.train.config import AugmentConfig, PhotoConfig, load
from nasion.train.data.batches import (
    OVERSAMPLING,
    REACH,
    Batches,
    CropSource,
    EpochPlan,
    cache_face,
    epoch_plan,
    plan_batches,
    read_sources,
    to_tensor,
)
from nasion.train.network.frame import denormalize
from train.data.memory_faces import POINTS, SIZE, SKELETON, Recorder, blob, blob_center, data_set, face, scene

CROP = CropConfig(height=48, width=64, channels=3, margin=1.4)
PHOTO = PhotoConfig(brightness=0.1, contrast=0.2, gamma=0.2, color=0.2, gray=0.5, blur=0.5, noise=0.5)
VARIED = AugmentConfig(
    flip=0.5, rotation_deg=20, scale=0.2, shift=0.05, stretch=0.1, shear=0.1, photo=PHOTO, flip_shift=0.0
)
PLAN = EpochPlan(2, CROP.size, VARIED)


def many(count):
    """Return `count` faces at different places in different images."""
    random = np.random.default_rng(5)
    faces = [face(f"{k}.png", POINTS + random.uniform(-9, 9, 2)) for k in range(count)]
    return data_set(*faces, images={f"{k}.png": scene(k) for k in range(count)})


@pytest.fixture(scope="module")
def source():
    return CropSource(many(5), CROP, varied=True, seed=3)


def one(crop=CROP, varied=True, keypoints=POINTS, image=None, seed=0):
    images_of = {} if image is None else {"a.png": image}
    return CropSource(data_set(face(keypoints=keypoints), images=images_of), crop, varied, seed)


# Plans


def test_cooldown_starts_after_its_share_of_the_epochs():
    config = load("nose", ["schedule.epochs=10", "augment.cooldown=0.3", "augment.rotation_deg=20", "augment.flip=0.5"])
    assert epoch_plan(config, 6).augment == config.augment
    assert epoch_plan(config, 7).augment == config.augment.cooled_down()
    assert epoch_plan(config, 9).augment.rotation_deg == pytest.approx(8)


def test_no_cooldown_keeps_the_variation_to_the_end():
    config = load("nose", ["schedule.epochs=10", "augment.rotation_deg=20"])
    assert epoch_plan(config, 9).augment == config.augment


def test_first_epochs_have_low_resolution_crops():
    config = load("nose", ["schedule.epochs=10", "schedule.low_res_px=30", "schedule.low_res_share=0.4"])
    assert [epoch_plan(config, epoch).size for epoch in (0, 3, 4, 9)] == [(30, 40), (30, 40), (60, 80), (60, 80)]


def test_plan_carries_the_epoch():
    assert epoch_plan(load("nose"), 17).epoch == 17
    assert EpochPlan(1, (4, 6)).augment is None


# What is cached


def test_unvaried_faces_are_cached_as_their_crops():
    cached = cache_face(scene(1), face(), CROP, varied=False)
    assert cached.region.shape == (48, 64, 3)
    assert cached.to_image.matrix == pytest.approx(cached.to_face.inverse().matrix)


def test_varied_faces_are_cached_with_their_surroundings():
    crop = CropConfig(height=8, width=8, margin=1.0)
    cached = cache_face(scene(1), face(), crop, varied=True)
    # The face is 32 px wide and as high; 2.2 times that is 70.4 px, at 1.5 * 8 / 32 px per image px.
    side = round(32 * REACH * OVERSAMPLING * 8 / 32)
    assert (OVERSAMPLING, REACH, side) == (1.5, 2.2, 26)
    assert cached.region.shape == (26, 26, 3)
    left, top = cached.to_image([-0.5, -0.5])
    assert (left, top) == pytest.approx((60 - 35.2, 46 - 35.2))


def test_cached_regions_end_at_the_image():
    crop = CropConfig(height=8, width=8, margin=3.0)
    cached = cache_face(scene(1), face(keypoints=POINTS + [20, 0]), crop, varied=True)
    assert cached.to_image([-0.5, -0.5])[1] == pytest.approx(-0.5)
    right, bottom = cached.to_image(np.array(cached.region.shape[1::-1]) - 0.5)
    assert (right, bottom) == pytest.approx((SIZE[1] - 0.5, SIZE[0] - 0.5))


def test_small_faces_are_not_enlarged_in_the_cache():
    cached = cache_face(scene(1), face(), CropConfig(height=300, width=300, margin=1.0), varied=True)
    assert cached.region.shape == (70, 70, 3)
    assert cached.to_image.scale == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("crop", [CropConfig(height=24, width=32, box="image"), CROP], ids=["image", "share"])
def test_full_image_crops_cache_the_full_image(crop):
    crop = crop.model_copy(update={"full_image_share": 0.0 if crop.box == "image" else 0.5})
    cached = cache_face(scene(1), face(), crop, varied=True)
    corners = cached.to_image([[-0.5, -0.5], np.array(cached.region.shape[1::-1]) - 0.5])
    assert corners == pytest.approx(np.array([[-0.5, -0.5], [SIZE[1] - 0.5, SIZE[0] - 0.5]]))


def test_face_and_full_image_maps_fill_the_crop():
    cached = cache_face(scene(1), face(), CROP, varied=True)
    box = face_box(face().points_box(), SIZE, CROP)
    assert cached.to_face(box.reshape(2, 2)) == pytest.approx(np.array([[-0.5, -0.5], [63.5, 47.5]]))
    # 120 x 90 px have the crop's aspect ratio, so the full image fills the crop exactly
    assert cached.to_full_image([[-0.5, -0.5], [119.5, 89.5]]) == pytest.approx(np.array([[-0.5, -0.5], [63.5, 47.5]]))


@pytest.mark.parametrize("box", ["points", "image"])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_crops_from_the_cache_equal_crops_from_the_image(drawn, box, share):
    crop = CropConfig(height=48, width=64, box=box, full_image_share=share)
    cached = CropSource(drawn.subset(drawn.annotations[:1]), crop, varied=True)
    plan = EpochPlan(0, crop.size, AugmentConfig())
    shown, keypoints, affine = cached.crop_at(0, plan)
    around = None if share or box == "image" else drawn.annotations[0].points_box()
    expected = Affine.crop(face_box(around, (480, 640), crop), crop.size)
    direct = images.warp(drawn.load(0).image, expected, crop.size)
    assert affine.matrix == pytest.approx(expected.matrix)
    assert np.abs(shown.astype(float) - direct).mean() < 4
    assert keypoints == pytest.approx(expected(drawn.annotations[0].keypoints))


# Faces that cannot be read


def test_unreadable_images_become_problems():
    faces = data_set(face("a.png"), face("b.png"), face("c.png"), images={"b.png": None})
    source = CropSource(faces, CROP)
    assert [cached.annotation.name for cached in source.faces] == ["a.png", "c.png"]
    assert source.problems == [Problem("b.png", "b.png: damaged")]
    assert len(source) == len(source.lengths) == 2


def test_faces_without_a_box_become_problems():
    nothing = np.full((5, 2), np.nan)
    source = CropSource(data_set(face("a.png", nothing), face("b.png")), CROP)
    assert [problem.name for problem in source.problems] == ["a.png"]
    assert "every point is missing" in source.problems[0].reason


def test_source_without_a_readable_face_is_rejected_with_the_first_reason():
    faces = data_set(face("a.png"), face("b.png"), images={"a.png": None, "b.png": None}, name="csv:x")
    with pytest.raises(AnnotationError, match=r"^csv:x: no image can be read; the first: a\.png: damaged$"):
        CropSource(faces, CROP)


def test_empty_source_is_rejected_without_a_reason():
    with pytest.raises(AnnotationError, match=r"^set: no image can be read$"):
        CropSource(data_set(), CROP)


def test_task_advances_for_unreadable_faces_too():
    task = Recorder()
    CropSource(data_set(face("a.png"), face("b.png"), face("c.png"), images={"b.png": None}), CROP, task=task)
    assert task.advanced == 3


def test_errors_are_divided_by_the_inter_ocular_distance():
    hidden = POINTS.copy()
    hidden[1] = np.nan
    lengths = CropSource(data_set(face("a.png"), face("b.png", hidden)), CROP).lengths
    assert lengths[0] == pytest.approx(np.hypot(32, 2))
    assert np.isnan(lengths[1])


def test_errors_are_divided_by_the_box_size_without_eyes():
    plain = replace(SKELETON, normalizers={})
    lengths = CropSource(data_set(face(skeleton=plain)), CROP).lengths
    assert lengths == pytest.approx([np.sqrt(32 * 30)])


# Crops: the points move with the pixels

GEOMETRY = {
    "none": {},
    "flip": {"flip": 1.0},
    "rotation": {"rotation_deg": 40},
    "scale": {"scale": 0.3},
    "shift": {"shift": 0.15},
    "stretch": {"stretch": 0.3},
    "shear": {"shear": 0.3},
    "light": {"photo": PhotoConfig(brightness=0.05, contrast=0.2, color=0.2)},
    "gray": {"photo": PhotoConfig(gray=1.0)},
    "blur": {"photo": PhotoConfig(blur=1.0)},
    "noise": {"photo": PhotoConfig(noise=1.0, noise_level=6.0)},
    "all": {**VARIED.model_dump(exclude={"photo"}), "photo": PHOTO},
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("share", [0.0, 1.0], ids=["face", "full image"])
@pytest.mark.parametrize("size", [(48, 64), (24, 32), (31, 44)])
@pytest.mark.parametrize("augment", GEOMETRY.values(), ids=GEOMETRY)
def test_blob_follows_its_point(augment, size, share, channels):
    crop = CROP.model_copy(update={"channels": channels, "full_image_share": share, "margin": 2.2})
    marked = 1  # the left eye; a mirrored face names it as its right eye
    source = one(crop, image=blob(POINTS[marked] + [-5, 4], sigma=4.0), keypoints=POINTS + [-5, 4])
    for epoch in range(5):
        plan = EpochPlan(epoch, size, AugmentConfig(**augment))
        variation, full = source.variation(0, plan)
        shown, keypoints, affine = source.crop_at(0, plan)
        assert shown.shape == (*size, channels)
        assert full == bool(share)
        point = keypoints[SKELETON.flip[marked] if variation.mirror else marked]
        assert np.linalg.norm(blob_center(shown) - point) < 0.2
        assert affine(POINTS[marked] + [-5, 4]) == pytest.approx(point)


def test_unvaried_crops_map_back_to_the_image():
    source = CropSource(many(3), CROP, varied=False)
    for index, cached in enumerate(source.faces):
        _, keypoints, affine = source.crop_at(index, source.plain)
        assert affine.inverse()(keypoints) == pytest.approx(cached.annotation.keypoints)


def test_plain_plan_is_full_size_without_variation(source):
    assert source.plain == EpochPlan(0, (48, 64), None)
    variation, full = source.variation(2, source.plain)
    assert variation.affine((48, 64)).matrix == pytest.approx(np.eye(2, 3))
    assert not full


def test_mirrored_crops_swap_left_and_right_points():
    source = one(image=scene(3))
    mirrored = source.crop_at(0, EpochPlan(0, CROP.size, AugmentConfig(flip=1.0)))
    plain = source.crop_at(0, source.plain)
    assert mirrored[1] == pytest.approx((plain[1] * [-1, 1] + [63, 0])[[1, 0, 2, 4, 3]])
    assert np.abs(mirrored[0].astype(int) - plain[0][:, ::-1]).max() <= 2
    assert mirrored[1][0, 0] < mirrored[1][1, 0]  # the right eye stays on the left of the image


def test_batches_name_the_source_and_the_mirroring_of_each_face():
    faces = [replace(face(f"{k}.png"), source=k) for k in (0, 2)]
    source = CropSource(data_set(*faces), CROP, varied=True)
    for flip in (0.0, 1.0):
        batch = source.batch([1, 0], EpochPlan(0, CROP.size, AugmentConfig(flip=flip)))
        assert batch.source.tolist() == [2, 0]
        assert batch.mirrored.tolist() == [flip == 1.0] * 2


def test_mirror_of_a_mirrored_image_is_the_original_crop():
    """Flip twice: the mirrored image with mirrored labels, cropped with a mirror, is the plain crop."""
    image = scene(4)
    turned = (POINTS * [-1, 1] + [SIZE[1] - 1, 0])[list(SKELETON.flip)]
    twice = one(keypoints=turned, image=np.ascontiguousarray(image[:, ::-1]))
    once = one(image=image)
    crop, keypoints, _ = twice.crop_at(0, EpochPlan(0, CROP.size, AugmentConfig(flip=1.0)))
    plain, expected, _ = once.crop_at(0, once.plain)
    assert keypoints == pytest.approx(expected)
    assert np.abs(crop.astype(int) - plain).mean() < 1


@pytest.mark.parametrize("size", [(48, 64), (24, 32)])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_flip_shift_moves_mirrored_points_to_the_right_by_a_share_of_the_face_crop(size, share):
    source = one(CROP.model_copy(update={"full_image_share": share}))
    plain, moved = (
        source.crop_at(0, EpochPlan(0, size, AugmentConfig(flip=1.0, flip_shift=shift)))[1] for shift in (0.0, 0.05)
    )
    cached = source.faces[0]
    smaller = cached.to_full_image.scale / cached.to_face.scale if share else 1.0
    assert moved - plain == pytest.approx(np.tile([0.05 * size[1] * smaller, 0.0], (5, 1)))


def test_flip_shift_corrects_labels_that_lie_to_one_side():
    """Labels of a face and of its mirror image, both 2 px too far right, are the same points of the same crop."""
    aside = one(keypoints=POINTS + [2.0, 0.0])
    scale = aside.faces[0].to_face.scale
    plan = EpochPlan(0, CROP.size, AugmentConfig(flip=1.0, flip_shift=2 * 2.0 * scale / 64))
    correct = (aside.crop_at(0, aside.plain)[1] - [2.0 * scale, 0.0]) * [-1, 1] + [63, 0]
    assert aside.crop_at(0, plan)[1] == pytest.approx(correct[list(SKELETON.flip)] + [2.0 * scale, 0.0])


def test_flip_shift_leaves_other_crops_alone():
    source = one()
    plan = EpochPlan(0, CROP.size, AugmentConfig(flip=0.0, flip_shift=0.1))
    assert source.crop_at(0, plan)[1] == pytest.approx(source.crop_at(0, source.plain)[1])


def test_skeleton_without_a_flip_map_cannot_be_mirrored():
    source = CropSource(data_set(face(skeleton=replace(SKELETON, flip=None))), CROP, varied=True)
    with pytest.raises(SkeletonError, match="flip"):
        source.crop_at(0, EpochPlan(0, CROP.size, AugmentConfig(flip=1.0)))


def test_low_resolution_crops_show_the_same_variation(source):
    full, low = (source.batch([0, 1], EpochPlan(2, size, VARIED)) for size in ((48, 64), (24, 32)))
    assert low.crops.shape == (2, 3, 24, 32)
    assert torch.allclose(low.target, full.target, atol=1e-6)  # normalized: -1 to 1 from edge to edge
    assert low.image_px.numpy() == pytest.approx(2 * full.image_px.numpy())
    plain, plain_low = (source.batch([0, 1], EpochPlan(2, size)) for size in ((48, 64), (24, 32)))
    halved = torch.nn.functional.avg_pool2d(plain.crops.float(), 2)
    assert (halved - plain_low.crops.float()).abs().mean() < 8


def test_share_of_full_images_is_kept():
    source = one(CROP.model_copy(update={"full_image_share": 0.3}))
    shown = [source.variation(0, EpochPlan(epoch, CROP.size, AugmentConfig()))[1] for epoch in range(400)]
    assert np.mean(shown) == pytest.approx(0.3, abs=0.07)


def test_gray_crops_are_the_luma_of_color_crops():
    color, gray = (one(CROP.model_copy(update={"channels": n}), image=scene(6)) for n in (3, 1))
    rgb, luma = color.crop_at(0, color.plain)[0], gray.crop_at(0, gray.plain)[0]
    assert np.abs(rgb @ [0.299, 0.587, 0.114] - luma[..., 0]).max() < 1


def test_missing_points_stay_missing_and_mirror_with_their_side():
    hidden = POINTS.copy()
    hidden[[1, 2]] = np.nan
    source = one(keypoints=hidden)
    for epoch in range(8):
        plan = EpochPlan(epoch, CROP.size, VARIED)
        target = source.batch([0], plan).target[0]
        missing = torch.where(target.isnan().any(-1))[0].tolist()
        assert missing == ([0, 2] if source.variation(0, plan)[0].mirror else [1, 2])
        assert target.isnan().any(-1).equal(target.isnan().all(-1))


# Crops: the same seed, epoch and face give the same crop


def test_crops_do_not_depend_on_the_order(source):
    first, again = source.batch([2, 3], PLAN), source.batch([3, 0, 2], PLAN)
    assert torch.equal(first.crops[0], again.crops[2])
    assert torch.equal(first.target[1], again.target[0])
    assert first.image_px[1] == again.image_px[0]


def test_resumed_runs_get_the_same_crops(source):
    """A new source that starts at epoch 2 gives the crops of a source that has been in use since epoch 0."""
    for epoch in range(2):
        source.batch([0, 1, 2, 3, 4], PLAN._replace(epoch=epoch))
    resumed = CropSource(many(5), CROP, varied=True, seed=3)
    assert torch.equal(resumed.batch([4, 1], PLAN).crops, source.batch([4, 1], PLAN).crops)


@pytest.mark.parametrize("world", [2, 3])
def test_crops_do_not_depend_on_the_number_of_devices(source, world):
    def crops(rank, devices):
        steps = plan_batches(5, 4, PLAN.epoch, 3, rank, devices)
        made = ((indices.tolist(), source.batch(indices, PLAN).crops) for indices, _ in steps)
        return {index: crop for indices, batch in made for index, crop in zip(indices, batch, strict=True)}

    alone = crops(0, 1)
    together = {index: crop for rank in range(world) for index, crop in crops(rank, world).items()}
    assert alone.keys() == together.keys() == set(range(5))
    assert all(torch.equal(alone[index], together[index]) for index in alone)


def test_variation_changes_with_epoch_face_and_seed(source):
    def number(seed=3, epoch=2, index=0):
        source = one(seed=seed)
        source.faces *= 3
        return source.variation(index, EpochPlan(epoch, CROP.size, VARIED))[0].rotation_deg

    assert number() == source.variation(0, PLAN)[0].rotation_deg
    assert len({number(), number(seed=4), number(epoch=3), number(index=1), number(epoch=0, index=2)}) == 5


# Batches


def test_batch_has_the_documented_shapes_and_types(source):
    batch = source.batch([0, 4], PLAN, share=0.75)
    assert batch.crops.shape == (2, 3, 48, 64)
    assert batch.crops.dtype == torch.uint8
    assert batch.crops.is_contiguous(memory_format=torch.channels_last)
    assert batch.target.shape == (2, 5, 2)
    assert batch.target.dtype == batch.image_px.dtype == batch.length.dtype == torch.float32
    assert batch.image_px.shape == batch.length.shape == (2,)
    assert batch.share == 0.75
    assert source.batch([1], PLAN).share == 1.0


def test_batch_targets_are_normalized_crop_px(source):
    crop, keypoints, affine = source.crop_at(1, PLAN)
    batch = source.batch([3, 1], PLAN)
    assert denormalize(batch.target[1].double(), CROP.size).numpy() == pytest.approx(keypoints, abs=1e-4)
    assert normalize(keypoints, CROP.size) == pytest.approx(batch.target[1].numpy(), abs=1e-6)
    assert np.array_equal(batch.crops[1].permute(1, 2, 0).numpy(), crop)
    assert float(batch.image_px[1]) == pytest.approx(1 / affine.scale)
    assert batch.length.numpy() == pytest.approx(source.lengths[[3, 1]])


def test_tensor_shares_memory_with_the_crops():
    crops = np.zeros((2, 5, 7, 3), np.uint8)
    tensor = to_tensor(crops)
    crops[1, 2, 6, 0] = 9
    assert tensor.shape == (2, 3, 5, 7)
    assert int(tensor[1, 0, 2, 6]) == 9


# The order of an epoch


@given(st.integers(1, 90), st.integers(1, 40), st.integers(1, 4), st.integers(0, 5), st.integers(0, 5))
def test_every_face_occurs_once_per_epoch_over_all_devices(count, batch, world, epoch, seed):
    world = min(world, count)
    ranks = [plan_batches(count, batch, epoch, seed, rank, world) for rank in range(world)]
    assert len({len(steps) for steps in ranks}) == 1  # devices that wait for each other need as many steps
    seen = np.concatenate([indices for steps in ranks for indices, _ in steps])
    assert sorted(seen) == list(range(count))
    sizes = [sum(len(indices) for indices, _ in step) for step in zip(*ranks, strict=True)]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(batch, 2 * world - 1)  # small batches grow until every device has a face
    assert all(len(indices) for steps in ranks for indices, _ in steps)


@given(st.integers(2, 40), st.integers(1, 16), st.integers(1, 3))
def test_shares_average_to_the_mean_of_the_batch(count, batch, world):
    world = min(world, count)
    loss = np.random.default_rng(count).uniform(size=count)
    ranks = [plan_batches(count, batch, 1, 2, rank, world) for rank in range(world)]
    for step in zip(*ranks, strict=True):
        together = np.concatenate([indices for indices, _ in step])
        devices = [share * loss[indices].mean() for indices, share in step]
        assert np.mean(devices) == pytest.approx(loss[together].mean())
        assert world > 1 or step[0][1] == 1


@pytest.mark.parametrize(("count", "batch", "steps"), [(10, 5, 2), (11, 5, 3), (3, 8, 1), (33, 32, 2)])
def test_number_of_steps_by_hand(count, batch, steps):
    assert len(plan_batches(count, batch, 0, 0)) == steps


def test_devices_take_turns_in_a_batch():
    (whole, _), *_ = plan_batches(14, 7, 1, 9)
    parts = [plan_batches(14, 7, 1, 9, rank, 3)[0] for rank in range(3)]
    assert [part[0].tolist() for part in parts] == [whole[rank::3].tolist() for rank in range(3)]
    assert [share for _, share in parts] == pytest.approx([3 * 3 / 7, 2 * 3 / 7, 2 * 3 / 7])


def test_order_depends_on_epoch_and_seed_alone():
    def order(epoch, seed):
        return np.concatenate([indices for indices, _ in plan_batches(20, 4, epoch, seed)]).tolist()

    assert order(1, 5) == order(1, 5)
    assert order(1, 5) != order(2, 5)
    assert order(1, 5) != order(1, 6)
    assert order(1, 5) != list(range(20))


# The thread that prepares batches


def test_batches_arrive_in_order_with_their_shares(source):
    steps = [(np.array([3, 0]), 1.0), (np.array([4]), 0.5), (np.array([1, 2]), 1.5)]
    made = list(Batches(source, steps, PLAN))
    assert len(Batches(source, steps, PLAN)) == len(made) == 3
    for (indices, share), batch in zip(steps, made, strict=True):
        assert torch.equal(batch.crops, source.batch(indices.tolist(), PLAN).crops)
        assert batch.share == share


def test_batches_can_be_iterated_twice(source):
    batches = Batches(source, plan_batches(5, 2, 0, 0), PLAN)
    first, second = list(batches), list(batches)
    assert all(torch.equal(a.crops, b.crops) for a, b in zip(first, second, strict=True))


def test_no_thread_remains_after_an_interrupted_epoch(source):
    before = threading.active_count()
    for _ in Batches(source, plan_batches(5, 2, 0, 0) * 9, PLAN):
        break
    assert threading.active_count() == before
    assert len(list(Batches(source, plan_batches(5, 2, 0, 0), PLAN))) == 3
    assert threading.active_count() == before


def test_interrupted_epoch_stops_the_preparation():
    class Counting:
        prepared = 0

        def batch(self, indices, _plan, share):
            self.prepared += 1
            return indices, share

    counting = Counting()
    for _ in Batches(counting, [(np.array([0]), 1.0)] * 500, PLAN):
        break
    assert counting.prepared < 50


def test_errors_in_the_thread_are_raised_in_the_consumer(source):
    steps = [(np.array([1]), 1.0), (np.array([99]), 1.0)]
    batches = iter(Batches(source, steps, PLAN))
    assert next(batches).crops.shape[0] == 1
    with pytest.raises(IndexError):
        next(batches)


# From a configuration to sources


def splits(train, validation, test=0):
    names = {"train": train, "val": validation, "test": test}
    return data_set(*(face(f"{split}{k}.png", split=split) for split, count in names.items() for k in range(count)))


def test_training_and_validation_faces_are_read_apart():
    recorder = Recorder()
    config = load("nose", ["augment.flip=0.5", "seed=9"])
    training, validation = read_sources(config, splits(3, 2, test=4), recorder)
    assert [each.annotation.name for each in training.faces] == ["train0.png", "train1.png", "train2.png"]
    assert [each.annotation.name for each in validation.faces] == ["val0.png", "val1.png"]
    assert recorder.tasks == [("reading images", 5)]
    assert recorder.advanced == 5
    assert training.seed == validation.seed == 9
    assert training.crop == validation.crop == config.crop


def test_only_varied_training_faces_are_cached_with_surroundings():
    settings = ["crop.box=points", "crop.height=24", "crop.width=32"]
    for augment, shapes in ((["augment.flip=0.5"], False), ([], True)):
        training, validation = read_sources(load("nose", settings + augment), splits(2, 2))
        assert (training.faces[0].region.shape == (24, 32, 3)) is shapes
        assert validation.faces[0].region.shape == (24, 32, 3)


def test_full_images_are_shown_without_other_variation():
    config = load("nose", ["crop.box=points", "crop.height=24", "crop.width=32", "crop.full_image_share=1.0"])
    training, _ = read_sources(config, splits(1, 0))
    crop, keypoints, _ = training.crop_at(0, epoch_plan(config, 0))
    full = Affine.crop([-0.5, -0.5, SIZE[1] - 0.5, SIZE[0] - 0.5], (24, 32))
    assert keypoints == pytest.approx(full(POINTS))
    image = images.warp(scene(len("train0.png")), full, (24, 32)) @ [0.299, 0.587, 0.114]
    assert np.abs(crop[..., 0] - image).mean() < 15


def test_no_validation_faces_is_none():
    _, validation = read_sources(load("nose"), splits(2, 0))
    assert validation is None


def test_data_without_training_faces_is_rejected():
    with pytest.raises(AnnotationError, match='no faces of the split "train"'):
        read_sources(load("nose"), splits(0, 2))


def test_skipped_faces_are_reported_with_their_reason():
    recorder = Recorder()
    broken = data_set(*splits(2, 2).annotations, images={"train1.png": None, "val0.png": None})
    read_sources(load("nose"), replace(broken, problems=(Problem("row 3", "no such image"),)), recorder)
    assert recorder.warnings == [
        "skipped row 3: no such image",
        "skipped train1.png: train1.png: damaged",
        "skipped val0.png: val0.png: damaged",
    ]


# Hidden points


def hidden_face(known=True):
    """Return a face whose left eye is hidden and whose nose is missing."""
    points = POINTS.copy()
    points[2] = np.nan
    visible = np.array([True, False, True, True, True])
    return replace(face(keypoints=points), visible=visible, visibility_known=known)


def hidden_of(annotation, augment=None):
    source = CropSource(data_set(annotation), CROP, varied=True)
    return source.batch([0], EpochPlan(0, CROP.size, augment)).hidden[0].numpy()


def test_hidden_points_are_1_and_missing_ones_unknown():
    assert_equal(hidden_of(hidden_face()), [0, 1, np.nan, 0, 0])


def test_points_of_data_without_visibility_are_unknown():
    assert np.isnan(hidden_of(hidden_face(known=False))).all()


def test_mirrored_faces_hide_the_other_side():
    assert_equal(hidden_of(hidden_face(), AugmentConfig(flip=1.0)), [1, 0, np.nan, 0, 0])


def test_points_under_a_patch_are_hidden():
    augment = AugmentConfig(photo=PhotoConfig(occlude=1.0, occlude_side=1.0))
    source = CropSource(data_set(hidden_face()), CROP, varied=True)
    found = []
    for epoch in range(30):
        plan = EpochPlan(epoch, CROP.size, augment)
        _, keypoints, _ = source.crop_at(0, plan)
        variation, _ = source.variation(0, plan)
        covered = variation.covers(keypoints, CROP.size)
        found.append(covered.any())
        expected = np.where(np.isnan(keypoints[:, 0]), np.nan, covered | [False, True, False, False, False])
        assert_equal(source.batch([0], plan).hidden[0].numpy(), expected)
    assert any(found)
    assert not all(found)
