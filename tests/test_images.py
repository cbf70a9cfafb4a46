"""Reading, warping and writing of every common kind of image, and of files that are not images."""

import io
import struct
import subprocess
import sys
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError, features

from nasion import images
from nasion.errors import ImageError, OutputError
from nasion.geometry import Affine

SIZE = (48, 64)


@pytest.fixture
def colors():
    """An image whose left half is orange and right half blue, so that a mirror or a channel swap shows."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[:, :32], image[:, 32:] = (255, 140, 0), (30, 120, 255)
    return image


def close(found, expected, tolerance=4):
    return found.shape == expected.shape and np.abs(found.astype(int) - expected).max() <= tolerance


def test_a_png_is_read_as_it_was_written(tmp_path, colors):
    images.write(tmp_path / "a.png", colors)
    assert np.array_equal(images.read(tmp_path / "a.png"), colors)
    assert images.size(tmp_path / "a.png") == SIZE


def test_the_content_decides_the_format_and_not_the_suffix(tmp_path, colors):
    images.write(tmp_path / "a.png", colors)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(images.read(tmp_path / "a.jpg"), colors)


def test_cmyk_images_are_converted(tmp_path, colors):
    PillowImage.fromarray(colors).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert close(images.read(tmp_path / "a.jpg")[:, 2:30], colors[:, 2:30], 12)


def test_transparent_gray_is_composited_on_white(tmp_path):
    gray = np.full((*SIZE, 2), 100, np.uint8)
    gray[..., 1] = 255
    gray[:, :32, 1] = 0
    PillowImage.fromarray(gray, "LA").save(tmp_path / "a.png")
    found = images.read(tmp_path / "a.png")
    assert (found[:, :32] == 255).all()
    assert (found[:, 32:] == 100).all()


def test_sixteen_bit_gray_is_scaled_to_eight_bits(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
    PillowImage.fromarray(ramp).save(tmp_path / "a.png")
    assert close(images.read(tmp_path / "a.png")[..., 0], np.rint(ramp / 257).astype(int), 0)


def test_a_transparent_palette_is_composited_on_white(tmp_path, colors):
    image = PillowImage.fromarray(colors).quantize(4)
    image.save(tmp_path / "a.gif", transparency=image.getpixel((0, 0)))
    found = images.read(tmp_path / "a.gif")
    assert (found[:, :32] == 255).all()
    assert close(found[:, 32:], colors[:, 32:], 8)


@pytest.mark.parametrize(
    ("orientation", "back"),
    [(1, lambda a: a), (3, lambda a: a[::-1, ::-1]), (6, lambda a: np.rot90(a, 1)), (8, lambda a: np.rot90(a, -1))],
)
def test_exif_orientation_is_applied_once(tmp_path, colors, orientation, back):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    PillowImage.fromarray(np.ascontiguousarray(back(colors))).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(images.read(tmp_path / "a.png"), colors)
    assert images.size(tmp_path / "a.png") == SIZE


def test_an_image_of_one_pixel(tmp_path):
    images.write(tmp_path / "a.png", np.full((1, 1, 3), 7, np.uint8))
    assert images.read(tmp_path / "a.png").tolist() == [[[7, 7, 7]]]


def huge_png(path, side=30_000):
    """Write a PNG whose header promises side x side pixels, without any pixel."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [30_000, 10_000])
def test_a_huge_image_is_rejected_by_its_header(tmp_path, side):
    huge_png(tmp_path / "a.png", side)
    with pytest.raises(ImageError, match=r"too large|more than"):
        images.read(tmp_path / "a.png")


def test_the_size_of_a_huge_image_is_rejected_too(tmp_path):
    huge_png(tmp_path / "a.png")
    with pytest.raises(ImageError, match="too large"):
        images.size(tmp_path / "a.png")


def test_the_pixel_limit_can_be_lowered(tmp_path, colors):
    images.write(tmp_path / "a.png", colors)
    assert images.read(tmp_path / "a.png", max_pixels=3072).shape == (48, 64, 3)
    with pytest.raises(ImageError, match="64 x 48 = 3,072 pixels, more than 3,071"):
        images.read(tmp_path / "a.png", max_pixels=3071)
    with pytest.raises(ImageError, match=r"upload\.png: 64 x 48 = 3,072 pixels"):
        images.decode((tmp_path / "a.png").read_bytes(), "upload.png", max_pixels=3071)


def broken(path, kind, colors):
    PillowImage.fromarray(colors).resize((640, 480)).save(path, "JPEG")
    data = path.read_bytes()
    path.write_bytes(
        {"truncated": data[: len(data) // 2], "text": b"a diary\n" * 20, "empty": b"", "header": data[:30]}[kind]
    )


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "header"])
def test_a_damaged_file_or_non_image_is_an_error_of_one_line(tmp_path, colors, kind):
    broken(tmp_path / "a.jpg", kind, colors)
    with pytest.raises(ImageError, match=r"a\.jpg: (damaged|not an image)") as caught:
        images.read(tmp_path / "a.jpg")
    assert "\n" not in str(caught.value)


def test_a_damaged_avif_is_an_error_of_one_line(tmp_path, colors):
    if "avif" not in features.get_supported():  # older versions of Pillow do not know the name
        pytest.skip("this Pillow has no AVIF")
    PillowImage.fromarray(colors).resize((640, 480)).save(tmp_path / "a.avif")
    data = bytearray((tmp_path / "a.avif").read_bytes())
    data[len(data) // 2 :] = bytes(255 - value for value in data[len(data) // 2 :])
    (tmp_path / "a.avif").write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.avif: damaged"):
        images.read(tmp_path / "a.avif")


def test_a_missing_file_and_a_folder_are_errors(tmp_path):
    with pytest.raises(ImageError, match="no such image"):
        images.read(tmp_path / "none.jpg")
    with pytest.raises(ImageError):
        images.read(tmp_path)


def test_an_unknown_suffix_is_rejected_and_nothing_is_written(tmp_path, colors):
    with pytest.raises(OutputError, match=r"use \.png or \.jpg"):
        images.write(tmp_path / "a.xyz", colors)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.7, 1.3])
def test_a_warp_shows_the_same_as_a_warp_of_the_full_image(scale):
    """`warp` only processes the visible part; the result must not depend on that."""
    random = np.random.default_rng(0)
    image = cv2.GaussianBlur(random.integers(0, 255, (300, 400, 3)).astype(np.uint8), (0, 0), 3 / min(scale, 1))
    affine = Affine.linear(np.eye(2) * scale, [0, 0]) @ Affine.translation(-90, -60)
    found = images.warp(image, affine, (24, 32))
    whole = cv2.warpAffine(image, affine.matrix, (32, 24), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(found.astype(int) - whole).max() <= (1 if scale > 0.5 else 12)


@pytest.mark.parametrize("box", [[-50, -50, -20, -20], [500, 10, 560, 70], [-10, -10, 700, 500], [3, 3, 3.5, 3.5]])
def test_crops_outside_the_image_repeat_its_edge(box):
    image = np.full((*SIZE, 3), 50, np.uint8)
    assert (images.warp(image, Affine.crop(box, (24, 32)), (24, 32)) == 50).all()


def test_a_very_long_image_can_be_cropped():
    image = np.zeros((4, 40_000, 3), np.uint8)
    image[:, 39_000:] = 200
    assert (images.warp(image, Affine.crop([39_100, 0, 39_104, 3], (8, 8)), (8, 8)) == 200).all()


def test_heic_is_read_if_its_library_is_installed(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    image = np.full((48, 64, 3), 90, np.uint8)
    image[:, 32:] = 200
    path = tmp_path / "phone.heic"
    pillow_heif.from_pillow(PillowImage.fromarray(image)).save(path)
    assert np.abs(images.read(path).astype(int) - image).mean() < 4
    assert images.size(path) == (48, 64)
    assert np.abs(images.decode(path.read_bytes(), "phone").astype(int) - image).mean() < 4


def test_heic_without_its_library_names_the_package_to_install(tmp_path, monkeypatch):
    def missing(_name):
        raise ImportError

    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x20ftypheic" + b"\0" * 99)
    monkeypatch.setattr(images, "import_module", missing)
    monkeypatch.setattr(images.PillowImage, "open", unidentified)
    with pytest.raises(ImageError, match="pip install pillow-heif"):
        images.read(path)


def unidentified(_file, formats=None):
    raise UnidentifiedImageError


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_every_orientation_is_that_of_the_image_that_is_read(tmp_path, colors, orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    PillowImage.fromarray(colors).save(tmp_path / "a.png", exif=exif)
    shape = images.read(tmp_path / "a.png").shape
    assert images.size(tmp_path / "a.png") == shape[:2]
    assert shape == ((48, 64, 3) if orientation < 5 else (64, 48, 3))


def test_bytes_are_decoded_like_the_file(tmp_path, colors):
    images.write(tmp_path / "a.png", colors)
    assert np.array_equal(images.decode((tmp_path / "a.png").read_bytes(), "upload"), colors)
    with pytest.raises(ImageError, match=r"^upload: not an image"):
        images.decode(b"a diary", "upload")


@pytest.mark.parametrize(("top", "expected"), [(1.0, [0, 128, 255]), (255.0, [0, 128, 255]), (65535.0, [0, 128, 255])])
def test_floats_are_scaled_by_their_range(tmp_path, top, expected):
    ramp = np.array([[0, 0.5, 1]], np.float32).repeat(4, 0) * np.float32(top)
    PillowImage.fromarray(ramp).save(tmp_path / "a.tif")
    assert images.read(tmp_path / "a.tif")[2].tolist() == [[value] * 3 for value in expected]


def test_formats_that_run_programs_are_not_read(tmp_path):
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    with pytest.raises(ImageError, match="not an image"):
        images.read(tmp_path / "a.eps")


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_a_warp_keeps_the_type_and_takes_the_size_as_height_and_width(channels):
    warped = images.warp(np.zeros((30, 40, *channels), np.uint8), Affine.resize((30, 40), (6, 9)), (6, 9))
    assert warped.dtype == np.uint8
    assert warped.shape[:2] == (6, 9)


def test_a_strong_reduction_averages_instead_of_sampling():
    """A checkerboard of single pixels becomes gray; sampling every ninth pixel would keep black and white."""
    board = (np.indices((135, 180)).sum(0) % 2 * 255).astype(np.uint8)
    small = images.warp(board, Affine.resize((135, 180), (15, 20)), (15, 20))
    assert np.abs(small.astype(int) - 127).max() <= 4


@pytest.mark.parametrize("scale", [0.09, 0.17, 0.26, 0.6])
@pytest.mark.parametrize("left", [20.0, 21.7, 25.3])
def test_a_reduced_part_of_a_ramp_has_the_values_of_the_ramp_up_to_its_edges(scale, left):
    ramp = np.tile(np.arange(250, dtype=np.uint8), (90, 1))
    canvas = (6, int((225 - left) * scale))
    box = np.array([left, 10, left + canvas[1] / scale, 10 + canvas[0] / scale])
    affine = Affine.crop(box, canvas)
    columns = np.stack([np.arange(canvas[1]), np.full(canvas[1], 3)], -1)
    expected = affine.inverse()(columns)[:, 0]
    assert images.warp(ramp, affine, canvas)[3].astype(float) == pytest.approx(expected, abs=1.01)


def test_a_warp_does_not_change_its_input():
    image = np.random.default_rng(0).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    before = image.copy()
    images.warp(image, Affine.resize((30, 40), (6, 8)), (6, 8))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".PNG"])
def test_lossless_formats_are_written_without_loss(tmp_path, colors, suffix):
    images.write(tmp_path / f"a{suffix}", colors)
    assert np.array_equal(images.read(tmp_path / f"a{suffix}"), colors)


def test_a_path_without_suffix_is_written_as_png(tmp_path, colors):
    images.write(tmp_path / "a", colors)
    assert (tmp_path / "a").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_image_that_a_format_cannot_store_is_one_line_and_nothing_else_is_printed(tmp_path, capfd):
    side = images.JPEG_SIDE
    images.write(tmp_path / "a.jpg", np.zeros((2, side, 3), np.uint8))
    with pytest.raises(OutputError, match=r"b\.jpg: \.jpg cannot store an image of 65501 x 2 pixels; use \.png"):
        images.write(tmp_path / "b.jpg", np.zeros((2, side + 1, 3), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def log_level():
    """Set OpenCV's global log level to a known value."""
    before = images.OPENCV_LOG.getLogLevel()
    images.OPENCV_LOG.setLogLevel(4)
    yield 4
    images.OPENCV_LOG.setLogLevel(before)


def test_the_log_level_of_opencv_is_restored(tmp_path, colors, log_level):
    images.write(tmp_path / "a.png", colors)
    assert images.OPENCV_LOG.getLogLevel() == log_level
    with pytest.raises(OutputError):
        images.write(tmp_path / "a.xyz", colors)
    assert images.OPENCV_LOG.getLogLevel() == log_level


def test_opencv_stays_silent_until_the_last_of_several_users_is_done(log_level):
    """Two threads overlap: the first to enter leaves first."""
    first, second = images.quiet_opencv(), images.quiet_opencv()
    first.__enter__()
    second.__enter__()
    assert images.OPENCV_LOG.getLogLevel() == 0
    first.__exit__(None, None, None)
    assert images.OPENCV_LOG.getLogLevel() == 0
    second.__exit__(None, None, None)
    assert images.OPENCV_LOG.getLogLevel() == log_level


def test_the_log_level_is_restored_after_an_error(log_level):
    with pytest.raises(KeyError), images.quiet_opencv():
        raise KeyError
    assert images.OPENCV_LOG.getLogLevel() == log_level


def test_importing_the_module_does_not_change_the_log_level():
    log = "getattr(cv2.utils, 'logging', cv2)"
    code = f"import cv2; {log}.setLogLevel(5); import nasion.images; print({log}.getLogLevel())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("5", "")


def test_reading_does_not_touch_the_filters_of_warnings(tmp_path):
    """A filter that another thread sets while an image is read must remain."""
    image = PillowImage.new("P", (8, 8))
    image.info["transparency"] = bytes(range(8))
    image.save(tmp_path / "a.png")
    filters = warnings.filters
    before = list(filters)
    seen = []

    class Watched(io.BytesIO):
        def read(self, *args):
            seen.append(warnings.filters is filters and list(warnings.filters) == before)
            return super().read(*args)

    content = (tmp_path / "a.png").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images.io, "BytesIO", Watched)
        images.decode(content, "a.png")
    assert seen
    assert all(seen)


def test_warnings_of_pillow_about_images_are_not_shown():
    command = (
        "import io, warnings; from PIL import Image; from nasion import images\n"
        "Image.MAX_IMAGE_PIXELS = 10; buffer = io.BytesIO(); Image.new('L', (4, 4)).save(buffer, 'PNG')\n"
        "print(images.decode(buffer.getvalue(), 'a').shape); warnings.warn('mine')\n"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.stdout == "(4, 4, 3)\n"
    assert "Bomb" not in done.stderr
    assert "UserWarning: mine" in done.stderr


def test_an_opencv_with_its_log_level_in_another_module_is_silenced_as_well():
    code = (
        "import cv2, types\n"
        "if hasattr(cv2, 'setLogLevel'):\n"
        "    cv2.utils.logging = types.SimpleNamespace(setLogLevel=cv2.setLogLevel, getLogLevel=cv2.getLogLevel)\n"
        "    del cv2.setLogLevel, cv2.getLogLevel\n"
        "cv2.utils.logging.setLogLevel(4)\n"
        "from nasion import images\n"
        "with images.quiet_opencv(): print(cv2.utils.logging.getLogLevel())\n"
        "print(cv2.utils.logging.getLogLevel())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "4"]


def test_messages_of_pillow_about_images_are_not_printed():
    """A TIFF file of more samples per pixel than can be decoded; Pillow logs this as an error."""
    code = (
        "import io, struct; from PIL import Image; from nasion import images\n"
        "buffer = io.BytesIO(); Image.new('RGB', (4, 4)).save(buffer, 'TIFF'); content = buffer.getvalue()\n"
        "entry = struct.pack('<HHL', 277, 3, 1); place = content.index(entry) + len(entry)\n"
        "content = content[:place] + b'\\x60\\xea' + content[place + 2:]\n"
        "try: images.decode(content, 'a')\n"
        "except images.ImageError: print('rejected')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("rejected\n", "")


def test_nan_in_an_image_of_floats_is_black(tmp_path):
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    values[0, 1], values[2, 2] = np.nan, np.inf
    PillowImage.fromarray(values).save(tmp_path / "a.tif")
    image = images.read(tmp_path / "a.tif")
    assert image[0, 1].tolist() == [0, 0, 0]
    assert image[2, 2].tolist() == [255, 255, 255]


@pytest.mark.parametrize("size", [(1, 70_000), (70_000, 1), (2, 200_000), (40_000, 3)])
def test_images_longer_than_opencv_warps_are_reduced_first(size):
    image = np.zeros((*size, 3), np.uint8)
    if size[0] < size[1]:
        image[:, size[1] // 2 :] = 200
    else:
        image[size[0] // 2 :] = 200
    small = tuple(max(1, side // 1000) for side in size)
    warped = images.warp(image, Affine.resize(size, small), small)
    assert warped.shape[:2] == small
    assert warped.min() == 0
    assert warped.max() == 200


def test_a_canvas_larger_than_opencv_warps_is_rejected():
    with pytest.raises(ImageError, match="an image of 40000 x 3 pixels cannot be warped; scale it down"):
        images.warp(np.zeros((3, 4, 3), np.uint8), Affine.identity(), (3, 40_000))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_small_copy_is_upright_and_looks_like_the_image(tmp_path, suffix, orientation):
    ramp = np.linspace(0, 255, 640).astype(np.uint8)
    stored = np.repeat(np.tile(ramp, (400, 1))[..., None], 3, axis=-1)
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    PillowImage.fromarray(stored).save(tmp_path / f"a{suffix}", exif=exif)
    small, whole = images.read_small(tmp_path / f"a{suffix}", 64), images.read(tmp_path / f"a{suffix}")
    height, width = small.shape[:2]
    assert (height, width) == ((40, 64) if orientation == 1 else (64, 40))
    expected = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 3


def test_a_small_image_is_not_enlarged_and_an_unreadable_one_is_an_error(tmp_path):
    images.write(tmp_path / "a.png", np.full((6, 9, 3), 7, np.uint8))
    assert images.read_small(tmp_path / "a.png", 64).shape == (6, 9, 3)
    (tmp_path / "b.jpg").write_bytes(b"a diary")
    with pytest.raises(ImageError, match=r"b\.jpg: not an image"):
        images.read_small(tmp_path / "b.jpg", 64)
    with pytest.raises(ImageError, match="more than 50"):
        images.read_small(tmp_path / "a.png", 64, max_pixels=50)
