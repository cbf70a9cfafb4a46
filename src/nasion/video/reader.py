"""Video files read through PyAV: upright RGB frames with increasing times, and the packets of the sound."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nasion.errors import ConfigError, ImageError
from nasion.geometry import FloatArray
from nasion.sample import Image
from nasion.video.clock import FrameClock

__all__ = ["Clip", "SoundSink", "load_av", "open_clip"]

LARGEST_SIDE = 16_384
"""Longest side of a frame that H.264 can store, px."""

LARGEST_PX = 50_000_000
"""Largest frame that is read, in pixels. A hostile file may announce any size."""

COVER_ART = 1024
"""FFmpeg's disposition flag of a video stream that is a still cover image."""

DEFAULT_RATE = 25
"""Frames per second assumed where the file does not say."""


class SoundSink(Protocol):
    """Receives the sound of a clip while its frames are read, such as `ClipWriter`."""

    def add_sound_stream(self, container: Any) -> Any:
        """Return the sound stream of an open PyAV container whose packets are wanted, or None."""
        ...

    def add_sound_packet(self, packet: Any, start_s: Fraction) -> None:
        """Take a packet of that stream; `start_s` is the timestamp in seconds where the clip begins."""
        ...


def load_av() -> Any:
    """Return the module `av`.

    Raises:
        ConfigError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ConfigError(f"video needs PyAV ({error}); pip install 'nasion[video]'") from None
    return av


def _open_container(path: Path) -> Any:
    """Return the open file. A URL is passed because FFmpeg takes the start of "12:30.mkv" for a protocol."""
    return load_av().open(f"file:{path}", metadata_errors="ignore")


@dataclass
class Clip:
    """A readable video file.

    Attributes:
        path: the file.
        size: (height, width) of an upright frame, px.
        rate: frames per second, on average.
        pixel: aspect ratio of a displayed pixel, width over height.
        count: number of frames by the header; 0 if it does not say.
        seconds: length of the video stream by the header; 0 if it does not say.
        total_seconds: length of all streams together by the header; 0 if it does not say.
        ended_early: the reason why the last reading stopped before the end of the clip; otherwise empty.
        damaged: packets and frames that the last reading could not decode.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    pixel: Fraction
    count: int
    seconds: float
    total_seconds: float
    ended_early: str = field(default="", init=False)
    damaged: int = field(default=0, init=False)

    def frames(self, sound: SoundSink | None = None) -> Iterator[tuple[float, Image]]:
        """Yield the time in seconds and the upright image (H, W, 3) uint8 RGB of each frame.

        Time 0 is where the first of video and sound begins. Times keep increasing where a joined recording restarts
        its timestamps. Damaged packets are skipped and counted in `damaged`. A file that is cut off yields the frames
        before the cut, and `ended_early` gives the reason.

        Args:
            sound: receives the packets of the sound.
        """
        self.ended_early, self.damaged = "", 0
        with _open_container(self.path) as container:
            video = _video_stream(container)
            video.thread_type = "AUTO"
            start_s = Fraction(container.start_time or 0, load_av().time_base)
            sound_stream = sound.add_sound_stream(container) if sound else None
            # Without a length of the video stream, the sound's packets tell whether the file is cut off.
            others = container.streams.audio if not self.seconds else [s for s in (sound_stream,) if s is not None]
            clock = FrameClock(start_s, 1 / float(self.rate))
            for packet in self._packets(container.demux(video, *others)):
                if packet.pts is not None:
                    clock.see_packet(float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream is video:
                    for frame in self._decode(packet):
                        yield clock.frame_time(*_timing(frame)), _to_image(frame)
                elif sound is not None and packet.stream is sound_stream:
                    sound.add_sound_packet(packet, start_s)
        if not self.ended_early and clock.ended_early(self.seconds, self.total_seconds):
            self.ended_early = "the file is cut off"

    def _packets(self, packets: Iterable[Any]) -> Iterator[Any]:
        """Yield packets until the end or the first error, which is noted in `ended_early`."""
        try:
            yield from packets
        except load_av().error.FFmpegError as error:
            self.ended_early = str(error.strerror or error)

    def _decode(self, packet: Any) -> list[Any]:
        """Return the frames of a packet without those larger than the header announced; count the damage."""
        decoded = _decode(packet)
        frames = [frame for frame in decoded or () if frame.width * frame.height <= LARGEST_PX]
        self.damaged += 1 if decoded is None else len(decoded) - len(frames)
        return frames


def open_clip(path: Path) -> Clip:
    """Return the properties of a video file, from its header and its first frame.

    Raises:
        ImageError: the file is missing or not a video, or its frames are too large.
        ConfigError: PyAV is not installed.
    """
    av = load_av()
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file; check the path")
    try:
        with _open_container(path) as container:
            return _inspect(path, container)
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{path}: not a video that can be read ({reason}); convert it to .mp4") from None


def _inspect(path: Path, container: Any) -> Clip:
    if container.format.name == "tty":  # FFmpeg renders any text file as a video
        raise ImageError(f"{path}: not a video that can be read (it is text); name a video file")
    video = _video_stream(container)
    if video is None:
        raise ImageError(f"{path}: it has no video stream that can be read; name a video file")
    _check_frame_size(path, video.codec_context.width, video.codec_context.height)
    first = next((frames[0] for packet in container.demux(video) if (frames := _decode(packet))), None)
    if first is None:
        raise ImageError(f"{path}: not a video that can be read (none of its frames can be); convert it to .mp4")
    pixel = Fraction(video.sample_aspect_ratio or 1)
    transposed = _is_transposed(_display_matrix(first))
    return Clip(
        path=path,
        size=(first.width, first.height) if transposed else (first.height, first.width),
        rate=Fraction(video.average_rate or video.guessed_rate or DEFAULT_RATE),
        pixel=1 / pixel if transposed else pixel,
        count=int(video.frames or 0),
        seconds=float(video.duration * video.time_base) if video.duration else 0.0,
        total_seconds=(container.duration or 0) / load_av().time_base,
    )


def _check_frame_size(path: Path, width: int, height: int) -> None:
    if width * height > LARGEST_PX or max(width, height) > LARGEST_SIDE:
        limit = f"at most {LARGEST_PX // 10**6} megapixels, and {LARGEST_SIDE:,} px a side"
        raise ImageError(f"{path}: frames of {width} x {height} px are too large; scale it to {limit}")


def _video_stream(container: Any) -> Any:
    """Return the first video stream that is not a cover image and has a decoder; None if there is none."""
    streams = (stream for stream in container.streams.video if stream.codec_context is not None)
    return next((stream for stream in streams if not int(stream.disposition) & COVER_ART), None)


def _decode(packet: Any) -> list[Any] | None:
    """Return the frames of a packet; None if it is damaged."""
    try:
        return packet.decode()
    except load_av().error.FFmpegError:
        return None


def _timing(frame: Any) -> tuple[float | None, float]:
    """Return a frame's timestamp and duration in seconds; (None, 0) if it has no timestamp."""
    if frame.time is None:
        return None, 0.0
    return frame.time, float((frame.duration or 0) * frame.time_base)


def _to_image(frame: Any) -> Image:
    """Return a decoded frame as an upright image (H, W, 3) uint8 RGB."""
    return _upright(frame.to_ndarray(format="rgb24"), _display_matrix(frame))


def _display_matrix(frame: Any) -> FloatArray:
    """Return the matrix (2, 2), no unit, from a stored frame's axes (x, y) to the axes on the screen."""
    stored = frame.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return np.eye(2)
    a, b, _, c, d, *_ = np.frombuffer(bytes(stored), np.int32)
    return np.array([[a, c], [b, d]], np.float64)


def _is_transposed(matrix: FloatArray) -> bool:
    """Return whether a display matrix (2, 2), no unit, turns rows into columns."""
    return bool(np.abs(matrix[0, 1]) > np.abs(matrix[0, 0]))


def _upright(image: Image, matrix: FloatArray) -> Image:
    """Return a stored frame (H, W, 3) uint8 RGB turned by quarters and mirrored, as its display matrix (2, 2) says."""
    if _is_transposed(matrix):
        image, matrix = image.transpose(1, 0, 2), matrix[:, ::-1]
    image = image[:, ::-1] if matrix[0, 0] < 0 else image
    return np.ascontiguousarray(image[::-1] if matrix[1, 1] < 0 else image)
