"""Safe reading, warping and writing of images: the content decides the format, and EXIF orientation is applied once.

Pillow reads, because it reports the size before it decodes and detects truncated files. OpenCV warps, because its
maps follow the convention of `geometry`.
"""

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from nasion.atomic import write_bytes
from nasion.errors import ImageError, OutputError
from nasion.geometry import Affine, image_box
from nasion.sample import Image

__all__ = [
    "JPEG_SIDE",
    "MAX_PIXELS",
    "SUFFIXES",
    "VIDEO_SUFFIXES",
    "decode",
    "quiet_opencv",
    "read",
    "read_small",
    "size",
    "warp",
    "write",
]

JPEG_SIDE = 65_500
"""Longest side that libjpeg writes, px."""

MAX_PIXELS = 89_000_000
"""Largest number of pixels that is decoded by default; at three bytes per pixel it takes a quarter of a GB."""

ORIENTATION_TAG = 0x0112
"""EXIF tag that stores the orientation, 1 to 8."""

FIRST_TRANSPOSED = 5
"""First EXIF orientation that swaps width and height; 5 to 8 do."""

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".webp",
    ".tif",
    ".tiff",
    ".gif",
    ".ppm",
    ".pgm",
    ".heic",
    ".heif",
    ".avif",
)
"""Suffixes of the images in a folder. The content of a file, not its suffix, decides how it is read."""

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp")
"""Suffixes of videos, which are not read as images."""

PLUGINS = ("Jpeg", "Png", "Bmp", "WebP", "Tiff", "Gif", "Ppm", "Avif")
"""Pillow's plugins for the formats that are read, besides HEIC. Its others are rare, or run external programs."""

BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, RuntimeError),
    *(ArithmeticError, MemoryError, struct.error, zlib.error),
)
"""Exceptions that Pillow raises for damaged files."""

HEIF_START = 12
"""Number of bytes that identify a HEIC file: four bytes of length, then one of `HEIF_BRANDS`."""

HEIF_BRANDS = tuple(b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"))
"""Signatures of HEIC files, after the four bytes of length."""

MAX_WARPED_SIDE = 32_766
"""Longest side that OpenCV warps, px."""

REDUCING_GAP = 2.0
"""How much larger than the result an image may be when it is scaled down in the first, fast step."""

MIN_AVERAGED_SHRINK = 2
"""Shrink factor from which `warp` averages by area before it samples."""

OPENCV_SILENT = 0
"""OpenCV's log level that prints nothing."""

OPENCV_LOG: Any = cv2 if hasattr(cv2, "setLogLevel") else getattr(cv2.utils, "logging", cv2)
"""The module with OpenCV's `getLogLevel` and `setLogLevel`; OpenCV 4.13 moved them."""

# Whatever matters in a damaged image becomes an ImageError. The filter is set once: `catch_warnings` around every image
# would replace the filters of all threads.
for pillow in (r"PIL\.", "pillow_heif"):
    warnings.filterwarnings("ignore", module=pillow)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # without a handler, Python prints its errors


class _OpenCVLog:
    """OpenCV's log level, which is global; silenced while at least one thread asks for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._level = OPENCV_SILENT

    @contextmanager
    def silenced(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._level = OPENCV_LOG.getLogLevel()
                OPENCV_LOG.setLogLevel(OPENCV_SILENT)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    OPENCV_LOG.setLogLevel(self._level)


quiet_opencv = _OpenCVLog().silenced
"""Context manager in which OpenCV prints no messages; the previous log level is restored afterwards."""


def read(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the image of a file, upright, (H, W, 3) uint8 RGB.

    Grayscale, palette, CMYK and 16-bit images are converted; transparent images are composited on white.

    Raises:
        ImageError: the file is missing, not an image, truncated, or has more than `max_pixels` pixels.
    """
    path = Path(path)
    with _translate_errors(path), _opened(path) as image:
        _check_size(path, image.size, max_pixels)
        return _upright_rgb(image)


def decode(content: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the image in the content of a file, upright, (H, W, 3) uint8 RGB, as `read` does.

    Args:
        content: the bytes of the file.
        name: the name that error messages show.
        max_pixels: largest number of pixels that is decoded.

    Raises:
        ImageError: the content is not an image, truncated, or has more than `max_pixels` pixels.
    """
    path = Path(name)
    with _translate_errors(path), _opened(io.BytesIO(content)) as image:
        _check_size(path, image.size, max_pixels)
        return _upright_rgb(image)


def read_small(path: str | Path, side: int, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the image of a file, upright, (H, W, 3) uint8 RGB, scaled down so that no side is longer than `side` px.

    JPEG files are decoded at a fraction of their size, which takes a fraction of the time.

    Raises:
        ImageError: as for `read`.
    """
    path = Path(path)
    with _translate_errors(path), _opened(path) as image:
        _check_size(path, image.size, max_pixels)
        image.draft("RGB", (side, side))
        upright = PillowImage.fromarray(_upright_rgb(image))
        upright.thumbnail((side, side), reducing_gap=REDUCING_GAP)
        return np.array(upright)


@cache
def _available_formats() -> list[str]:
    """Return Pillow's names of the formats that it reads with `PLUGINS`; to import all of its plugins takes longer."""
    for name in PLUGINS:
        with suppress(ImportError):  # earlier versions have none for AVIF
            import_module(f"PIL.{name}ImagePlugin")
    return [name.upper() for name in PLUGINS if name.upper() in PillowImage.OPEN]


def _opened(file: Path | io.BytesIO) -> PillowImage.Image:
    try:
        return PillowImage.open(file, formats=_available_formats())
    except UnidentifiedImageError:
        start = file.getvalue()[:HEIF_START] if isinstance(file, io.BytesIO) else _first_bytes(file)
        if start[4:] not in HEIF_BRANDS:
            raise
    try:  # Pillow reads what iPhones write only with this library, which contains a decoder
        import_module("pillow_heif").register_heif_opener()
    except ImportError:
        raise OSError("a HEIC image; to read it, pip install pillow-heif") from None
    return PillowImage.open(file, formats=["HEIF"])


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEIF_START)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Translate every exception that Pillow raises for an unreadable file into an `ImageError` of one line."""
    try:
        yield
    except PillowImage.DecompressionBombError:
        raise ImageError(f"{path}: the image is too large (more than {MAX_PIXELS:,} pixels); scale it down") from None
    except FileNotFoundError:
        raise ImageError(f"{path}: no such image; check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{path} is a folder, not an image; name a file in it") from None
    except UnidentifiedImageError:
        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise ImageError(f"{path} is a video, not an image; use: nasion video {path}") from None
        raise ImageError(f"{path}: not an image (its content has no known format)") from None
    except BROKEN as error:
        raise ImageError(f"{path}: damaged or unreadable: {error}") from None


def size(path: str | Path) -> tuple[int, int]:
    """Return the (height, width) of the upright image in a file, px; only the header is read.

    Raises:
        ImageError: the file is missing or not an image.
    """
    with _translate_errors(Path(path)), _opened(Path(path)) as image:
        transposed = image.getexif().get(ORIENTATION_TAG, 1) >= FIRST_TRANSPOSED
        width, height = image.size
        return (width, height) if transposed else (height, width)


def _check_size(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"{path}: {width} x {height} = {width * height:,} pixels, more than {max_pixels:,}; scale it down"
        )


def _upright_rgb(image: PillowImage.Image) -> Image:
    """Return an image as RGB (H, W, 3) uint8; it is turned in place, because copies of large images take memory."""
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits, 32 bits, floats
        return _to_eight_bits(np.asarray(image))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = PillowImage.new("RGBA", image.size, "white")
        image = PillowImage.alpha_composite(white, image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _to_eight_bits(gray: np.ndarray) -> Image:
    """Return gray values (H, W) as RGB (H, W, 3) uint8.

    White is 1 for floats up to 1, 255 for values up to 255, and 65535 otherwise.
    """
    gray = np.nan_to_num(gray)
    top = 1.0 if gray.dtype.kind == "f" and gray.max() <= 1 else 255.0 if gray.max() <= 255 else 65535.0
    eight = np.rint(np.clip(gray.astype(np.float64) * (255.0 / top), 0, 255)).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=-1)


def warp(image: Image, affine: Affine, size: tuple[int, int], border: int = cv2.BORDER_REPLICATE) -> Image:
    """Return an image moved by `affine` onto a canvas of `size`, (height, width[, C]) uint8.

    Only the visible part is processed, so a small crop of a huge image is cheap. If the image shrinks by half or more,
    it is averaged by area first, because a warp samples only four pixels and would alias.

    Args:
        image: (H, W[, C]) uint8.
        affine: the map from image px to canvas px.
        size: (height, width) of the canvas, px.
        border: OpenCV's border mode, for canvas pixels outside the image.

    Raises:
        ImageError: the canvas is larger than OpenCV's warps can be.
    """
    image, affine = _visible_part(image, affine, size)
    if max(size) > MAX_WARPED_SIDE:
        raise ImageError(f"an image of {size[1]} x {size[0]} pixels cannot be warped; scale it down")
    least = min(int(1.0 / affine.scale), *image.shape[:2])
    down, across = (max(least, -(-side // MAX_WARPED_SIDE)) for side in image.shape[:2])
    if max(down, across) >= MIN_AVERAGED_SHRINK:  # integer factors: OpenCV averages whole pixels several times faster
        small = image.shape[0] // down, image.shape[1] // across
        image = image[: small[0] * down, : small[1] * across]
        affine = affine @ Affine.resize(small, image.shape[:2])
        image = np.asarray(cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    moved = cv2.warpAffine(image, affine.matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(moved, np.uint8)


def _visible_part(image: Image, affine: Affine, size: tuple[int, int]) -> tuple[Image, Affine]:
    """Return the part of an image (H, W[, C]) that a canvas of `size` shows, with a margin, and its map to the canvas.

    `affine` maps image px to canvas px; the returned map starts from the part's px.
    """
    x0, y0, x1, y1 = image_box(size)
    shown = affine.inverse()([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
    margin = 2.0 + 2.0 / affine.scale  # a warp reads the next pixel, an average by area its whole cell
    limits = np.array(image.shape[1::-1])
    low = np.clip(np.floor(shown.min(0) - margin), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(shown.max(0) + margin) + 1, low + 1, limits).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    return part, affine @ Affine.translation(float(low[0]), float(low[1]))


def write(path: str | Path, image: Image) -> None:
    """Write an image completely or not at all; the suffix decides the format, without one PNG.

    Args:
        path: the file.
        image: (H, W, 3) uint8 RGB, or (H, W, 4) with opacity, which .png stores.

    Raises:
        OutputError: the format is unknown or cannot hold the image, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix or ".png"
    with quiet_opencv():
        if not cv2.haveImageWriter(f"image{suffix}"):
            raise OutputError(f'{path}: cannot write images of the kind "{suffix}"; use .png or .jpg')
        try:
            order = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
            done, content = cv2.imencode(suffix, cv2.cvtColor(image, order))
        except cv2.error:
            done, content = False, np.empty(0, np.uint8)
    if not done:
        height, width = image.shape[:2]
        raise OutputError(f"{path}: {suffix} cannot store an image of {width} x {height} pixels; use .png")
    write_bytes(path, content.tobytes())
