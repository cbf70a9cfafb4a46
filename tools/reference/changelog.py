"""The changelog as a page of the documentation."""

from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def pages() -> dict[str, str]:
    """Return the page of the changelog."""
    return {"about/changelog.md": CHANGELOG.read_text("utf-8")}
