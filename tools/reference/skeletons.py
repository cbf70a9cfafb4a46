"""The page of the skeletons in the package: regions, names and flip map of each."""

from collections.abc import Sequence
from importlib.resources import files

from nasion.skeleton import available, load_skeleton
from tables import table

HEAD = """# Skeletons

A skeleton states which points a face has. These are in the package; your own is a `.toml` file
([how](../how-to/own-points.md)). Left and right are the person's: the right eye is on the left of the image. Point
numbers count from 0. `nasion.load_skeleton(name)` returns a [`Skeleton`][nasion.Skeleton].

"""


def _span(values: Sequence[object]) -> str:
    """Return the first and the last of the values."""
    return f"{values[0]} … {values[-1]}" if len(values) > 1 else str(values[0])


def _section(name: str) -> str:
    skeleton = load_skeleton(name)
    text = (files("nasion") / "skeletons" / f"{name}.toml").read_text("utf-8")
    comment = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    intro = "\n".join(comment[: text.split("\n\n")[0].count("#")])
    rows = [
        (region, _span(points), _span([f"`{skeleton.names[i]}`" for i in points]))
        for region, points in skeleton.regions.items()
    ]
    flip = " ".join(map(str, skeleton.flip or ()))
    return f"## {name}\n\n{intro}\n\n" + table(("region", "points", "names"), rows) + f"\nFlip map: `{flip}`\n"


def pages() -> dict[str, str]:
    """Return the page."""
    return {"reference/skeletons.md": HEAD + "\n".join(_section(name) for name in available())}
