"""Labeled faces as a sheet of pictures: what a reader made of the files."""

import numpy as np

from nasion.draw import points as draw
from nasion.errors import ImageError
from nasion.sample import DataSet, Image

__all__ = ["evenly_spaced", "faces_sheet"]


def evenly_spaced(faces: DataSet, count: int) -> list[int]:
    """Return `count` indices spread evenly over the set: the first faces alone are often one person's."""
    return np.unique(np.linspace(0, len(faces) - 1, min(count, len(faces))).astype(int)).tolist()


def faces_sheet(faces: DataSet, count: int, side: int = 300) -> Image:
    """Return faces with their points, lines and names."""
    tiles: list[Image] = []
    for index in evenly_spaced(faces, count):
        face = faces.annotations[index]
        try:
            image = faces.load(index).image
        except ImageError as error:
            blank = np.full((side, side, 3), 235, np.uint8)
            tiles.append(draw.caption(blank, f"{face.name}: {error}"))
            continue
        drawn = draw.draw_points(image, face.keypoints, draw.TRUE, faces.skeleton, max(image.shape) / 250)
        view = draw.face_view(drawn, None, None, draw.whole_or_box(face.keypoints, image.shape[:2]), side, margin=1.8)
        tiles.append(draw.caption(view, f"{face.name} {face.split}"))
    sheet = draw.sheet(tiles, columns=min(4, len(tiles)))
    return draw.legend(sheet, [(faces.name, None), ("labeled points", draw.TRUE)])
