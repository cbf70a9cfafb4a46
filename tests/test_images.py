"""Every kind of picture that people have, and every kind that is none."""

import struct
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
    """A picture whose left half is orange and right half blue, so that a mirror or a swap shows."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = (255, 140, 0), (30, 120, 255)
    return picture


def close(found, expected, tolerance=4):
    return found.shape == expected.shape and np.abs(found.astype(int) - expected).max() <= tolerance


def test_png_is_read_as_it_was_written(tmp_path, colors):
    images.write(tmp_path / "a.png", colors)
    assert np.array_equal(images.read(tmp_path / "a.png"), colors)
    assert images.size(tmp_path / "a.png") == SIZE


def test_content_counts_not_the_name(tmp_path, colors):
    images.write(tmp_path / "a.png", colors)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(images.read(tmp_path / "a.jpg"), colors)


def test_cmyk(tmp_path, colors):
    PillowImage.fromarray(colors).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert close(images.read(tmp_path / "a.jpg")[:, 2:30], colors[:, 2:30], 12)


def test_gray_with_alpha_lies_on_white(tmp_path):
    gray = np.full((*SIZE, 2), 100, np.uint8)
    gray[..., 1] = 255
    gray[:, :32, 1] = 0
    PillowImage.fromarray(gray, "LA").save(tmp_path / "a.png")
    found = images.read(tmp_path / "a.png")
    assert (found[:, :32] == 255).all()
    assert (found[:, 32:] == 100).all()


def test_sixteen_bits(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
    PillowImage.fromarray(ramp).save(tmp_path / "a.png")
    assert close(images.read(tmp_path / "a.png")[..., 0], np.rint(ramp / 257).astype(int), 0)


def test_palette_with_transparency(tmp_path, colors):
    picture = PillowImage.fromarray(colors).quantize(4)
    picture.save(tmp_path / "a.gif", transparency=picture.getpixel((0, 0)))
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


def test_one_pixel(tmp_path):
    images.write(tmp_path / "a.png", np.full((1, 1, 3), 7, np.uint8))
    assert images.read(tmp_path / "a.png").tolist() == [[[7, 7, 7]]]


def huge_png(path, side=30_000):
    """A PNG header that promises side x side pixels, and no pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [30_000, 10_000])
def test_a_huge_picture_is_refused_by_its_header(tmp_path, side):
    huge_png(tmp_path / "a.png", side)
    with pytest.raises(ImageError, match=r"too large|more than"):
        images.read(tmp_path / "a.png")


def test_the_size_of_a_huge_picture_is_refused_too(tmp_path):
    huge_png(tmp_path / "a.png")
    with pytest.raises(ImageError, match="too large"):
        images.size(tmp_path / "a.png")


def test_a_smaller_limit_can_be_asked_for(tmp_path, colors):
    images.write(tmp_path / "a.png", colors)
    with pytest.raises(ImageError, match="64 x 48 = 3,072 pixels, more than 3,000"):
        images.read(tmp_path / "a.png", max_pixels=3000)


def broken(path, kind, colors):
    PillowImage.fromarray(colors).resize((640, 480)).save(path, "JPEG")
    data = path.read_bytes()
    path.write_bytes(
        {"truncated": data[: len(data) // 2], "text": b"a diary\n" * 20, "empty": b"", "header": data[:30]}[kind]
    )


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "header"])
def test_what_is_no_picture_is_one_clear_line(tmp_path, colors, kind):
    broken(tmp_path / "a.jpg", kind, colors)
    with pytest.raises(ImageError, match=r"a\.jpg: (damaged|not a picture)") as caught:
        images.read(tmp_path / "a.jpg")
    assert "\n" not in str(caught.value)


def test_a_damaged_avif_is_one_clear_line(tmp_path, colors):
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    PillowImage.fromarray(colors).resize((640, 480)).save(tmp_path / "a.avif")
    data = bytearray((tmp_path / "a.avif").read_bytes())
    data[len(data) // 2 :] = bytes(255 - value for value in data[len(data) // 2 :])
    (tmp_path / "a.avif").write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.avif: damaged"):
        images.read(tmp_path / "a.avif")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match="no such picture"):
        images.read(tmp_path / "none.jpg")
    with pytest.raises(ImageError):
        images.read(tmp_path)


def test_an_unknown_suffix_leaves_nothing_behind(tmp_path, colors):
    with pytest.raises(OutputError, match=r"use \.png or \.jpg"):
        images.write(tmp_path / "a.xyz", colors)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.7, 1.3])
def test_a_crop_of_a_part_is_the_crop_of_the_whole(scale):
    """Only what the canvas shows is touched; what it shows is the same."""
    random = np.random.default_rng(0)
    image = cv2.GaussianBlur(random.integers(0, 255, (300, 400, 3)).astype(np.uint8), (0, 0), 3 / min(scale, 1))
    affine = Affine.linear(np.eye(2) * scale, [0, 0]) @ Affine.translation(-90, -60)
    found = images.warp(image, affine, (24, 32))
    whole = cv2.warpAffine(image, affine.matrix, (32, 24), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(found.astype(int) - whole).max() <= (1 if scale > 0.5 else 12)


@pytest.mark.parametrize("box", [[-50, -50, -20, -20], [500, 10, 560, 70], [-10, -10, 700, 500], [3, 3, 3.5, 3.5]])
def test_crops_outside_the_picture_repeat_its_edge(box):
    image = np.full((*SIZE, 3), 50, np.uint8)
    assert (images.warp(image, Affine.crop(box, (24, 32)), (24, 32)) == 50).all()


def test_a_very_long_picture_can_be_cut():
    image = np.zeros((4, 40_000, 3), np.uint8)
    image[:, 39_000:] = 200
    assert (images.warp(image, Affine.crop([39_100, 0, 39_104, 3], (8, 8)), (8, 8)) == 200).all()


def test_heic_is_read_where_its_library_is_there(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    picture = np.full((48, 64, 3), 90, np.uint8)
    picture[:, 32:] = 200
    path = tmp_path / "phone.heic"
    pillow_heif.from_pillow(PillowImage.fromarray(picture)).save(path)
    assert np.abs(images.read(path).astype(int) - picture).mean() < 4
    assert images.size(path) == (48, 64)
    assert np.abs(images.decode(path.read_bytes(), "phone").astype(int) - picture).mean() < 4


def test_heic_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    def missing(_name):
        raise ImportError

    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x20ftypheic" + b"\0" * 99)
    monkeypatch.setattr(images, "import_module", missing)
    monkeypatch.setattr(images.PillowImage, "open", refuses)
    with pytest.raises(ImageError, match="pip install pillow-heif"):
        images.read(path)


def refuses(_file, formats=None):
    raise UnidentifiedImageError
