"""Frames of an animation: screenshots of a page with a caption and a drawn mouse pointer, saved as a GIF."""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import FloatRect, Page, ViewportSize

__all__ = ["CAPTION_HEIGHT", "HEIGHT", "VIEWPORT", "WIDTH", "ZOOM", "Recorder", "decorate", "save_gif"]

WIDTH, HEIGHT = 800, 500
"""Size of the GIF, px."""

CAPTION_HEIGHT = 36
"""Height of the strip above the page, px."""

ZOOM = 5 / 6
"""Pixels of the GIF per CSS px; less than 1, so that the page has the room that it needs."""

VIEWPORT: ViewportSize = {"width": round(WIDTH / ZOOM), "height": round((HEIGHT - CAPTION_HEIGHT) / ZOOM)}

COLORS, SAMPLED = 128, 12
"""Size of the palette, and number of frames from which it is made."""

DARK, WHITE, BLUE = (27, 34, 48), (255, 255, 255), (30, 95, 208)

ARROW = np.array([(0, 0), (0, 17), (4, 13.5), (6.8, 20), (9.6, 18.8), (6.9, 12.5), (12, 12)])
"""Outline of the mouse pointer, px from its tip."""

STEP_MS = 50
"""Duration of a frame while the mouse moves, ms."""


def decorate(
    page: Image.Image, caption: str, pointer: tuple[float, float], pressed: bool, carried: Image.Image | None = None
) -> Image.Image:
    """Return a frame: the caption above the page, and the mouse pointer on it.

    Args:
        page: screenshot of the page, RGB, WIDTH wide.
        caption: text of the strip above the page.
        pointer: tip of the mouse pointer, px of the screenshot.
        pressed: whether the mouse button is down, which is drawn as a ring.
        carried: an image that the mouse drags.
    """
    frame = Image.new("RGB", (WIDTH, HEIGHT), DARK)
    frame.paste(page, (0, CAPTION_HEIGHT))
    draw = ImageDraw.Draw(frame)
    draw.text((14, CAPTION_HEIGHT / 2), caption, WHITE, ImageFont.load_default(18), anchor="lm")
    x, y = pointer[0], pointer[1] + CAPTION_HEIGHT
    if carried is not None:
        frame.paste(carried, (round(x) + 6, round(y) + 6))
    if pressed:
        draw.ellipse((x - 13, y - 13, x + 13, y + 13), outline=WHITE, width=5)
        draw.ellipse((x - 12, y - 12, x + 12, y + 12), outline=BLUE, width=3)
    outline = [(float(u), float(v)) for u, v in np.add(ARROW, (x, y))]
    draw.polygon(outline, fill=(0, 0, 0))
    draw.line([*outline, outline[0]], fill=WHITE, width=2, joint="curve")
    return frame


@dataclass
class Recorder:
    """Moves the mouse over a page of Playwright and collects frames.

    Positions are CSS px of the page; durations are ms of the GIF.
    """

    page: Page
    caption: str = ""
    pointer: tuple[float, float] = (VIEWPORT["width"] - 60, VIEWPORT["height"] - 60)
    carried: Image.Image | None = None
    frames: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)

    def hold(self, duration_ms: int, pressed: bool = False) -> None:
        """Show the page as it is now for a time."""
        shot = Image.open(BytesIO(self.page.screenshot(animations="disabled"))).convert("RGB")
        tip = (self.pointer[0] * ZOOM, self.pointer[1] * ZOOM)
        self.frames.append(decorate(shot, self.caption, tip, pressed, self.carried))
        self.durations.append(duration_ms)

    def move(self, x: float, y: float, steps: int = 7, pressed: bool = False) -> None:
        """Move the mouse to a position."""
        start = self.pointer
        for share in np.linspace(0, 1, steps + 1)[1:]:
            eased = float(share * share * (3 - 2 * share))
            self.pointer = (start[0] + eased * (x - start[0]), start[1] + eased * (y - start[1]))
            self.page.mouse.move(*self.pointer)
            self.hold(STEP_MS, pressed)

    def click(self, selector: str) -> None:
        """Move the mouse to an element and click it."""
        box = self.box(selector)
        self.move(box["x"] + min(box["width"] / 2, 60), box["y"] + box["height"] / 2)
        self.hold(200, pressed=True)
        self.page.mouse.click(*self.pointer)

    def box(self, selector: str) -> FloatRect:
        """Return x, y, width and height of a visible element, CSS px."""
        box = self.page.locator(selector).bounding_box()
        assert box is not None
        return box

    def drag(self, x: float, y: float) -> None:
        """Drag what is under the mouse to a position."""
        self.page.mouse.down()
        self.hold(250, pressed=True)
        self.move(x, y, steps=10, pressed=True)
        self.hold(500, pressed=True)
        self.page.mouse.up()


def _palette(frames: list[Image.Image]) -> Image.Image:
    """Return an image with the palette of frames; a color counts by the square root of its pixels.

    The colors of points and lines have few pixels, but matter more than shades of the background.
    """
    pixels = np.concatenate([np.asarray(frame).reshape(-1, 3) for frame in frames])
    colors, counts = np.unique(pixels & 0xFC, axis=0, return_counts=True)
    weighted = np.repeat(colors, np.ceil(np.sqrt(counts)).astype(int), axis=0)
    return Image.fromarray(weighted[None]).quantize(COLORS, method=Image.Quantize.MEDIANCUT, kmeans=3)


def save_gif(path: Path, frames: list[Image.Image], durations: list[int]) -> None:
    """Save frames as a GIF that repeats; all have one palette, so that only what changes takes space.

    Args:
        path: file to write.
        frames: images of one size, RGB.
        durations: duration of each frame, ms.
    """
    palette = _palette(frames[:: max(1, len(frames) // SAMPLED)])
    reduced = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=durations, loop=0, optimize=True)
