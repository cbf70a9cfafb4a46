"""Thumbnails are small, upright and never outdated; unreadable images are errors of one line."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import numpy as np
import pytest
from PIL import Image as PillowImage

from nasion import images
from nasion.errors import ImageError
from nasion.studio.server.albums import thumbnails as module
from nasion.studio.server.albums.thumbnails import AT_ONCE, SIDE, Thumbnails

ORIENTATION_TAG = 0x0112
TURNED = 6


@pytest.fixture
def decoded(monkeypatch):
    """Return the list of the paths that are decoded, in order."""
    paths = []
    read_small = module.read_small

    def read(path, side):
        paths.append(path)
        return read_small(path, side)

    monkeypatch.setattr(module, "read_small", read)
    return paths


def write(path, value, height=6, width=8):
    """Write a gray image and return its path."""
    images.write(path, np.full((height, width, 3), value, np.uint8))
    return path


def decode(content):
    assert content.startswith(b"\xff\xd8"), "not a JPEG file"
    return images.decode(content, "the thumbnail")


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(600, 300, (SIDE, SIDE // 2)), (300, 600, (SIDE // 2, SIDE)), (6, 8, (6, 8)), (1, 2000, (1, SIDE))],
)
def test_large_images_are_scaled_down_and_small_ones_keep_their_size(tmp_path, height, width, expected):
    content = Thumbnails().get(write(tmp_path / "a.png", 90, height, width))
    assert decode(content).shape == (*expected, 3)
    assert abs(decode(content).astype(int) - 90).max() <= 2


def test_a_thumbnail_is_upright(tmp_path):
    exif = PillowImage.Exif()
    exif[ORIENTATION_TAG] = TURNED
    PillowImage.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert decode(Thumbnails().get(tmp_path / "a.jpg")).shape == (40, 20, 3)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16"])
def test_images_of_all_color_modes_become_rgb(tmp_path, mode):
    PillowImage.new(mode, (8, 6)).save(tmp_path / "a.png")
    assert decode(Thumbnails().get(tmp_path / "a.png")).shape == (6, 8, 3)


def test_an_image_is_decoded_once(tmp_path, decoded):
    kept, path = Thumbnails(), write(tmp_path / "a.png", 90)
    assert kept.get(path) == kept.get(path)
    assert decoded == [path]


def test_an_image_that_changes_gets_a_new_thumbnail(tmp_path, decoded):
    kept, path = Thumbnails(), write(tmp_path / "a.png", 0)
    assert decode(kept.get(path)).max() < 5
    write(path, 255)
    os.utime(path, ns=(1, 1))
    assert decode(kept.get(path)).min() > 250
    write(path, 0, height=60)
    os.utime(path, ns=(1, 1))  # the time stays the same, but not the size
    assert decode(kept.get(path)).shape == (60, 8, 3)
    assert len(decoded) == 3


def test_a_deleted_image_has_no_thumbnail_any_more(tmp_path):
    kept, path = Thumbnails(), write(tmp_path / "a.png", 90)
    kept.get(path)
    path.unlink()
    with pytest.raises(ImageError, match=r"a\.png: no such image"):
        kept.get(path)


def test_an_image_may_be_deleted_at_any_moment(tmp_path, monkeypatch):
    """Between looking for the file and asking for its size, too."""
    monkeypatch.setattr(module.Path, "is_file", lambda path: True)
    with pytest.raises(ImageError, match=r"a\.png: no such image"):
        Thumbnails().get(tmp_path / "a.png")


def test_an_image_that_appears_after_an_error_is_read(tmp_path):
    kept, path = Thumbnails(), tmp_path / "a.png"
    with pytest.raises(ImageError):
        kept.get(path)
    write(path, 90)
    assert decode(kept.get(path)).shape == (6, 8, 3)


def test_the_oldest_thumbnails_are_dropped(tmp_path, monkeypatch, decoded):
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    kept = Thumbnails()
    one, two, three = (write(tmp_path / f"{k}.png", 90) for k in range(3))
    for path in (one, two, three, three, two):
        kept.get(path)
    assert decoded == [one, two, three]
    kept.get(one)
    assert decoded == [one, two, three, one]


def broken_images(folder):
    """Return paths that are no readable images, by what is wrong with them."""
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("a diary")
    whole = write(folder / "whole.png", 90, 60, 80).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "folder.png").mkdir()
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "script.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    names = ("missing.png", "empty.png", "text.png", "cut.png", "folder.png", "loop.png", "script.svg", "a\0b.png")
    return [folder / name for name in names]


def test_unreadable_images_are_errors_of_one_line(tmp_path):
    """Each failure also lets the next image be decoded."""
    kept = Thumbnails()
    broken = broken_images(tmp_path)
    assert len(broken) > AT_ONCE
    for path in broken:
        with pytest.raises(ImageError) as error:
            kept.get(path)
        assert "\n" not in str(error.value)
    assert decode(kept.get(tmp_path / "whole.png")).shape == (60, 80, 3)


def test_an_image_with_too_many_pixels_is_not_decoded(tmp_path, monkeypatch):
    limit, read_small = 40, module.read_small
    monkeypatch.setattr(module, "read_small", lambda path, side: read_small(path, side, max_pixels=limit))
    with pytest.raises(ImageError, match="scale it down"):
        Thumbnails().get(write(tmp_path / "a.png", 90))


def test_few_images_are_decoded_at_the_same_time(tmp_path, monkeypatch):
    """Decodes wait for each other in pairs, so that two are running whenever one is finished."""
    together, lock, running, most = Barrier(AT_ONCE, timeout=60), Lock(), [0], [0]

    def read(_path, _side):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait()
        with lock:
            running[0] -= 1
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(module, "read_small", read)
    kept, count = Thumbnails(), 4 * AT_ONCE
    with ThreadPoolExecutor(count) as pool:
        contents = list(pool.map(kept.get, [tmp_path / f"{k}.png" for k in range(count)]))
    assert (most[0], len(contents), len(set(contents))) == (AT_ONCE, count, 1)
