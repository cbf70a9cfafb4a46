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

from nasion.atomic import new_mode
from nasion.errors import ConfigError, ImageError, OutputError
from nasion.geometry import FloatArray
from nasion.sample import Image

__all__ = ["Clip", "Writer", "open_clip"]

TICK = Fraction(1, 90_000)
"""The clock of what is written: fine enough for any frame rate, and for one that varies."""

LARGEST_SIDE = 16_384
"""px: what H.264 can hold."""

LARGEST_PX = 50_000_000
"""Pixels of a frame above which it is refused: a person's file may be hostile."""

SHORT_S = 1.0
"""By how much pictures may end before their stream says so, and go back in time within one recording."""

STILL = 1024
"""FFmpeg's mark of a stream that is the picture on a record's cover."""

LAYOUTS = {1: "mono", 2: "stereo"}

BT709 = 1
"""FFmpeg's number for the colors of HD video, which players take for granted."""


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
        pixel: width of a pixel as it is shown, over its height.
        count: frames that its header tells, 0 if it does not.
        seconds: how long its pictures last, 0 if it does not say.
        whole_s: how long all its streams last together, 0 if it does not say.
        ended_early: set once it has been read: the reason if it broke off before its end, else empty.
        damaged: set once it has been read: packets that could not be decoded.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    pixel: Fraction
    count: int
    seconds: float
    whole_s: float
    ended_early: str = field(default="", init=False)
    damaged: int = field(default=0, init=False)

    def frames(self, sound: "Writer | None" = None) -> Iterator[tuple[float, Image]]:
        """Yield each frame's time in seconds and its picture (H, W, 3) uint8 RGB; sound packets go to `sound`.

        Times are from the beginning of whatever begins first, pictures or sound, and go on where a recording that was
        joined to another begins its own anew. What is damaged is left out and counted; a file that breaks off gives
        the frames before that, and says so in `ended_early`.
        """
        av = _av()
        self.ended_early, self.damaged = "", 0
        with _opened(self.path) as container:
            video = _moving(container)
            video.thread_type = "AUTO"
            begin = Fraction(container.start_time or 0, av.time_base)
            heard = sound.sound_like(container) if sound else None
            others = container.streams.audio if not self.seconds else [heard] if heard is not None else []
            packets = container.demux(video, *others)
            step, last, end, latest = 1 / float(self.rate), -1.0, 0.0, 0.0
            joined = 0.0  # what a recording that begins its time anew is late by
            while True:
                try:
                    packet = next(packets)
                except StopIteration:
                    break
                except av.error.FFmpegError as error:
                    self.ended_early = str(error.strerror or error)
                    break
                if packet.pts is not None:
                    latest = max(latest, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream is not video:
                    if packet.stream is heard and sound is not None:
                        sound.add_sound(packet, begin)
                    continue
                for picture in self._decoded(packet):
                    if picture.width * picture.height > LARGEST_PX:  # its header had promised smaller ones
                        self.damaged += 1
                        continue
                    has_time = picture.time is not None
                    after = last + step if last >= 0 else 0.0
                    time_s = float(picture.time - begin) + joined if has_time else after
                    if time_s < last - SHORT_S:
                        joined += after - time_s
                        time_s = after
                    last = max(time_s, last + 1e-4 if last >= 0 else 0.0)  # broken files go back in time
                    end = last + float((picture.duration or 0) * picture.time_base) if has_time else last
                    yield last, _upright(picture.to_ndarray(format="rgb24"), _matrix(picture))
        if self.seconds:
            short = end < self.seconds - SHORT_S - step
        else:
            short = max(end, latest) < self.whole_s - SHORT_S - step
        if short:
            self.ended_early = self.ended_early or "the file is cut off"

    def _decoded(self, packet: Any) -> list[Any]:
        found = _frames_of(packet)
        if found is None:
            self.damaged += 1
        return found or []


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
            if container.format.name == "tty":  # any text is a video to FFmpeg, of its letters
                raise ImageError(f"{path}: not a video that can be read (it is text)")
            video = _moving(container)
            if video is None:
                raise ImageError(f"{path}: it has no video stream")
            sides = video.codec_context.width, video.codec_context.height
            if sides[0] * sides[1] > LARGEST_PX or max(sides) > LARGEST_SIDE:
                limit = f"at most {LARGEST_PX // 10**6} megapixels, and {LARGEST_SIDE:,} px a side"
                raise ImageError(f"{path}: frames of {sides[0]} x {sides[1]} px are too large; {limit}")
            decoded = (_frames_of(packet) for packet in container.demux(video))
            first = next((frames[0] for frames in decoded if frames), None)
            if first is None:
                raise ImageError(f"{path}: not a video that can be read (none of its frames can be)")
            turned, pixel = _is_turned(_matrix(first)), Fraction(video.sample_aspect_ratio or 1)
            size = (first.width, first.height) if turned else (first.height, first.width)
            rate = Fraction(video.average_rate or video.guessed_rate or 25)
            seconds = float(video.duration * video.time_base) if video.duration else 0.0
            whole_s = (container.duration or 0) / av.time_base
            return Clip(path, size, rate, 1 / pixel if turned else pixel, int(video.frames or 0), seconds, whole_s)
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{path}: not a video that can be read ({reason})") from None


def _moving(container: Any) -> Any:
    """Return the first stream of moving pictures; None if there is none but a cover's."""
    return next((stream for stream in container.streams.video if not int(stream.disposition) & STILL), None)


def _frames_of(packet: Any) -> list[Any] | None:
    """Return a packet's frames; None if it is damaged."""
    try:
        return packet.decode()
    except _av().error.FFmpegError:
        return None


def _matrix(picture: Any) -> FloatArray:
    """Return how a frame is to be shown, (2, 2): from its own x, y to those on the screen."""
    stored = picture.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return np.eye(2)
    a, b, _, c, d, *_ = np.frombuffer(bytes(stored), np.int32)
    return np.array([[a, c], [b, d]], np.float64)


def _is_turned(matrix: FloatArray) -> bool:
    """Return whether rows become columns."""
    return bool(np.abs(matrix[0, 1]) > np.abs(matrix[0, 0]))


def _upright(image: Image, matrix: FloatArray) -> Image:
    """Return a frame as its file says that it is to be shown: turned by quarters, and mirrored."""
    if _is_turned(matrix):
        image, matrix = image.transpose(1, 0, 2), matrix[:, ::-1]
    image = image[:, ::-1] if matrix[0, 0] < 0 else image
    return np.ascontiguousarray(image[::-1] if matrix[1, 1] < 0 else image)


class Writer:
    """Writes an .mp4 (H.264) beside its place first, and moves it there at the end: whole, or as far as Ctrl-C let it.

    Whatever else goes wrong leaves what was in that place before.

    Args:
        path: the file.
        size: (height, width) of its frames; an odd row or column is doubled, as H.264 needs it.
        rate: frames a second, told in its header; each frame has its own time.
        pixel: width of a pixel as it is shown, over its height.

    Attributes:
        lost_sound: what sound could not be taken along, and why; empty if all was, or if there is none.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction, pixel: Fraction = Fraction(1)) -> None:
        self.path, self.av = path, _av()
        self.pad = size[0] % 2, size[1] % 2
        self.lost_sound, self.sound, self.last_sound, self.joined, self.count = "", None, None, 0, 0
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            os.close(handle)
            self.part = Path(name)
        with self._told(), self._cleared():
            self.out = self.av.open(f"file:{name}", "w", format="mp4")
            self.video = self.out.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "ultrafast"})
            self.video.height, self.video.width = size[0] + self.pad[0], size[1] + self.pad[1]
            self.video.pix_fmt = "yuv420p"
            context = self.video.codec_context
            context.time_base, context.sample_aspect_ratio = TICK, pixel
            context.colorspace = context.color_primaries = context.color_trc = context.color_range = BT709

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
        stream, *others = container.streams.audio
        if others:
            self.lost_sound = f"of {1 + len(others)} sound tracks the first was kept"
        layout, channels = stream.codec_context.layout.name, stream.codec_context.channels
        nameless = layout.endswith("channels")  # old cameras say how many, not which: an .mp4 must say
        if nameless and channels not in LAYOUTS:
            self.lost_sound = f"the sound was left out: an .mp4 must say where its {channels} channels belong"
            return None
        try:
            self.sound = self.out.add_stream_from_template(stream)
        except (ValueError, self.av.error.FFmpegError):
            self.lost_sound = f"the sound was left out: an .mp4 cannot hold it ({stream.codec_context.name})"
            return None
        if nameless:
            self.sound.codec_context.layout = LAYOUTS[channels]
        return stream

    def add_sound(self, packet: Any, begin: Fraction) -> None:
        """Write a packet of sound, its time taken from `begin`, seconds; one that goes back in time is left out."""
        if packet.dts is None:
            return
        later = self.joined - round(begin / packet.time_base)
        packet.dts, packet.pts = packet.dts + later, (packet.dts if packet.pts is None else packet.pts) + later
        if self.last_sound is not None and packet.dts < self.last_sound - SHORT_S / packet.time_base:
            back = self.last_sound + (packet.duration or 1) - packet.dts  # a recording that begins its time anew
            self.joined += back
            packet.dts, packet.pts = packet.dts + back, packet.pts + back
        if self.last_sound is None or packet.dts > self.last_sound:
            self.last_sound = packet.dts
            packet.stream = self.sound
            try:
                self.out.mux(packet)
            except self.av.error.InvalidDataError:  # a disk that is full is another error, and told by the pictures
                self.lost_sound = "damaged parts of its sound were left out"

    def add(self, time_s: float, image: Image) -> None:
        """Write a frame (H, W, 3) uint8 RGB."""
        padded = np.pad(image, ((0, self.pad[0]), (0, self.pad[1]), (0, 0)), mode="edge") if any(self.pad) else image
        frame = self.av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.time_base, frame.pts = TICK, round(time_s / TICK)
        self.count += 1
        with self._told():
            packets = self.video.encode(frame)
        for packet in packets:
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
                    self.part.chmod(new_mode())
                    self.part.replace(self.path)
                return
            with suppress(self.av.error.FFmpegError, OSError):
                self.out.close()
        self.part.unlink(missing_ok=True)
