"""An .asf file beside each picture, shares of its size; everything but the coordinates stays as it is."""

import re
from collections.abc import Mapping
from pathlib import Path

from nasion import images
from nasion.datasets.formats.imm import parse_asf
from nasion.datasets.write_back._common import replace
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

LATIN = "latin-1"
X, Y = 4, 6
"""Places of the coordinates in a row that is split at, and with, its blanks: path, type, x, y, …"""


class Files:
    """The .asf files of a folder."""

    form, hides = ".asf", False

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        pass

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture."""
        height, width = images.size(image)
        return parse_asf(image.with_suffix(".asf").read_text(LATIN))[0] * [width, height]

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture."""
        path = image.with_suffix(".asf")
        height, width = images.size(image)
        shares, lines = iter(keypoints / [width, height]), []
        for line in path.read_text(LATIN).split("\n"):
            columns = re.split(r"(\s+)", line.strip())
            if not line.lstrip().startswith("#") and len(columns) > Y:
                columns[X], columns[Y] = (f"{value:.8f}" for value in next(shares))
                line = "".join(columns)
            lines.append(line)
        replace(path, "\n".join(lines).encode(LATIN))
