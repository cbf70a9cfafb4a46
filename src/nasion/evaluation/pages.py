"""Self-contained pages: templates with a common style and macros, and images inside the page.

A page has no scripts. An image is enlarged by a popover, which browsers open and close themselves.

This module needs matplotlib and jinja2 (`pip install 'nasion[report]'`); import it only where a page is written.
"""

import base64
from dataclasses import dataclass
from importlib import resources
from typing import Any

import cv2
from jinja2 import Environment, FunctionLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from nasion.evaluation import plots
from nasion.sample import Image

__all__ = ["Panel", "figure_panel", "photo_panel", "render"]

STYLE, MACROS = "style.css", "macros.html.j2"
"""Files of `nasion.evaluation` that all pages share."""

JPEG_QUALITY = 88


@dataclass(frozen=True)
class Panel:
    """An image of a page.

    Attributes:
        image: the HTML element.
        caption: text below the image, and its alternative for screen readers.
        ratio: width divided by height.
        detail: a longer text for the enlarged image; if empty, it is the caption.
    """

    image: Markup
    caption: str
    ratio: float
    detail: str = ""


def figure_panel(figure: Figure, caption: str) -> Panel:
    """Return a figure as a panel."""
    attributes = Markup('<svg role="img" aria-label="{}"').format(caption)
    width, height = figure.get_size_inches()
    return Panel(Markup(plots.svg(figure).replace("<svg", attributes, 1)), caption, width / height)  # noqa: S704


def photo_panel(image: Image, caption: str, detail: str = "") -> Panel:
    """Return an image (H, W, 3) uint8 RGB as a panel."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    source = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
    element = Markup('<img src="{}" alt="{}">').format(source, caption)
    return Panel(element, caption, image.shape[1] / image.shape[0], detail)


def render(package: str, template: str, **values: Any) -> str:
    """Return a page: a package's template, filled with values and the common style."""

    def load(name: str) -> str:
        return (resources.files("nasion.evaluation" if name == MACROS else package) / name).read_text("utf-8")

    environment = Environment(autoescape=True, loader=FunctionLoader(load), trim_blocks=True, lstrip_blocks=True)
    style = (resources.files("nasion.evaluation") / STYLE).read_text("utf-8")
    return environment.get_template(template).render(style=Markup(style), **values)  # noqa: S704
