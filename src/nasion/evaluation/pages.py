"""Self-contained pages: templates with a common style, and images as data URIs.

This module needs matplotlib and jinja2 (`pip install 'nasion[report]'`); import it only where a page is written.
"""

import base64
from dataclasses import dataclass
from importlib import resources
from typing import Any

import cv2
from jinja2 import Environment
from markupsafe import Markup
from matplotlib.figure import Figure

from nasion.evaluation import plots
from nasion.sample import Image

__all__ = ["Panel", "figure_panel", "photo_panel", "render"]

STYLE = "style.css"

JPEG_QUALITY = 88


@dataclass(frozen=True)
class Panel:
    """An image of a page, as a data URI, with its caption."""

    data: str
    caption: str


def figure_panel(figure: Figure, caption: str) -> Panel:
    """Return a figure as a panel."""
    return Panel("data:image/png;base64," + base64.b64encode(plots.png(figure)).decode(), caption)


def photo_panel(image: Image, caption: str) -> Panel:
    """Return an image (H, W, 3) uint8 RGB as a panel."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return Panel("data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode(), caption)


def render(package: str, template: str, **values: Any) -> str:
    """Return a page: a package's template, filled with values and the common style."""
    style = (resources.files("nasion.evaluation") / STYLE).read_text("utf-8")
    text = (resources.files(package) / template).read_text("utf-8")
    return Environment(autoescape=True).from_string(text).render(style=Markup(style), **values)  # noqa: S704
