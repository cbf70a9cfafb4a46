"""The colors of all drawings: ground truth is orange, predictions are blue."""

__all__ = ["INK", "PAPER", "PREDICTED", "REGIONS", "SPREAD", "TRUE", "Color"]

Color = tuple[int, int, int]
"""An RGB color, 0 to 255 each."""

TRUE: Color = (255, 140, 0)
"""Orange, the color of labeled keypoints."""

PREDICTED: Color = (30, 120, 255)
"""Blue, the color of predicted keypoints."""

SPREAD: Color = (120, 220, 255)
"""Light blue, the color of uncertainty ellipses."""

PAPER: Color = (255, 255, 255)
"""White, the background of sheets and the rim of points."""

INK: Color = (40, 40, 40)
"""Dark gray, the color of text."""

REGIONS: tuple[Color, ...] = (
    (0, 114, 178),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (213, 94, 0),
    (86, 180, 233),
    (230, 159, 0),
    (153, 153, 153),
    (92, 45, 145),
)
"""The colors of regions: those of Okabe and Ito (2008), made for color-blind readers, then gray and purple."""
