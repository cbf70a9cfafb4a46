"""Keypoints drawn on images, and images arranged on sheets.

points.py    points, lines and close-up views
faces.py     predicted faces: points, lines, uncertainty ellipses and numbers
fine.py      drawing on enlarged parts, for small marks
sheets.py    captions, legends, grids of images, and sheets of labeled faces
palette.py   the colors of all drawings
"""

from nasion.draw.faces import draw_face, draw_predictions
from nasion.draw.palette import INK, PAPER, PREDICTED, REGIONS, SPREAD, TRUE, Color
from nasion.draw.points import SUBPIXEL, draw_points, face_view, to_subpixels, view_box
from nasion.draw.sheets import caption, evenly_spaced, faces_sheet, legend, sheet

__all__ = [
    "INK",
    "PAPER",
    "PREDICTED",
    "REGIONS",
    "SPREAD",
    "SUBPIXEL",
    "TRUE",
    "Color",
    "caption",
    "draw_face",
    "draw_points",
    "draw_predictions",
    "evenly_spaced",
    "face_view",
    "faces_sheet",
    "legend",
    "sheet",
    "to_subpixels",
    "view_box",
]
