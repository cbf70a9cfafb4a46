"""Figures: their data, labels, limits and legends against values computed manually."""

import io

import cv2
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from doubles import QUAD_FACE
from nasion.evaluation import plots
from nasion.uncertainty import nominal_share


def lines(axis):
    """Return the lines of an axis by label: x and y."""
    return {line.get_label(): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in axis.get_lines()}


def labels(axis):
    return axis.get_xlabel(), axis.get_ylabel()


def legend(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def drawn(figure):
    """Check that the figure can be drawn, and return it."""
    assert plots.png(figure, dpi=20).startswith(b"\x89PNG")
    return figure


def test_png_has_the_size_of_the_figure():
    figure = plots.region_bars({"eyes": 1.0, "mouth": 2.0})
    content = plots.png(figure, dpi=40)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    width, height = figure.get_size_inches()
    assert image.shape == (int(height * 40), int(width * 40), 3)
    assert matplotlib.image.imread(io.BytesIO(plots.png(figure))).shape[1] == int(width * 110)


# --- training curves


def steps(count, first=0):
    """Return a training curve in which the loss of step k is k + 1."""
    numbers = np.arange(first, first + count)
    return {"step": numbers.tolist(), "loss": (numbers + 1.0).tolist(), "lr": (numbers / 1000).tolist()}


def test_step_curve_shows_loss_median_and_learning_rate():
    figure = drawn(plots.step_curve(steps(130)))
    axis, rate = figure.axes
    found = lines(axis)
    assert list(found) == ["training loss, each step", "median of 2 steps"]
    assert_allclose(found["training loss, each step"], [np.arange(130), np.arange(1, 131)])
    # blocks of two steps: the losses 1 and 2 at the step 1, 3 and 4 at the step 3, ...
    assert_allclose(found["median of 2 steps"], [np.arange(1, 130, 2), np.arange(1.5, 131, 2)])
    assert_allclose(lines(rate)["learning rate"], [np.arange(130), np.arange(130) / 1000])
    assert labels(axis) == ("step", "loss")
    assert rate.get_ylabel() == "learning rate"
    assert (axis.get_yscale(), rate.get_yscale()) == ("log", "linear")
    assert rate.get_ylim()[0] == 0
    assert legend(axis) == ["training loss, each step", "median of 2 steps", "learning rate"]


def test_blocks_of_the_median_leave_out_the_remainder():
    axis = plots.step_curve(steps(197, first=1000)).axes[0]
    x, y = lines(axis)["median of 3 steps"]
    assert len(x) == len(y) == 65
    assert (x[0], y[0]) == (1001, 1002)
    assert (x[-1], y[-1]) == (1001 + 64 * 3, 1002 + 64 * 3)


@pytest.mark.parametrize(("count", "shown"), [(1, False), (5, False), (119, False), (120, True)])
def test_short_training_has_no_median(count, shown):
    assert (len(lines(plots.step_curve(steps(count)).axes[0])) == 2) == shown


EPOCHS = {
    "epoch": [0, 1, 2, 3],
    "train_loss": [8.0, 4, 2, 1],
    "val_loss": [9.0, np.nan, 5, 6],
    "val_error_px": [7.0, np.nan, 3, 4],
}


def test_epoch_curves_show_training_and_validation():
    figure = drawn(plots.epoch_curves(EPOCHS))
    loss, error = figure.axes
    assert_allclose(lines(loss)["training"], [[1, 2, 3, 4], [8, 4, 2, 1]])
    assert_allclose(lines(loss)["validation"], [[1, 3, 4], [9, 5, 6]])
    assert_allclose(lines(error)["validation"], [[1, 3, 4], [7, 3, 4]])
    assert_allclose(lines(error)["best: 3.00 px, epoch 3"], [[3], [3]])
    assert labels(loss) == ("epoch", "loss")
    assert labels(error) == ("epoch", "mean point error (image px)")
    assert legend(loss) == ["training", "validation"]
    assert legend(error) == ["validation", "best: 3.00 px, epoch 3"]
    assert (loss.get_yscale(), error.get_yscale()) == ("log", "log")


def test_error_axis_has_plain_numbers():
    error = plots.epoch_curves(EPOCHS).axes[1]
    assert error.yaxis.get_major_formatter()(10.0, 0) == "10"
    assert error.yaxis.get_minor_formatter()(0.5, 0) == "0.5"


def test_epoch_curves_without_validation_say_so():
    none = [np.nan] * 4
    figure = drawn(plots.epoch_curves({**EPOCHS, "val_loss": none, "val_error_px": none}))
    loss, error = figure.axes
    assert list(lines(loss)) == ["training"]
    assert legend(loss) == ["training"]
    assert lines(error) == {}
    assert [text.get_text() for text in error.texts] == ["no validation faces"]
    assert error.get_legend() is None
    assert error.get_xlabel() == "epoch"


def test_sweep_curves_have_one_color_per_run():
    other = {**EPOCHS, "train_loss": [7.0, 6, 5, 4], "val_error_px": [np.nan] * 4}
    figure = drawn(plots.sweep_curves({"lr=1": EPOCHS, "lr=2": other}))
    loss, error = figure.axes
    assert_allclose(lines(loss)["lr=1"], [[1, 2, 3, 4], [8, 4, 2, 1]])
    assert_allclose(lines(loss)["lr=2"], [[1, 2, 3, 4], [7, 6, 5, 4]])
    assert list(lines(error)) == ["lr=1"]
    assert_allclose(lines(error)["lr=1"], [[1, 3, 4], [7, 3, 4]])
    first, second = loss.get_lines()
    assert first.get_color() == error.get_lines()[0].get_color() != second.get_color()
    assert labels(loss) == ("epoch", "training loss")
    assert labels(error) == ("epoch", "validation error (image px)")
    assert (loss.get_yscale(), error.get_yscale()) == ("log", "log")
    assert (legend(loss), legend(error)) == (["lr=1", "lr=2"], ["lr=1"])


# --- errors


def test_ced_curve_is_the_share_of_faces_up_to_each_error():
    nme = np.array([0.02, 0.04, 0.06, 0.2, np.nan])
    figure = drawn(plots.ced_curve({"a": nme, "b": nme / 2}, "inter_ocular", 0.08))
    (axis,) = figure.axes
    found = lines(axis)
    assert list(found) == ["a", "b", "failure: 8 %"]
    x, y = found["a"]
    top = 100 * np.nanquantile(nme, 0.98)
    assert_allclose([x[0], x[-1]], [0, top])
    assert_allclose(y, [100 * np.mean([value <= each / 100 + 1e-12 for value in nme[:4]]) for each in x])
    assert_allclose(found["b"][1], [100 * np.mean([v / 2 <= each / 100 + 1e-12 for v in nme[:4]]) for each in x])
    assert_allclose(found["failure: 8 %"][0], [8, 8])
    assert labels(axis) == ("NME, inter-ocular (%)", "faces with at most that error (%)")
    assert axis.get_ylim() == (0, 102)
    assert axis.get_xlim()[0] == 0
    assert legend(axis) == ["a", "b", "failure: 8 %"]


def test_ced_curve_reaches_at_least_the_threshold():
    axis = plots.ced_curve({"good": np.array([0.01, 0.02])}, "box_size", 0.05).axes[0]
    x, y = lines(axis)["good"]
    assert x[-1] == pytest.approx(5)
    assert y[-1] == 100
    assert "failure: 5 %" in lines(axis)
    assert axis.get_xlabel() == "NME, box-size (%)"


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
    taller = plots.region_bars({str(k): 1.0 for k in range(9)})
    assert taller.get_size_inches()[1] > figure.get_size_inches()[1]


def test_reliability_shows_measured_and_ideal_shares():
    in_spreads = np.array([[0.5, 1.5], [2.5, np.nan]])
    errors, expected = np.array([[2.0, 6.0], [10.0, np.nan]]), np.array([[1.0, 2.0], [4.0, 3.0]])
    figure = drawn(plots.reliability(in_spreads, errors, expected))
    share, error = figure.axes
    x, y = lines(share)["measured"]
    assert_allclose([x[0], x[-1], len(x)], [0, 4, 81])
    assert_allclose(y, [100 * np.mean([d <= each for d in (0.5, 1.5, 2.5)]) for each in x])
    assert_allclose(lines(share)["ideal"][1], 100 * nominal_share(x))
    assert labels(share) == ("distance (spreads)", "points within this distance (%)")
    assert (share.get_xlim(), share.get_ylim()) == ((0, 4), (0, 102))
    assert_allclose(lines(error)["measured, one tenth of the points each"], [[1, 2, 4], [2, 6, 10]])
    assert_allclose(lines(error)["ideal"], [[0, 4], [0, 4]])
    assert labels(error) == ("mean predicted error (image px)", "mean error (image px)")
    assert error.get_xlim()[0] == error.get_ylim()[0] == 0
    assert legend(share) == ["measured", "ideal"]
    assert legend(error) == ["measured, one tenth of the points each", "ideal"]


def test_reliability_groups_points_by_their_predicted_error():
    expected = np.random.default_rng(0).permutation(40).astype(float).reshape(8, 5)
    errors = expected * 2 + 1
    axis = plots.reliability(errors / 9, errors, expected).axes[1]
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


# --- kernels


def test_kernels_share_one_gray_scale():
    weights = np.array([[[[0.5, -0.5], [0, 0]]], [[[0.0, 0.25], [0, 0]]], [[[-0.25, 0.1], [0, 0]]]])
    figure = drawn(plots.kernels(weights, columns=2))
    assert len(figure.axes) == 4
    tiles = [axis.images[0].get_array() for axis in figure.axes[:3]]
    assert_allclose(np.array(tiles)[:, 0], [[1.0, 0.0], [0.5, 0.75], [0.25, 0.6]])
    assert_allclose(np.array(tiles)[:, 1], 0.5)
    assert [axis.images[0].get_clim() for axis in figure.axes[:3]] == [(0, 1)] * 3
    assert figure.axes[0].images[0].get_cmap().name == "gray"
    assert [axis.get_title() for axis in figure.axes] == ["0", "1", "2", ""]
    assert not figure.axes[3].images
    assert figure.get_suptitle() == "3 kernels of the first layer, 2 x 2 px, gray; mid-gray is 0, white is +0.5"


def test_kernels_of_three_channels_are_colors():
    weights = np.zeros((2, 3, 4, 5))
    weights[1, 0, 2, 3] = 2.0  # red
    figure = drawn(plots.kernels(weights))
    tile = figure.axes[1].images[0].get_array()
    assert tile.shape == (4, 5, 3)
    assert to_hex(tile[2, 3]) == "#ff8080"
    assert_allclose(tile[0, 0], [0.5, 0.5, 0.5])
    assert len(figure.axes) == 8
    assert "RGB; mid-gray is 0, white is +2" in figure.get_suptitle()


def test_kernels_of_zeros_are_mid_gray():
    figure = drawn(plots.kernels(np.zeros((2, 1, 3, 3)), columns=5))
    assert_allclose(figure.axes[1].images[0].get_array(), np.full((3, 3), 0.5))
    assert "white is +1" in figure.get_suptitle()
