import base64

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from nasion.evaluation.pages import figure_panel, photo_panel, render


def decoded(panel, kind):
    prefix = f"data:image/{kind};base64,"
    assert panel.data.startswith(prefix)
    return cv2.imdecode(np.frombuffer(base64.b64decode(panel.data.removeprefix(prefix)), np.uint8), cv2.IMREAD_COLOR)


def test_figures_are_png_and_photos_jpeg():
    photo = np.full((20, 30, 3), [200, 100, 50], np.uint8)
    panel = photo_panel(photo, "a photo")
    assert panel.caption == "a photo"
    assert decoded(panel, "jpeg")[10, 15].tolist() == pytest.approx([50, 100, 200], abs=4)  # BGR
    assert decoded(figure_panel(Figure(figsize=(2, 1)), "a figure"), "png").shape[0] > 50


def test_pages_have_the_common_style_and_escape_values(tmp_path, monkeypatch):
    (tmp_path / "some_pages").mkdir()
    (tmp_path / "some_pages" / "__init__.py").touch()
    (tmp_path / "some_pages" / "page.j2").write_text("<style>{{ style }}</style><p>{{ title }}</p>")
    monkeypatch.syspath_prepend(tmp_path)
    page = render("some_pages", "page.j2", title="<b>")
    assert page.endswith("</style><p>&lt;b&gt;</p>")
    assert "{" in page.partition("</style>")[0]  # rules of the style, not escaped
