"""Figures as files and as elements of a page."""

import io
import re
from xml.etree import ElementTree

import cv2
import matplotlib.image
import numpy as np

from nasion.evaluation import plots
from nasion.evaluation.plots.figure import DARK_BLUE, axes


def test_png_has_the_size_of_the_figure():
    figure = plots.region_bars({"eyes": 1.0, "mouth": 2.0})
    content = plots.png(figure, dpi=40)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    width, height = figure.get_size_inches()
    assert image.shape == (int(height * 40), int(width * 40), 3)
    assert matplotlib.image.imread(io.BytesIO(plots.png(figure))).shape[1] == int(width * 110)


def labeled_figure():
    figure, (axis,) = axes()
    axis.plot([0, 1], [1, 2], color=DARK_BLUE, label="<b> & c")
    axis.set(xlabel="error (px)")
    axis.legend()
    return figure


def test_svg_is_one_element_that_fills_its_place():
    text = plots.svg(labeled_figure())
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert {"width", "height"}.isdisjoint(root.attrib)
    assert root.attrib["viewBox"] == "0 0 396 259.2"
    assert not root.findall(".//{*}metadata")
    assert not re.search("<!DOCTYPE|<[?]xml", text)


def test_svg_has_text_in_the_font_and_the_colors_of_the_page():
    text = plots.svg(labeled_figure())
    texts = [element.text for element in ElementTree.fromstring(text).findall(".//{*}text")]
    assert {"error (px)", "<b> & c"} <= set(texts)
    assert "DejaVu" not in text
    assert "stroke: currentColor" in text
    assert "stroke: var(--deep)" in text
    assert "#000000" not in text
    assert DARK_BLUE not in text


def test_size_and_number_of_axes():
    figure, found = axes(4, 3, 2)
    assert figure.get_size_inches().tolist() == [4, 3]
    assert [axis.spines["top"].get_visible() for axis in found] == [False, False]
