"""Video files in and out, through PyAV: frames upright with their own times, the sound as it was."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from nasion.errors import ConfigError, ImageError, OutputError
from nasion.sample import Image

__all__ = ["Clip", "Writer", "open_clip"]

TICK = Fraction(1, 90_000)
"""The clock of what is written: fine enough for any frame rate, and for one that varies."""

QUARTER = 90
LARGEST_PX = 50_000_000
"""Pixels of a frame above which it is refused: a person's file may be hostile."""


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ConfigError(f"video needs PyAV ({error}); pip install 'nasion[video]'") from None
    return av


@dataclass
class Clip:
    """A video file that can be read.

    Attributes:
        path: where it is.
        size: (height, width) of a frame as it is seen upright.
        rate: frames a second, on average.
        count: frames that its header tells, 0 if it does not.
        seconds: how long it says it is, 0 if it does not.
        ended_early: set once it has been read: the reason if it broke off before its end, else empty.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    count: int
    seconds: float
    ended_early: str = field(default="", init=False)

    def frames(self, sound: "Writer | None" = None) -> Iterator[tuple[float, Image]]:
        """Yield each frame's time in seconds and its picture (H, W, 3) uint8 RGB; sound packets go to `sound`.

        A file that breaks off gives the frames before that, and says so in `ended_early`.
        """
        av = _av()
        with av.open(str(self.path), metadata_errors="ignore") as container:
            video = container.streams.video[0]
            video.thread_type = "AUTO"
            heard = sound.sound_like(container) if sound else None
            wanted = [video] if heard is None else [video, heard]
            start, last = None, -1.0
            packets = container.demux(*wanted)
            while True:
                try:
                    packet = next(packets)
                    if packet.stream is heard:
                        assert sound is not None
                        sound.add_sound(packet)
                        continue
                    pictures = packet.decode()
                except StopIteration:
                    break
                except av.error.FFmpegError as error:
                    self.ended_early = str(error.strerror or error)
                    break
                for picture in pictures:
                    time_s = float(picture.time) if picture.time is not None else last + 1 / float(self.rate)
                    start = time_s if start is None else start
                    last = max(time_s - start, last + 1e-4)  # broken files go back in time
                    yield last, _upright(picture.to_ndarray(format="rgb24"), picture.rotation)
        if last >= 0 and self.seconds and last < self.seconds - 2 - 2 / float(self.rate):
            self.ended_early = self.ended_early or "the file is cut off"


def open_clip(path: Path) -> Clip:
    """Return what a video file says of itself, after reading its first frame.

    Raises:
        ImageError: there is no such file, it is no video, or its frames are too large.
        ConfigError: PyAV is not installed.
    """
    av = _av()
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file")
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.video:
                raise ImageError(f"{path}: it has no video stream")
            video = container.streams.video[0]
            if video.codec_context.width * video.codec_context.height > LARGEST_PX:
                size = f"{video.codec_context.width} x {video.codec_context.height}"
                raise ImageError(f"{path}: frames of {size} px are too large; at most {LARGEST_PX // 10**6} megapixels")
            first = next(container.decode(video), None)
            if first is None:
                raise ImageError(f"{path}: it has no frame that can be read")
            turned = first.rotation % (2 * QUARTER) == QUARTER
            size = (first.width, first.height) if turned else (first.height, first.width)
            rate = video.average_rate or video.guessed_rate or Fraction(25)
            duration = video.duration * video.time_base if video.duration else Fraction(container.duration or 0, 10**6)
            return Clip(path, size, Fraction(rate), int(video.frames or 0), float(duration))
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{path}: not a video that can be read ({reason})") from None


def _upright(image: Image, rotation_deg: float) -> Image:
    """Return a frame as its file says that it is to be shown; counter-clockwise, as FFmpeg tells it."""
    return np.ascontiguousarray(np.rot90(image, round(rotation_deg / QUARTER)))


class Writer:
    """Writes an .mp4 (H.264) whole or not at all: beside its place first, and only moved onto it at a clean end.

    Args:
        path: the file.
        size: (height, width) of its frames; an odd row or column is doubled, as H.264 needs it.
        rate: frames a second, told in its header; each frame has its own time.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction) -> None:
        av = _av()
        self.path, self.av = path, av
        self.pad = size[0] % 2, size[1] % 2
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from None
        with open(handle, "wb"):  # noqa: PTH123  # only to close it: PyAV opens it by name
            self.part = Path(name)
        self.out = av.open(name, "w", format="mp4")
        self.video = self.out.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        self.video.height, self.video.width = size[0] + self.pad[0], size[1] + self.pad[1]
        self.video.pix_fmt = "yuv420p"
        self.video.codec_context.time_base = TICK
        self.sound: Any = None

    def sound_like(self, container: Any) -> Any:
        """Take up the first sound stream of an open file and return it; None if there is none that .mp4 can hold."""
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        try:
            self.sound = self.out.add_stream_from_template(stream)
        except (ValueError, self.av.error.FFmpegError):
            return None
        return stream

    def add_sound(self, packet: Any) -> None:
        """Write a packet of sound."""
        if packet.dts is not None:
            packet.stream = self.sound
            self._mux(packet)

    def add(self, time_s: float, image: Image) -> None:
        """Write a frame (H, W, 3) uint8 RGB."""
        padded = np.pad(image, ((0, self.pad[0]), (0, self.pad[1]), (0, 0)), mode="edge") if any(self.pad) else image
        frame = self.av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        frame.time_base, frame.pts = TICK, round(time_s / TICK)
        for packet in self.video.encode(frame):
            self._mux(packet)

    def _mux(self, packet: Any) -> None:
        try:
            self.out.mux(packet)
        except self.av.error.FFmpegError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, KeyboardInterrupt):
            self.out.close()
            self.part.unlink(missing_ok=True)
            return
        for packet in self.video.encode(None):
            self._mux(packet)
        self.out.close()
        self.part.chmod(0o644)
        self.part.replace(self.path)
