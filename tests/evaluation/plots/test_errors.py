"""Figures of errors: their data, labels, limits and legends against values computed manually."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from doubles import QUAD_FACE
from evaluation.figure_contents import drawn, labels, legend, lines
from nasion.evaluation import plots
from nasion.evaluation.plots.figure import INK
from nasion.uncertainty import nominal_share


def share_at(axis, label, x):
    """Return the height of a curve of steps at x."""
    places, heights = lines(axis)[label]
    return heights[np.searchsorted(places, x, side="right") - 1]


def test_ced_curve_is_the_share_of_faces_up_to_each_error():
    nme = np.array([0.02, 0.04, 0.06, 0.2, np.nan])
    (axis,) = drawn(plots.ced_curve({"a": nme, "b": nme / 2}, "inter_ocular", 0.08)).axes
    assert list(lines(axis)) == ["a", "b", "failure: above 8 %"]
    assert [line.get_drawstyle() for line in axis.get_lines()[:2]] == ["steps-post"] * 2
    for each in (0, 1.9, 2.1, 5, 6.1, 19, 20):
        assert share_at(axis, "a", each) == pytest.approx(100 * np.mean(nme[:4] <= each / 100 + 1e-12))
        assert share_at(axis, "b", each) == pytest.approx(100 * np.mean(nme[:4] / 2 <= each / 100 + 1e-12))
    assert_allclose(lines(axis)["failure: above 8 %"][0], [8, 8])
    assert labels(axis) == ("NME, inter-ocular (%)", "faces with at most that error (%)")
    assert (axis.get_xlim(), axis.get_ylim()) == ((0, 21), (0, 102))
    assert axis.get_xscale() == "linear"
    assert legend(axis) == ["a", "b", "failure: above 8 %"]


def test_ced_curve_shows_at_least_the_threshold():
    axis = plots.ced_curve({"good": np.array([0.01, 0.02])}, "box_size", 0.05).axes[0]
    assert axis.get_xlim()[1] == pytest.approx(5.25)
    assert lines(axis)["good"][1][-1] == 100
    assert "failure: above 5 %" in lines(axis)
    assert axis.get_xlabel() == "NME, box-size (%)"


@pytest.mark.parametrize(("largest", "scale"), [(0.31, "linear"), (0.33, "log")])
def test_ced_curve_with_a_far_larger_error_reaches_all_faces_on_a_logarithmic_scale(largest, scale):
    nme = np.append(np.full(30, 0.03), largest)
    axis = drawn(plots.ced_curve({"a": nme}, "inter_ocular", 0.08)).axes[0]
    assert axis.get_xscale() == scale
    assert axis.get_xlim()[1] >= 100 * largest
    assert share_at(axis, "a", 100 * largest + 1e-9) == 100


def test_box_curves_show_shifts_and_scales():
    curves = {"a": (np.array([0.03, 0.04, 0.06]), np.array([0.05, 0.03])), "b": (np.zeros(3), np.full(2, 0.01))}
    figure = drawn(plots.box_curves((0.0, 0.1, 0.2), (0.8, 1.0), curves, "inter_ocular"))
    shift, scale = figure.axes
    assert_allclose(lines(shift)["a"], [[0, 10, 20], [3, 4, 6]])
    assert_allclose(lines(scale)["a"], [[0.8, 1], [5, 3]])
    assert_allclose(lines(scale)["b"], [[0.8, 1], [1, 1]])
    assert labels(shift) == ("shift of the box (% of its side)", "NME, inter-ocular (%)")
    assert scale.get_xlabel() == "scale of the box"
    assert shift.get_ylim() == scale.get_ylim()
    assert shift.get_ylim()[0] == 0
    assert shift.get_ylim()[1] > 6
    assert legend(shift) == legend(scale) == ["a", "b"]


def test_region_bars_are_in_reading_order():
    figure = drawn(plots.region_bars({"eyes": 1.234, "mouth": 5.0, "nose": 3.0}))
    (axis,) = figure.axes
    assert [bar.get_width() for bar in axis.patches] == [3.0, 5.0, 1.234]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["nose", "mouth", "eyes"]  # the first is on top
    assert [text.get_text() for text in axis.texts] == ["3.00", "5.00", "1.23"]
    assert axis.get_xlabel() == "mean error (image px)"
    taller = plots.region_bars({str(k): 1.0 for k in range(19)})
    assert taller.get_size_inches()[1] > figure.get_size_inches()[1]


def test_coverage_curve_shows_measured_and_ideal_shares():
    (axis,) = drawn(plots.coverage_curve(np.array([[0.5, 1.5], [2.5, np.nan]]))).axes
    x, y = lines(axis)["measured"]
    assert_allclose([x[0], x[-1], len(x)], [0, 4, 81])
    assert_allclose(y, [100 * np.mean([d <= each for d in (0.5, 1.5, 2.5)]) for each in x])
    assert_allclose(lines(axis)["ideal"][1], 100 * nominal_share(x))
    assert labels(axis) == ("distance (spreads)", "points within this distance (%)")
    assert (axis.get_xlim(), axis.get_ylim()) == ((0, 4), (0, 102))
    assert legend(axis) == ["measured", "ideal"]


def test_spread_curve_shows_measured_against_predicted_errors():
    errors, expected = np.array([[2.0, 6.0], [10.0, np.nan]]), np.array([[1.0, 2.0], [4.0, 3.0]])
    (axis,) = drawn(plots.spread_curve(errors, expected)).axes
    assert_allclose(lines(axis)["measured, one tenth of the points each"], [[1, 2, 4], [2, 6, 10]])
    assert_allclose(lines(axis)["ideal"], [[0, 4], [0, 4]])
    assert labels(axis) == ("mean predicted error (image px)", "mean error (image px)")
    assert axis.get_xlim()[0] == axis.get_ylim()[0] == 0
    assert legend(axis) == ["measured, one tenth of the points each", "ideal"]


def test_spread_curve_groups_points_by_their_predicted_error():
    expected = np.random.default_rng(0).permutation(40).astype(float).reshape(8, 5)
    axis = plots.spread_curve(expected * 2 + 1, expected).axes[0]
    x, y = lines(axis)["measured, one tenth of the points each"]
    assert_allclose(x, np.arange(40).reshape(10, 4).mean(1))
    assert_allclose(y, 2 * x + 1)


# --- the mean face


def test_point_map_shows_errors_as_size_and_color():
    errors = np.array([1.0, 2.0, 4.0, 3.0])
    figure = drawn(plots.point_map(QUAD_FACE, errors))
    axis, bar = figure.axes
    (scatter,) = axis.collections
    assert_allclose(scatter.get_offsets(), QUAD_FACE)
    assert_allclose(scatter.get_array(), errors)
    assert_allclose(scatter.get_sizes(), [80, 120, 200, 160])
    assert [text.get_text() for text in axis.texts] == ["0", "1", "2", "3"]
    assert_allclose([text.xy for text in axis.texts], QUAD_FACE)
    assert axis.yaxis_inverted()
    assert axis.get_aspect() == 1
    assert labels(axis) == ("x (px of the mean face)", "y (px of the mean face)")
    assert bar.get_ylabel() == "mean error (image px)"


def test_numbers_are_dark_on_light_discs_and_white_on_dark_ones():
    axis = plots.point_map(QUAD_FACE, np.array([1.0, 2.0, 4.0, 3.0])).axes[0]
    assert [text.get_color() for text in axis.texts] == [INK, INK, "white", "white"]


def test_point_map_of_a_perfect_model_has_small_discs():
    figure = drawn(plots.point_map(QUAD_FACE, np.zeros(4)))
    assert_allclose(figure.axes[0].collections[0].get_sizes(), np.full(4, 40))


def test_bias_map_draws_arrows_ten_times_as_long():
    bias = np.array([[1.0, 0], [0, 2], [-1, -1], [0.5, 0.25]])
    figure = drawn(plots.bias_map(QUAD_FACE, bias))
    (axis,) = figure.axes
    (arrows,) = axis.collections
    assert_allclose(arrows.get_offsets(), QUAD_FACE)
    assert_allclose(np.column_stack([arrows.U, arrows.V]), bias)
    assert (arrows.angles, arrows.scale_units, arrows.scale) == ("xy", "xy", 0.1)
    assert_allclose(np.stack(next(iter(lines(axis).values()))), QUAD_FACE.T)
    (key,) = axis.artists
    assert (key.text.get_text(), key.U) == ("2 image px", 2.0)
    assert axis.yaxis_inverted()
    assert axis.get_aspect() == 1
    assert labels(axis) == ("x (px of the mean face)", "y (px of the mean face)")


def test_long_arrows_stay_in_view():
    bias = np.array([[-9.0, 0], [0, 7], [0, -8], [12, 0]])
    axis = drawn(plots.bias_map(QUAD_FACE, bias)).axes[0]
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    ends = QUAD_FACE + 10 * bias
    assert left <= ends[:, 0].min() <= ends[:, 0].max() <= right
    assert top <= ends[:, 1].min() <= ends[:, 1].max() <= bottom
