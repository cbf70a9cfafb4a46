"""WFLW's list: the 98 points of a line; its box, flags and path stay as they are."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nasion.datasets.formats.wflw import COUNT, pictures_folder
from nasion.datasets.write_back._common import nth, replace
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

LATIN = "latin-1"


class Files:
    """A list."""

    form, hides = "WFLW's list", False

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.pictures = place, pictures_folder(place, options)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture's face."""
        lines = self.path.read_text(LATIN).split("\n")
        return np.array(lines[self._mine(lines, image, face)].split()[: 2 * COUNT], np.float64).reshape(-1, 2)

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture's face."""
        lines = self.path.read_text(LATIN).split("\n")
        mine = self._mine(lines, image, face)
        fields = lines[mine].split()
        fields[: 2 * COUNT] = [f"{value:.6f}" for value in keypoints.ravel()]
        lines[mine] = " ".join(fields)
        replace(self.path, "\n".join(lines).encode(LATIN))

    def _mine(self, lines: list[str], image: Path, face: int) -> int:
        fields = (line.split() for line in lines)
        named = [k for k, row in enumerate(fields) if row and self.pictures / row[-1] == image]
        return nth(named, face, image, self.path)
