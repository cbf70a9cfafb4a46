"""What all figures share: colors, size, axes, and their conversion to files and to elements of a page."""

import io
import re

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["DARK_BLUE", "GRAY", "INK", "PREDICTED", "SIZE", "TRUE", "axes", "png", "svg"]

TRUE, PREDICTED, GRAY = "#ff8c00", "#1e78ff", "#888888"

INK = "#141414"
"""Text on light colors; unlike black, it stays dark on dark pages."""

DARK_BLUE = "#0b3d91"
"""The second blue of light pages; dark pages show it lighter."""

THEMED = {"#000000": "currentColor", DARK_BLUE: "var(--deep)"}
"""Colors of figures, and the values in CSS that replace them in `svg`."""

SIZE = 5.5, 3.6
"""Width and height of most figures, inches."""


def png(figure: Figure, dpi: int = 110) -> bytes:
    """Return the figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def svg(figure: Figure) -> str:
    """Return the figure as an SVG element for an HTML page, with the page's font, and with its colors in dark mode."""
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)  # of earlier versions of matplotlib
    text = re.sub(r" *font-family: [^;\"]*;?", "", text)
    return re.sub("|".join(THEMED), lambda found: THEMED[found.group()], text)


def axes(width: float = SIZE[0], height: float = SIZE[1], count: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure with `count` axes in a row; its size is in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    found = list(np.atleast_1d(figure.subplots(1, count)))
    for each in found:
        each.grid(alpha=0.25)
        each.spines[["top", "right"]].set_visible(False)
    return figure, found
