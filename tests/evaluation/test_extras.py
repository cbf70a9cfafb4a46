"""Checks that the optional packages for figures and reports are installed."""

import sys

import pytest

from nasion.errors import ConfigError
from nasion.evaluation.extras import check_figure_path, require_report_extra


def test_installed_packages_are_accepted():
    require_report_extra()


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_missing_package_names_the_remedy(package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"a report needs matplotlib and jinja2 \(.*{package}.*\); pip install 'nasion\[report\]'"
    with pytest.raises(ConfigError, match=message):
        require_report_extra()
    with pytest.raises(ConfigError, match=message):
        check_figure_path(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "A.PNG"])
def test_png_is_accepted(tmp_path, name):
    check_figure_path(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a.jpg", "a", "png", "a.png.svg"])
def test_other_formats_are_rejected(tmp_path, name):
    with pytest.raises(ConfigError, match=rf"{name}: figures are written as \.png"):
        check_figure_path(tmp_path / name)
