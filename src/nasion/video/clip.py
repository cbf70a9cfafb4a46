"""Video files in and out, through PyAV: frames upright with their own times, the sound as it was."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

SHORT_S = 1.0
"""By how much pictures may end before their stream says so."""


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ConfigError(f"video needs PyAV ({error}); pip install 'nasion[video]'") from None
    return av


def _opened(path: Path) -> Any:
    """Return the open file; by an address, because "12:30.mkv" would be taken for one of a protocol "12"."""
    return _av().open(f"file:{path}", metadata_errors="ignore")


@dataclass
class Clip:
    """A video file that can be read.

    Attributes:
        path: where it is.
        size: (height, width) of a frame as it is seen upright.
        rate: frames a second, on average.
        count: frames that its header tells, 0 if it does not.
        seconds: how long its pictures last, 0 if it does not say.
        ended_early: set once it has been read: the reason if it broke off before its end, else empty.
        damaged: set once it has been read: packets that could not be decoded.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    count: int
    seconds: float
    ended_early: str = field(default="", init=False)
    damaged: int = field(default=0, init=False)

    def frames(self, sound: "Writer | None" = None) -> Iterator[tuple[float, Image]]:
        """Yield each frame's time in seconds and its picture (H, W, 3) uint8 RGB; sound packets go to `sound`.

        Times are from the beginning of whatever begins first, pictures or sound. What is damaged is left out and
        counted; a file that breaks off gives the frames before that, and says so in `ended_early`.
        """
        av = _av()
        self.ended_early, self.damaged = "", 0
        with _opened(self.path) as container:
            video = container.streams.video[0]
            video.thread_type = "AUTO"
            begin = Fraction(container.start_time or 0, av.time_base)
            heard = sound.sound_like(container) if sound else None
            packets = container.demux(*([video] if heard is None else [video, heard]))
            last = end = -1e-4
            while True:
                try:
                    packet = next(packets)
                except StopIteration:
                    break
                except av.error.FFmpegError as error:
                    self.ended_early = str(error.strerror or error)
                    break
                if packet.stream is heard:
                    assert sound is not None
                    sound.add_sound(packet, begin)
                    continue
                for picture in self._decoded(packet):
                    told = picture.time is not None
                    time_s = float(picture.time - begin) if told else last + 1 / float(self.rate)
                    last = max(time_s, last + 1e-4)  # broken files go back in time
                    end = last + float((picture.duration or 0) * picture.time_base) if told else last
                    yield last, _upright(picture.to_ndarray(format="rgb24"), picture.rotation)
        if self.seconds and end < self.seconds - SHORT_S - 1 / float(self.rate):
            self.ended_early = self.ended_early or "the file is cut off"

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return packet.decode()
        except _av().error.FFmpegError:
            self.damaged += 1
            return []


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
        with _opened(path) as container:
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
            return Clip(path, size, Fraction(rate), int(video.frames or 0), _seconds(container, video))
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{path}: not a video that can be read ({reason})") from None


def _seconds(container: Any, video: Any) -> float:
    """Return how long the pictures last; the whole file's time counts if there is nothing else in it."""
    if video.duration:
        return float(video.duration * video.time_base)
    return (container.duration or 0) / _av().time_base if len(container.streams) == 1 else 0.0


def _upright(image: Image, rotation_deg: float) -> Image:
    """Return a frame as its file says that it is to be shown; counter-clockwise, as FFmpeg tells it."""
    return np.ascontiguousarray(np.rot90(image, round(rotation_deg / QUARTER)))


class Writer:
    """Writes an .mp4 (H.264) beside its place first, and moves it there at the end: whole, or as far as Ctrl-C let it.

    Whatever else goes wrong leaves what was in that place before.

    Args:
        path: the file.
        size: (height, width) of its frames; an odd row or column is doubled, as H.264 needs it.
        rate: frames a second, told in its header; each frame has its own time.

    Attributes:
        lost_sound: why the sound could not be taken along; empty if it was, or if there is none.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction) -> None:
        self.path, self.av = path, _av()
        self.pad = size[0] % 2, size[1] % 2
        self.lost_sound, self.sound, self.last_sound, self.count = "", None, None, 0
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            os.close(handle)
            self.part = Path(name)
        with self._told(), self._cleared():
            self.out = self.av.open(f"file:{name}", "w", format="mp4")
            self.video = self.out.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
            self.video.height, self.video.width = size[0] + self.pad[0], size[1] + self.pad[1]
            self.video.pix_fmt = "yuv420p"
            self.video.codec_context.time_base = TICK

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (self.av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}; choose another place") from None

    @contextmanager
    def _cleared(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.part.unlink(missing_ok=True)
            raise

    def sound_like(self, container: Any) -> Any:
        """Take up the first sound stream of an open file and return it; None if there is none that .mp4 can hold."""
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        try:
            self.sound = self.out.add_stream_from_template(stream)
        except (ValueError, self.av.error.FFmpegError):
            self.lost_sound = f"an .mp4 cannot hold its sound ({stream.codec_context.name})"
            return None
        return stream

    def add_sound(self, packet: Any, begin: Fraction) -> None:
        """Write a packet of sound, its time taken from `begin`, seconds; one that goes back in time is left out."""
        if packet.dts is None:
            return
        earlier = round(begin / packet.time_base)
        packet.dts, packet.pts = packet.dts - earlier, (packet.dts if packet.pts is None else packet.pts) - earlier
        if self.last_sound is None or packet.dts > self.last_sound:
            self.last_sound = packet.dts
            packet.stream = self.sound
            self._mux(packet)

    def add(self, time_s: float, image: Image) -> None:
        """Write a frame (H, W, 3) uint8 RGB."""
        padded = np.pad(image, ((0, self.pad[0]), (0, self.pad[1]), (0, 0)), mode="edge") if any(self.pad) else image
        frame = self.av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        frame.time_base, frame.pts = TICK, round(time_s / TICK)
        self.count += 1
        for packet in self.video.encode(frame):
            self._mux(packet)

    def _mux(self, packet: Any) -> None:
        with self._told():
            self.out.mux(packet)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        with self._cleared():
            if kind is None or (issubclass(kind, KeyboardInterrupt) and self.count):
                with self._told():
                    for packet in self.video.encode(None):
                        self.out.mux(packet)
                    self.out.close()
                    self.part.chmod(0o644)
                    self.part.replace(self.path)
                return
            with suppress(self.av.error.FFmpegError, OSError):
                self.out.close()
        self.part.unlink(missing_ok=True)
