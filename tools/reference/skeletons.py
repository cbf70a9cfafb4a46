"""The page of the skeletons in the package: a drawing, regions, names and flip map of each."""

from importlib.resources import files

from nasion.skeleton import available, load_skeleton
from tables import table

HEAD = """# Skeletons

A skeleton states which points a face has. These are in the package; your own is a `.toml` file
([how](../how-to/own-points.md)). Left and right are the person's: the right eye is on the left of the image. Point
numbers count from 0. `nasion.load_skeleton(name)` returns a [`Skeleton`][nasion.Skeleton].

"""


def _section(name: str) -> str:
    skeleton = load_skeleton(name)
    text = (files("nasion") / "skeletons" / f"{name}.toml").read_text("utf-8")
    comment = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    intro = "\n".join(comment[: text.split("\n\n")[0].count("#")])
    rows = [
        (
            region,
            f"{min(points)}–{max(points)}" if len(points) > 1 else str(points[0]),
            ", ".join(f"`{skeleton.names[i]}`" for i in points),
        )
        for region, points in skeleton.regions.items()
    ]
    flip = " ".join(map(str, skeleton.flip or ()))
    return f"## {name}\n\n{intro}\n\n" + table(("region", "points", "names"), rows) + f"\nFlip map: `{flip}`\n"


def pages() -> dict[str, str]:
    """Return the page."""
    return {"reference/skeletons.md": HEAD + "\n".join(_section(name) for name in available())}
