"""A .pts file beside each picture, one face each, 1-based."""

from collections.abc import Mapping
from pathlib import Path

from nasion.datasets.formats.ibug import parse_pts
from nasion.datasets.write_back._common import replace
from nasion.errors import ConfigError
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

ORIGIN = 1


class Files:
    """The .pts files of a folder."""

    form, hides = ".pts", False

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        if options.get("origin", str(ORIGIN)) != str(ORIGIN):
            raise ConfigError("ibug: .pts files are written 1-based; leave out ?origin=0, or correct them as a csv")

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture."""
        path = image.with_suffix(".pts")
        return parse_pts(path.read_text("latin-1")) - ORIGIN if path.is_file() else None

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture."""
        lines = "".join(f"{x:.3f} {y:.3f}\n" for x, y in keypoints + ORIGIN)
        text = f"version: 1\nn_points: {len(keypoints)}\n{{\n{lines}}}\n"
        replace(image.with_suffix(".pts"), text.encode("ascii"))
