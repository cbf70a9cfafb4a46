"""Figures of a training: their data, labels and limits against values computed manually."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from evaluation.figure_contents import drawn, labels, legend, lines
from nasion.evaluation import plots


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


def test_loss_curves_show_training_and_validation():
    (axis,) = drawn(plots.loss_curves(EPOCHS)).axes
    assert_allclose(lines(axis)["training"], [[1, 2, 3, 4], [8, 4, 2, 1]])
    assert_allclose(lines(axis)["validation"], [[1, 3, 4], [9, 5, 6]])
    assert labels(axis) == ("epoch", "loss")
    assert legend(axis) == ["training", "validation"]
    assert axis.get_yscale() == "log"


def test_error_curve_marks_the_best_epoch():
    (axis,) = drawn(plots.error_curve(EPOCHS)).axes
    assert_allclose(lines(axis)["validation"], [[1, 3, 4], [7, 3, 4]])
    assert_allclose(lines(axis)["best: 3.00 px, epoch 3"], [[3], [3]])
    assert labels(axis) == ("epoch", "mean point error (image px)")
    assert legend(axis) == ["validation", "best: 3.00 px, epoch 3"]
    assert axis.get_yscale() == "log"


def test_error_axis_has_plain_numbers():
    (axis,) = plots.error_curve(EPOCHS).axes
    assert axis.yaxis.get_major_formatter()(10.0, 0) == "10"
    assert axis.yaxis.get_minor_formatter()(0.5, 0) == "0.5"


def test_curves_without_validation_say_so():
    none = [np.nan] * 4
    epochs = {**EPOCHS, "val_loss": none, "val_error_px": none}
    (loss,) = drawn(plots.loss_curves(epochs)).axes
    (error,) = drawn(plots.error_curve(epochs)).axes
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
    assert figure.get_suptitle() == "3 kernels of the first layer, 2 x 2 px, gray;\nmid-gray is 0, white is +0.5"


def test_kernels_of_three_channels_are_colors():
    weights = np.zeros((2, 3, 4, 5))
    weights[1, 0, 2, 3] = 2.0  # red
    figure = drawn(plots.kernels(weights))
    tile = figure.axes[1].images[0].get_array()
    assert tile.shape == (4, 5, 3)
    assert to_hex(tile[2, 3]) == "#ff8080"
    assert_allclose(tile[0, 0], [0.5, 0.5, 0.5])
    assert len(figure.axes) == 8
    assert "RGB;\nmid-gray is 0, white is +2" in figure.get_suptitle()


def test_kernels_of_zeros_are_mid_gray():
    figure = drawn(plots.kernels(np.zeros((2, 1, 3, 3)), columns=5))
    assert_allclose(figure.axes[1].images[0].get_array(), np.full((3, 3), 0.5))
    assert "white is +1" in figure.get_suptitle()
