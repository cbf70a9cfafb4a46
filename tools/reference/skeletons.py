"""The page of the skeletons in the package: a drawing with numbered points, regions, names and flip map of each."""

from collections.abc import Sequence
from importlib.resources import files

from nasion.datasets import load
from nasion.datasets.drawn import SKELETONS
from nasion.skeleton import Skeleton, available, load_skeleton
from tables import table

HEAD = """# Skeletons

A skeleton states which points a face has. These are in the package; your own is a `.toml` file
([how](../how-to/own-points.md)). Left and right are the person's: the right eye is on the left of the image. Point
numbers count from 0. `nasion.load_skeleton(name)` returns a [`Skeleton`][nasion.Skeleton].

"""

WIDTH = 560
"""Width of a drawing, px."""

MARGIN = 24
"""Distance of the outermost points from the edge of a drawing, px."""


def _span(values: Sequence[object]) -> str:
    """Return the first and the last of the values."""
    return f"{values[0]} … {values[-1]}" if len(values) > 1 else str(values[0])


def _drawing(skeleton: Skeleton) -> str:
    """Return the points of a drawn face with their numbers and lines, as SVG."""
    points = load(f"synthetic:1?skeleton={skeleton.name}").annotations[0].keypoints
    low = points.min(0)
    scale = (WIDTH - 2 * MARGIN) / (points.max(0) - low)[0]
    places = (points - low) * scale + MARGIN
    height = places.max(0)[1] + MARGIN
    lines = [" ".join(f"{x:.1f},{y:.1f}" for x, y in places[list(line)]) for line in skeleton.lines]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}">',
            *(f'<polyline points="{line}" fill="none" stroke="#7c93d6" stroke-width="1.5"/>' for line in lines),
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="#4a6cf7"/>' for x, y in places),
            '<g font-family="sans-serif" font-size="11" fill="#8a8a8a">',
            *(f'<text x="{x + 4:.1f}" y="{y - 4:.1f}">{k}</text>' for k, (x, y) in enumerate(places)),
            "</g>",
            "</svg>",
        ]
    )


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
    drawing = f"![The numbered points of {name}](skeletons/{name}.svg)\n\n" if name in SKELETONS else ""
    return f"## {name}\n\n{intro}\n\n{drawing}" + table(("region", "points", "names"), rows) + f"\nFlip map: `{flip}`\n"


def pages() -> dict[str, str]:
    """Return the page and its drawings."""
    drawings = {f"reference/skeletons/{name}.svg": _drawing(load_skeleton(name)) for name in SKELETONS}
    return {"reference/skeletons.md": HEAD + "\n".join(_section(name) for name in available()), **drawings}
