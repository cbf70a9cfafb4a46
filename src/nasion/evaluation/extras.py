"""Checks that the optional packages for figures and reports are installed."""

from pathlib import Path

from nasion.errors import ConfigError

__all__ = ["check_figure_path", "require_report_extra"]


def require_report_extra() -> None:
    """Check that reports and figures can be made.

    Raises:
        ConfigError: matplotlib or jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"a report needs matplotlib and jinja2 ({error}); pip install 'nasion[report]'") from None


def check_figure_path(path: Path) -> None:
    """Check that a figure can be written, so that a long job fails early.

    Raises:
        ConfigError: matplotlib is not installed, or the file is not a .png.
    """
    require_report_extra()
    if path.suffix.lower() != ".png":
        raise ConfigError(f"{path}: figures are written as .png")
