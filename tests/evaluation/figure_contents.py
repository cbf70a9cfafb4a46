"""What figures show: their lines, labels and legends."""

import numpy as np

from nasion.evaluation import plots


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
