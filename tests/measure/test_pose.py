"""Poses of projected heads: exact for the mean head, errors that hold for other heads, and what is rejected."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.measured_faces import HEAD, IBUG, face_of, projected, with_hidden
from nasion.errors import ConfigError, MeasurementError, SkeletonError
from nasion.measure.camera import Camera, rotation_matrix
from nasion.measure.heads import head_of
from nasion.measure.pose import ROLL_ERROR_SHARE, SHARED_ERRORS, pose
from nasion.skeleton import from_table, load_skeleton


def angles(found):
    return np.array([found.yaw.value, found.pitch.value, found.roll.value])


@settings(max_examples=30, deadline=None)
@given(st.floats(-70, 70), st.floats(-40, 40), st.floats(-90, 90), st.floats(2, 40))
def test_mean_head_is_found_exactly(yaw, pitch, roll, scale):
    found = pose(face_of(projected(yaw, pitch, roll, scale), 0.02 * scale))
    assert angles(found) == pytest.approx([yaw, pitch, roll], abs=0.05)
    assert (found.x.value, found.y.value) == pytest.approx((200, 180), abs=0.05 * scale)
    assert found.scale.value == pytest.approx(scale, rel=0.002)
    assert np.allclose(found.camera.project(HEAD), projected(yaw, pitch, roll, scale), atol=0.05 * scale)


def test_errors_hold_for_other_heads_and_noisy_points():
    rng, head, spread = np.random.default_rng(0), head_of(IBUG), 2.0
    scores = []
    for _ in range(250):
        shape = head.points + np.tensordot(rng.normal(size=len(head.modes)), head.modes, 1)
        shape = shape + rng.normal(size=shape.shape) * head.rest[:, None]
        true = np.array([rng.uniform(-50, 50), rng.uniform(-25, 25), rng.uniform(-40, 40)])
        noise = rng.normal(0, spread * SHARED_ERRORS**0.5, (68, 2))
        points = projected(*true, head=shape) + noise
        found = pose(face_of(points, spread))
        numbers = [found.yaw, found.pitch, found.roll, found.x, found.y, found.scale]
        errors = [n.value - t for n, t in zip(numbers, [*true, 200, 180, 10], strict=True)]
        assumed = np.array([n.error for n in numbers]) / [1, 1, ROLL_ERROR_SHARE, 1, 1, 1]  # these are independent
        scores.append(np.array(errors) / assumed)
    assert np.std(scores, axis=0) == pytest.approx(np.ones(6), abs=0.2)
    inside = (np.abs(scores) < 1.645).mean(0)
    assert ((inside > 0.82) & (inside < 0.97)).all()


def test_points_count_by_their_ellipses():
    keypoints = projected(20, 5, 10)
    wrong = keypoints.copy()
    wrong[27:36] += [15, 0]
    face = face_of(wrong, 1.0)
    plain = pose(face)
    face.spread[27:36] = 60.0
    doubted = pose(face)
    assert abs(doubted.yaw.value - 20) < 0.5 < abs(plain.yaw.value - 20)
    assert doubted.yaw.error > plain.yaw.error


def test_missing_points_are_left_out_and_raise_the_error():
    keypoints = projected(25, -10, 5)
    full = pose(face_of(keypoints))
    keypoints[[*range(17), *range(22, 27), *range(42, 48)]] = np.nan
    part = pose(face_of(keypoints))
    assert angles(part) == pytest.approx([25, -10, 5], abs=0.1)
    assert part.yaw.error > full.yaw.error


def test_hidden_points_are_left_out():
    face = face_of(projected(20, -5, 10))
    face.keypoints[:5] += 40.0
    visible = face_of(face.keypoints.copy())
    visible.keypoints[:5] = np.nan
    assert pose(with_hidden(face, range(5))).yaw == pose(visible).yaw != pose(face).yaw
    with pytest.raises(MeasurementError, match="at least 6 visible points; this face has 3"):
        pose(with_hidden(face, range(3, 68)))


def test_without_uncertainty_the_errors_are_nan():
    found = pose(face_of(projected(25, -10, 5), np.nan))
    assert angles(found) == pytest.approx([25, -10, 5], abs=0.1)
    assert np.isnan([number.error for number in found.numbers().values()]).all()


def test_points_without_uncertainty_leave_the_weights_of_the_others():
    keypoints, spread = projected(25, -10, 5), np.ones(68)
    keypoints[30] += 60.0
    spread[30], spread[8] = 1000.0, np.nan
    face = replace(face_of(keypoints), spread=spread)
    assert angles(pose(face)) == pytest.approx([25, -10, 5], abs=0.3)


def test_focal_length_gives_translation_and_distance():
    camera = Camera(rotation_matrix(np.radians([30, 10, -5])), np.array([4.0, -3.0, 50.0]), 700.0, (319.5, 239.5))
    face = face_of(camera.project(HEAD), 0.3)
    inter_ocular = float(np.linalg.norm(HEAD[36] - HEAD[45]))
    found = pose(face, 700.0, (480, 640), inter_ocular)
    assert angles(found) == pytest.approx([30, 10, -5], abs=0.1)
    assert found.distance.value == pytest.approx(50, abs=0.3)
    assert found.scale.value == pytest.approx(14, abs=0.1)
    assert pose(face, 700.0, (480, 640), 2 * inter_ocular).distance.value == pytest.approx(100, abs=0.6)
    place = [each.value for each in found.translation]
    assert place == pytest.approx([4, -3, 50], abs=0.3)
    assert found.translation[2] == found.distance
    assert all(0 < each.error < 5 for each in found.translation)
    twice = pose(face, 700.0, (480, 640), 2 * inter_ocular).translation
    assert [each.error for each in twice] == pytest.approx([2 * each.error for each in found.translation])
    assert pose(face, 700.0, (480, 640)).distance is pose(face, 700.0, (480, 640)).translation is None
    assert abs(pose(face).yaw.value - 30) > 1  # so near, weak perspective is wrong
    assert np.allclose(found.matrix, found.camera.matrix)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((0.0, (480, 640)), "positive number of px"),
        ((float("nan"), (480, 640)), "positive number of px"),
        ((700.0, None), "of the image is needed"),
        ((700.0, (480, 640), -1.0), "positive number of cm"),
        ((700.0, (480, 640), float("inf")), "positive number of cm"),
    ],
)
def test_bad_cameras_are_rejected(options, words):
    with pytest.raises(ConfigError, match=words):
        pose(face_of(projected(0, 0, 0)), *options)


def test_distances_need_a_skeleton_with_the_inter_ocular_distance():
    other = face_of(projected(0, 0, 0), skeleton=replace(IBUG, normalizers={}))
    assert pose(other, 700.0, (480, 640)).distance is None
    with pytest.raises(SkeletonError, match='has no normalizer "inter_ocular"'):
        pose(other, 700.0, (480, 640), 9.0)


def test_too_few_points_and_lines_are_rejected():
    keypoints = projected(0, 0, 0)
    keypoints[5:] = np.nan
    with pytest.raises(MeasurementError, match="at least 6 visible points; this face has 5"):
        pose(face_of(keypoints))
    line = np.linspace(0, 100, 68)[:, None] * [1.0, 0.5]
    with pytest.raises(MeasurementError, match="do not lie on a line"):
        pose(face_of(line))
    with pytest.raises(MeasurementError, match="at least 6"):
        pose(face_of(np.full((68, 2), np.nan)))
    with pytest.raises(SkeletonError, match="no points in three dimensions"):
        pose(face_of(np.zeros((58, 2)), skeleton=load_skeleton("imm-58")))


def test_points_in_a_plane_have_a_pose():
    keypoints = np.full((68, 2), np.nan)
    eyes = [36, 37, 38, 39, 40, 41]
    keypoints[eyes] = projected(0, 0, 0)[eyes]
    found = pose(face_of(keypoints))
    assert np.isfinite(angles(found)).all()
    assert found.yaw.error > 3


def test_heads_without_depth_are_rejected():
    flat = replace(IBUG, name="flat", head=tuple((x, y, 8.0) for x, y, _ in HEAD.tolist()))
    with pytest.raises(MeasurementError, match="lie in a plane of the head"):
        pose(face_of(projected(0, 0, 10), skeleton=flat))


def test_points_that_do_not_look_like_a_head_have_a_pose():
    """The y coordinates do not depend on those of the head, a cube: the best affine camera maps it onto a line."""
    cube = np.array(list(product([-1.0, 1.0], repeat=3)))
    table = {"title": "cube", "count": 8, "regions": {"corners": "0-7"}, "head": {"points": cube.tolist()}}
    found = pose(face_of(10 * np.column_stack([cube[:, 0], cube.prod(1)]), skeleton=from_table("cube", table)))
    assert np.isfinite([*angles(found), found.scale.value]).all()


def test_axes_are_drawn_where_the_head_looks():
    image = np.zeros((360, 400, 3), np.uint8)
    drawn = pose(face_of(projected(40, 0, 0))).draw(image)
    blue = np.argwhere((drawn[..., 2] > 150) & (drawn[..., 0] < 60))
    assert not image.any()
    assert blue[:, 1].max() > 300  # to the right of the image
