"""Images of every format, and videos."""

import io
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image as PillowImage

from fuzz.mutations import change_bytes
from fuzz.workers import Kind
from nasion import draw, images
from nasion.detect import PeakDetector
from nasion.geometry import Affine
from nasion.predict.image_files import list_images
from nasion.video.reader import open_clip
from nasion.video.writer import ClipWriter

LIBTIFF = (
    "tempfile.tif: ",
    "Decode: ",
    "TIFF",
    "JPEGLib: ",
    "LZW",
    "ZIP",
    "PixarLog",
    "Fax3",
    "Fax4",
    "_TIFF",
    "LERC",
    "webp",
    "Deflate",
    "PackBits",
)
"""Beginnings of the lines that libtiff prints itself about damaged files; Python cannot silence it."""


def _encoded(image: PillowImage.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _prepare_images(folder: Path) -> object:
    values = np.random.default_rng(0).integers(0, 255, (24, 40, 3), dtype=np.uint8)
    color = PillowImage.fromarray(values)
    exif = PillowImage.Exif()
    exif[0x0112], exif[0x010E], exif[0x8769] = 6, "x" * 50, {0x9003: "2020:01:01"}
    frames = [color, color.rotate(90), color.rotate(180)]
    modes = [color.convert(mode) for mode in ("L", "P", "RGBA", "CMYK", "1", "LA", "YCbCr", "F", "I")]
    return [
        *(_encoded(color, form) for form in ("JPEG", "PNG", "BMP", "WEBP", "GIF", "PPM", "TIFF")),
        *(_encoded(color, "JPEG", exif=exif), _encoded(color, "JPEG", progressive=True, icc_profile=b"x" * 200)),
        *(_encoded(color, "PNG", exif=exif), _encoded(color, "WEBP", exif=exif, lossless=True)),
        *(
            _encoded(color, form, save_all=True, append_images=frames[1:])
            for form in ("GIF", "PNG", "TIFF", "WEBP", "MPO")
        ),
        *(_encoded(color, "TIFF", compression=each) for each in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        *(_encoded(each, "TIFF") for each in modes),
        *(_encoded(each, "PNG") for each in modes if each.mode in ("L", "P", "RGBA", "1", "LA")),
        _encoded(PillowImage.fromarray(values[..., 0].astype(np.uint16) * 200), "PNG"),
        _encoded(modes[1], "PNG", transparency=bytes(range(200))),
        *(_encoded(color, "AVIF") for _ in range("AVIF" in PillowImage.SAVE)),
    ]


def _run_image(contents: object, random: Random, folder: Path) -> None:
    content = random.choice(contents)
    if random.random() < 0.97:
        content = change_bytes(random, content, contents)
    if random.random() < 0.03:
        size = random.choice(((1, 60_000), (60_000, 1), (1, 1), (2, 3000), (33_000, 2)))
        content = _encoded(PillowImage.new("RGB", size, "gray"), "PNG")
    path = folder / random.choice(("a.jpg", "a.png", "a.tif", "ä b.heic"))
    path.write_bytes(content)
    assert list_images([str(folder)]) == [path]
    height, width = images.size(path)
    image = images.read(path)
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    images.decode(content, "an image")
    if random.random() < 0.1:
        PeakDetector()(image)
        small = images.warp(image, Affine.resize(image.shape[:2], (32, 48)), (32, 48))
        draw.caption(small, f"{height} {width}")


def _prepare_videos(folder: Path) -> object:
    from video.video_files import times, write, write_with_sound

    write(folder / "a.mp4", times(8))
    write_with_sound(folder / "b.mp4", 0.3)
    found = [(path.suffix, path.read_bytes()) for path in sorted(folder.iterdir())]
    for suffix, codec in ((".mkv", "libx264"), (".avi", "mpeg4"), (".mov", "mpeg4"), (".mkv", "ffv1"), (".gif", "gif")):
        path = folder / f"{codec}{suffix}"
        _write_clip(path, codec)
        found.append((suffix, path.read_bytes()))
    return found


def _write_clip(path: Path, codec: str) -> None:
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        for k in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * k, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


PLAYLISTS = (
    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile /etc/passwd\n",
    b"<?xml version='1.0'?><MPD><Period><AdaptationSet/></Period></MPD>",
    b"Some plain text that FFmpeg could draw as a film.\n" * 100,
)


def _run_video(clips: object, random: Random, folder: Path) -> None:
    suffix, content = random.choice(clips)
    if random.random() < 0.08:
        content = random.choice(PLAYLISTS)
    content = change_bytes(random, content, [each for _, each in clips]) if random.random() < 0.97 else content
    path = folder / f"a{random.choice((suffix, suffix, '.mp4', '.m3u8', '.txt'))}"
    path.write_bytes(content)
    clip = open_clip(path)
    writes = random.random() < 0.1 and clip.size[0] * clip.size[1] < 50_000
    last = -1.0
    with ClipWriter(folder / "out.mp4", clip.size, clip.rate) if writes else _Nothing() as writer:
        for number, (time_s, image) in enumerate(clip.frames(writer if writes else None)):
            assert time_s > last
            last = time_s
            if writes and image.shape[:2] == clip.size:
                writer.add_frame(time_s, image)
            if number > 30:
                break


class _Nothing:
    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(self, *_error: object) -> None:
        return


KINDS = [
    Kind("images", 2.0, _prepare_images, _run_image, LIBTIFF),
    Kind("videos", 0.5, _prepare_videos, _run_video),
]
