"""Reading and writing a picture safely: content over name, the header before the pixels, EXIF once.

Pillow reads, because it knows a picture's size before decoding it and says when a file is cut off;
OpenCV warps, because its maps follow `geometry`'s convention.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from nasion.atomic import write_bytes
from nasion.errors import ImageError, OutputError
from nasion.geometry import Affine, image_box
from nasion.sample import Image

__all__ = ["JPEG_SIDE", "MAX_PIXELS", "SUFFIXES", "decode", "read", "size", "warp", "write"]

JPEG_SIDE = 65_500
"""px, the longest side that a JPEG file can have as its usual library writes it."""

cv2.setLogLevel(0)  # what is wrong with a file is said in one line, by an error

MAX_PIXELS = 89_000_000
"""The largest picture that is decoded; at three bytes a pixel it takes a quarter of a GB."""

ORIENTATION_TAG = 0x0112
FIRST_TURNED = 5
"""EXIF's orientations 5 to 8 swap width and height."""

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
"""Names by which a folder's pictures are found; what a file is, its content says."""


FORMATS = ("JPEG", "MPO", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM", "AVIF")
"""What is read, and HEIC. Pillow knows more: kinds that run programs on what they are given, and rare ones."""


BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, RuntimeError),
    *(ArithmeticError, MemoryError, struct.error, zlib.error),
)
"""What Pillow raises at damaged files."""

HEIF_START = 12
HEIF_BRANDS = tuple(b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"))
"""How a HEIC file begins, after four bytes of length."""


def read(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the picture as it is seen upright: (H, W, 3) uint8 RGB.

    Gray, palette, CMYK and 16-bit pictures are converted; what is transparent is laid on white.

    Raises:
        ImageError: the file is missing, no picture, cut off, or has more than `max_pixels` pixels.
    """
    path = Path(path)
    with _translate_errors(path), _opened(path) as picture:
        _check_size(path, picture.size, max_pixels)
        return _to_rgb(ImageOps.exif_transpose(picture))


def decode(content: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the picture that is in the bytes of a file, as `read` does; `name` is what errors call it.

    Raises:
        ImageError: it is no picture, cut off, or has more than `max_pixels` pixels.
    """
    path = Path(name)
    with _translate_errors(path), _opened(io.BytesIO(content)) as picture:
        _check_size(path, picture.size, max_pixels)
        return _to_rgb(ImageOps.exif_transpose(picture))


def _opened(file: Path | io.BytesIO) -> PillowImage.Image:
    try:
        PillowImage.init()
        return PillowImage.open(file, formats=[name for name in FORMATS if name in PillowImage.OPEN])
    except UnidentifiedImageError:
        start = file.getvalue()[:HEIF_START] if isinstance(file, io.BytesIO) else _first_bytes(file)
        if start[4:] not in HEIF_BRANDS:
            raise
    try:  # Pillow reads what iPhones write only with this library, which comes with a decoder of its own
        import_module("pillow_heif").register_heif_opener()
    except ImportError:
        raise OSError("a HEIC picture, which needs pillow-heif: pip install pillow-heif") from None
    return PillowImage.open(file, formats=["HEIF"])


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEIF_START)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Make one line of all the ways in which Pillow says that it cannot read a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own warnings: what matters becomes an ImageError
            yield
    except PillowImage.DecompressionBombError:
        raise ImageError(f"{path}: the picture is too large (more than {MAX_PIXELS:,} pixels); scale it down") from None
    except FileNotFoundError:
        raise ImageError(f"{path}: no such picture") from None
    except UnidentifiedImageError:
        raise ImageError(f"{path}: not a picture that can be read (its content is none of the known formats)") from None
    except BROKEN as error:
        raise ImageError(f"{path}: damaged or unreadable: {error}") from None


def size(path: str | Path) -> tuple[int, int]:
    """Return the (height, width) of a picture as it is seen upright, from its header alone.

    Raises:
        ImageError: the file is missing or no picture.
    """
    with _translate_errors(Path(path)), _opened(Path(path)) as picture:
        turned = picture.getexif().get(ORIENTATION_TAG, 1) >= FIRST_TURNED
        width, height = picture.size
        return (width, height) if turned else (height, width)


def _check_size(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"{path}: {width} x {height} = {width * height:,} pixels, more than {max_pixels:,}; scale it down"
        )


def _to_rgb(picture: PillowImage.Image) -> Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits, 32 bits, floats
        return _to_eight_bits(np.asarray(picture))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = PillowImage.new("RGBA", picture.size, "white")
        picture = PillowImage.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"))


def _to_eight_bits(gray: np.ndarray) -> Image:
    """Return deep gray values (H, W) as RGB: 16-bit values by their range, floats by 0 to 1 or 0 to 255."""
    top = 1.0 if gray.dtype.kind == "f" and gray.max() <= 1 else 255.0 if gray.max() <= 255 else 65535.0
    eight = np.clip(np.rint(gray.astype(np.float64) * (255.0 / top)), 0, 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=-1)


def warp(image: Image, affine: Affine, size: tuple[int, int], border: int = cv2.BORDER_REPLICATE) -> Image:
    """Return the picture (H, W[, C]) moved by `affine` onto a canvas of `size` (height, width).

    Only the part that the canvas shows is touched, so a crop of a huge picture costs what the crop costs. Where
    the picture shrinks by more than half it is averaged by area first: a warp samples four pixels, and would
    show a shrunk picture's noise instead of its content.
    """
    image, affine = _needed_part(image, affine, size)
    times = min(int(1.0 / affine.scale), *image.shape[:2])
    if times >= 2:  # whole cells of pixels: OpenCV averages those several times faster than parts of pixels
        small = image.shape[0] // times, image.shape[1] // times
        image = image[: small[0] * times, : small[1] * times]
        affine = affine @ Affine.resize(small, image.shape[:2])
        image = np.asarray(cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    moved = cv2.warpAffine(image, affine.matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(moved, np.uint8)


def _needed_part(image: Image, affine: Affine, size: tuple[int, int]) -> tuple[Image, Affine]:
    """Return the rows and columns that a canvas of `size` shows, with room around them, and the map from there."""
    x0, y0, x1, y1 = image_box(size)
    shown = affine.inverse()([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
    room = 2.0 + 2.0 / affine.scale  # a warp reads the next pixel, an average by area its whole cell
    limits = np.array(image.shape[1::-1])
    low = np.clip(np.floor(shown.min(0) - room), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(shown.max(0) + room) + 1, low + 1, limits).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    return part, affine @ Affine.translation(float(low[0]), float(low[1]))


def write(path: str | Path, image: Image) -> None:
    """Write an RGB picture whole or not at all; the suffix says the format.

    Raises:
        OutputError: the suffix is unknown, or the file cannot be written.
    """
    path = Path(path)
    try:
        done, data = cv2.imencode(path.suffix or ".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error:
        done, data = False, None
    if not done or data is None:
        raise OutputError(f'{path}: cannot write pictures of the kind "{path.suffix}"; use .png or .jpg')
    write_bytes(path, data.tobytes())
