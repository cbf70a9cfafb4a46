"""The parametric head: ranges of its parameters, geometry of the projection, and keypoints on the curves."""

from dataclasses import astuple, replace

import numpy as np
import pytest

from nasion.datasets.drawn.head import (
    CURVE_POINTS,
    NECK,
    PERSPECTIVE,
    SKELETONS,
    Head,
    Shot,
    _at_fractions,
    _catmull_rom,
    curves_in_space,
    keypoints_of,
    project_curves,
    sample_head,
    sample_shot,
)
from nasion.skeleton import load_skeleton

SIZE = (480, 640)
MEAN_HEAD = Head(1, 1, 2.5, 1, 0.0, 1, 1, 1, 1, 1, 1, 1)
FRONTAL = Shot(
    yaw=0, pitch=0, roll=0, smile=0, open=0, lids=1, brows=0, unit_px=100, origin=(320, 220), light=(0, 0, 1), ambient=1
)


def shots(view, count=200):
    return [sample_shot(np.random.default_rng([9, k]), view, SIZE) for k in range(count)]


def mean_of(field, view):
    return np.mean([getattr(shot, field) for shot in shots(view)])


# ----------------------------------------------------------------------------------------------------------- sampling


def test_heads_vary_around_the_mean_head():
    heads = np.array([astuple(sample_head(np.random.default_rng([9, k]))) for k in range(300)])
    assert np.median(heads, axis=0) == pytest.approx(astuple(MEAN_HEAD), abs=0.08)
    assert (heads.std(axis=0) > 0.01).all()
    factors = np.delete(heads, 4, axis=1)  # the tilt of the eyes is not a factor
    assert (factors > 0).all()


def test_heads_are_reproducible():
    assert sample_head(np.random.default_rng(4)) == sample_head(np.random.default_rng(4))
    assert sample_head(np.random.default_rng(4)) != sample_head(np.random.default_rng(5))


@pytest.mark.parametrize(("view", "yaw"), [(0, 0), (1, 0), (2, -25), (3, 25), (4, 0), (5, 0)])
def test_views_2_and_3_are_turned(view, yaw):
    assert mean_of("yaw", view) == pytest.approx(yaw, abs=3)


def test_view_1_smiles_and_the_others_hardly():
    smiles = [mean_of("smile", view) for view in range(5)]
    assert smiles[1] > 0.6
    assert max(smiles[:1] + smiles[2:]) < 0.25


def test_view_4_is_lit_from_one_side():
    for shot in shots(4):
        assert abs(shot.light[0]) == pytest.approx(0.9)
        assert 0.3 <= shot.ambient <= 0.5
    assert {np.sign(shot.light[0]) for shot in shots(4)} == {-1, 1}
    for shot in shots(0):
        assert abs(shot.light[0]) <= 0.5
        assert 0.5 <= shot.ambient <= 0.75


def test_view_5_varies_more_than_view_0():
    for field in ("yaw", "pitch", "roll", "open", "lids", "brows"):
        spreads = [np.std([getattr(shot, field) for shot in shots(view)]) for view in (0, 5)]
        assert spreads[1] > 1.3 * spreads[0], field


@pytest.mark.parametrize("view", range(6))
def test_shots_stay_in_their_ranges(view):
    for shot in shots(view):
        assert 0 <= shot.smile <= 1
        assert 0 <= shot.open <= 1
        assert 0.4 <= shot.lids <= 1.3
        assert 0.2 * SIZE[0] <= shot.unit_px <= 0.27 * SIZE[0]
        assert shot.light[2] > 0  # never from behind


def test_origin_is_given_as_x_and_y():
    shot_x, shot_y = np.mean([shot.origin for shot in shots(0)], axis=0)
    assert shot_x == pytest.approx(0.5 * SIZE[1], rel=0.03)
    assert shot_y == pytest.approx(0.46 * SIZE[0], rel=0.03)


# --------------------------------------------------------------------------------------------------------- projection


def test_every_curve_is_projected_to_the_plane():
    curves, seen = curves_in_space(MEAN_HEAD, FRONTAL), project_curves(MEAN_HEAD, FRONTAL)
    assert curves.keys() == seen.keys()
    assert {curve.shape for curve in curves.values()} == {(CURVE_POINTS, 3)}
    assert {curve.shape for curve in seen.values()} == {(CURVE_POINTS, 2)}


def test_frontal_projection_is_a_perspective_division():
    for name, curve in curves_in_space(MEAN_HEAD, FRONTAL).items():
        expected = 100 * curve[:, :2] / (1 - PERSPECTIVE * curve[:, 2:]) + [320, 220]
        assert project_curves(MEAN_HEAD, FRONTAL)[name] == pytest.approx(expected)


def test_outer_corners_of_the_eyes_are_one_unit_apart():
    curves = curves_in_space(MEAN_HEAD, FRONTAL)
    assert curves["right_upper_lid"][-1, 0] - curves["left_upper_lid"][-1, 0] == pytest.approx(1)


def test_frontal_mean_head_is_symmetric():
    curves = project_curves(MEAN_HEAD, FRONTAL)
    for part in ("upper_lid", "lower_lid", "brow", "nose", "ear"):
        mirrored = curves[f"left_{part}"] * [-1, 1] + [640, 0]
        assert curves[f"right_{part}"] == pytest.approx(mirrored, abs=1e-9), part
    for part in ("jaw", "skull", "hairline", "upper_lip", "lower_lip"):
        assert curves[part][::-1] == pytest.approx(curves[part] * [-1, 1] + [640, 0], abs=1e-9), part


@pytest.mark.parametrize(
    ("field", "axis", "sign"),
    [("yaw", 0, 1), ("pitch", 1, 1)],
)
def test_positive_angles_turn_the_nose_right_and_down(field, axis, sign):
    tip = project_curves(MEAN_HEAD, FRONTAL)["bridge"][-1]
    turned = project_curves(MEAN_HEAD, replace(FRONTAL, **{field: 20}))["bridge"][-1]
    assert sign * (turned - tip)[axis] > 3


def test_roll_turns_the_image_around_the_neck():
    level = replace(FRONTAL, roll=0)
    rolled = project_curves(MEAN_HEAD, replace(FRONTAL, roll=90))
    center = NECK[:2]
    for name, curve in curves_in_space(MEAN_HEAD, level).items():
        x, y = (curve[:, :2] - center).T
        expected = 100 * (np.stack([-y, x], -1) + center) / (1 - PERSPECTIVE * curve[:, 2:]) + [320, 220]
        assert rolled[name] == pytest.approx(expected, abs=1e-9), name


def test_scale_and_origin():
    one = project_curves(MEAN_HEAD, FRONTAL)["jaw"]
    other = project_curves(MEAN_HEAD, replace(FRONTAL, unit_px=250, origin=(10, 20)))["jaw"]
    assert other == pytest.approx((one - [320, 220]) * 2.5 + [10, 20])


# --------------------------------------------------------------------------------------------------------- expression


def test_open_mouth_separates_the_lips_and_lowers_the_chin():
    closed, opened = (project_curves(MEAN_HEAD, replace(FRONTAL, open=value)) for value in (0, 1))
    middle = CURVE_POINTS // 2

    def gap(curves):
        return (curves["lower_inner"] - curves["upper_inner"])[middle, 1]

    assert 0 < gap(closed) < 2
    assert gap(opened) > 20
    assert opened["jaw"][middle, 1] > closed["jaw"][middle, 1] + 5


def test_smile_raises_and_widens_the_corners_of_the_mouth():
    serious, smiling = (project_curves(MEAN_HEAD, replace(FRONTAL, smile=value))["upper_lip"] for value in (0, 1))
    assert np.ptp(smiling[:, 0]) > 1.1 * np.ptp(serious[:, 0])
    assert (smiling[[0, -1], 1] < serious[[0, -1], 1] - 3).all()


def test_lids_and_brows():
    def opening(shot):
        curves = project_curves(MEAN_HEAD, shot)
        return (curves["left_lower_lid"] - curves["left_upper_lid"])[:, 1].max()

    assert opening(replace(FRONTAL, lids=1.3)) > opening(FRONTAL) > opening(replace(FRONTAL, lids=0.4)) > 0
    raised = project_curves(MEAN_HEAD, replace(FRONTAL, brows=0.1))["left_brow"]
    assert (raised[:, 1] < project_curves(MEAN_HEAD, FRONTAL)["left_brow"][:, 1] - 5).all()


@pytest.mark.parametrize(
    ("field", "curve", "axis"),
    [
        ("width", "jaw", 0),
        ("length", "jaw", 1),
        ("nose_width", "left_nose", 0),
        ("nose_length", "bridge", 1),
        ("mouth_width", "upper_lip", 0),
        ("eye_size", "left_upper_lid", 0),
        ("brow_arch", "left_brow", 1),
    ],
)
def test_factors_enlarge_their_parts(field, curve, axis):
    mean = curves_in_space(MEAN_HEAD, FRONTAL)[curve]
    large = curves_in_space(replace(MEAN_HEAD, **{field: 1.2}), FRONTAL)[curve]
    assert np.ptp(large[:, axis]) > 1.05 * np.ptp(mean[:, axis])


def test_nose_stands_out_of_the_face():
    bridge = curves_in_space(MEAN_HEAD, FRONTAL)["bridge"]
    deep = curves_in_space(replace(MEAN_HEAD, nose_depth=1.5), FRONTAL)["bridge"]
    assert bridge[-1, 2] > bridge[0, 2] + 0.2
    assert deep[-1, 2] > bridge[-1, 2] + 0.1


# ------------------------------------------------------------------------------------------------------------- curves


def test_catmull_rom_passes_through_its_points():
    points = np.array([[0.0, 0, 1], [1, 2, 0], [3, 1, 4], [4, 4, 2], [7, 3, 3]])
    assert _catmull_rom(points, np.linspace(0, 1, 5)) == pytest.approx(points)


def test_catmull_rom_is_straight_through_evenly_spaced_points():
    points = np.arange(4)[:, None] * [3.0, -2.0]
    t = np.linspace(0, 1, 11)
    assert _catmull_rom(points, t) == pytest.approx(t[:, None] * [9, -6])


def test_catmull_rom_has_no_corners():
    """The slope before and after an inner point is the same: half the vector between its neighbors."""
    points = np.array([[0.0, 0], [1, 2], [3, 1], [4, 4]])
    step = 1e-6
    before, at, after = _catmull_rom(points, 2 / 3 + np.array([-step, 0, step]))
    assert (after - at) / (3 * step) == pytest.approx((points[3] - points[1]) / 2, abs=1e-3)
    assert (at - before) / (3 * step) == pytest.approx((points[3] - points[1]) / 2, abs=1e-3)


def test_points_at_fractions_of_the_length():
    """The curve has a leg of 30 px and one of 10 px."""
    curve = np.array([[0.0, 0], [10, 0], [30, 0], [30, 10]])
    assert _at_fractions(curve, np.array([0, 0.25, 0.5, 0.75, 0.875, 1])).tolist() == [
        [0, 0],
        [10, 0],
        [20, 0],
        [30, 0],
        [30, 5],
        [30, 10],
    ]
    assert _at_fractions(curve, 0.5).tolist() == [[20, 0]]


# ---------------------------------------------------------------------------------------------------------- keypoints


def distance_to(curve, point):
    """Return the distance of a point to a polyline, px."""
    starts, legs = curve[:-1], np.diff(curve, axis=0)
    t = np.clip(((point - starts) * legs).sum(1) / np.maximum((legs**2).sum(1), 1e-12), 0, 1)
    return np.linalg.norm(starts + t[:, None] * legs - point, axis=1).min()


EYES_AND_BROWS = {  # the skeletons name the person's sides, the curves the sides of the image
    "left_eye": ["right_upper_lid", "right_lower_lid"],
    "right_eye": ["left_upper_lid", "left_lower_lid"],
    "left_brow": ["right_brow"],
    "right_brow": ["left_brow"],
    "jaw": ["jaw"],
}
REGION_CURVES = {
    "imm-58": {
        **EYES_AND_BROWS,
        "mouth": ["upper_lip", "lower_lip"],
        "nose": ["left_nose", "right_nose"],
    },
    "ibug-68": {
        **EYES_AND_BROWS,
        "nose_bridge": ["bridge"],
        "nostrils": ["left_nose", "right_nose"],
        "outer_lip": ["upper_lip", "lower_lip"],
        "inner_lip": ["upper_inner", "lower_inner"],
    },
}
"""The curves that the points of each region lie on."""


@pytest.mark.parametrize("view", [0, 1, 3])
@pytest.mark.parametrize("name", SKELETONS)
def test_points_lie_on_the_curves_of_their_region(name, view):
    shot, head = sample_shot(np.random.default_rng(3), view, SIZE), sample_head(np.random.default_rng(3))
    curves = project_curves(head, shot)
    keypoints = keypoints_of(curves, name)
    regions = load_skeleton(name).regions
    assert set(regions) == set(REGION_CURVES[name])
    for region, indices in regions.items():
        for k in indices:
            distances = [distance_to(curves[curve], keypoints[k]) for curve in REGION_CURVES[name][region]]
            assert min(distances) < 1e-6, (region, k)


def test_all_supported_skeletons_are_named():
    assert sorted(SKELETONS) == ["ibug-68", "imm-58"]


def test_unknown_skeleton_is_a_fault():
    with pytest.raises(KeyError):
        keypoints_of(project_curves(MEAN_HEAD, FRONTAL), "wflw-98")
