"""Video files written through PyAV: H.264 frames with their own times, and the sound of another clip, unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from nasion.atomic import atomic_path
from nasion.errors import OutputError
from nasion.sample import Image
from nasion.video.clock import SoundClock
from nasion.video.reader import load_av

__all__ = ["ClipWriter"]

TICK = Fraction(1, 90_000)
"""Time base of the written frames in seconds, fine enough for every constant and variable frame rate."""

LAYOUTS = {1: "mono", 2: "stereo"}
"""Channel layout by number of channels, for sound whose file names none."""

BT709 = 1
"""FFmpeg's number for the color space of HD video, which players assume."""

ENCODER = {"crf": "20", "preset": "ultrafast"}
"""Options of libx264: high quality, and fast rather than small."""


class ClipWriter:
    """Writes an .mp4 file (H.264); use it as a context manager.

    The file appears when the block succeeds. After Ctrl-C it holds the frames so far, if there are any. If the block
    raises anything else, an older file stays as it was.

    Args:
        path: the file.
        size: (height, width) of the frames, px; an odd last row or column is repeated because H.264 needs even sides.
        rate: frames per second for the header; each frame has its own time.
        pixel: aspect ratio of a displayed pixel, width over height.

    Attributes:
        count: frames written so far.
        lost_sound: which sound was left out, and why; empty if none was.

    Raises:
        ConfigError: PyAV is not installed.
        OutputError: the file cannot be written. Entering the block, writing and leaving the block may raise it.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction, pixel: Fraction = Fraction(1)) -> None:
        self.path, self.size, self.rate, self.pixel = path, size, rate, pixel
        self.count, self.lost_sound = 0, ""
        self._av = load_av()
        self._padding = (0, size[0] % 2), (0, size[1] % 2), (0, 0)
        self._sound: Any = None
        self._sound_clock: SoundClock | None = None

    def __enter__(self) -> Self:
        self._session = self._write_atomically()
        self._session.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.__exit__(kind, error, trace)

    @contextmanager
    def _write_atomically(self) -> Iterator[None]:
        with atomic_path(self.path, keep_on_interrupt=lambda: self.count > 0) as part:
            with self._translate_errors():
                self._open(part)
            try:
                yield
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) and self.count:
                    self._finish()
                else:
                    with suppress(self._av.error.FFmpegError, OSError):
                        self._out.close()
                raise
            self._finish()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (self._av.error.FFmpegError, OSError) as error:
            reason = error.strerror or error
            raise OutputError(f"cannot write {self.path}: {reason}; choose another location") from None

    def _open(self, part: Path) -> None:
        self._out = self._av.open(f"file:{part}", "w", format="mp4")
        self._video = self._out.add_stream("libx264", rate=self.rate, options=ENCODER)
        self._video.height, self._video.width = (side + side % 2 for side in self.size)
        self._video.pix_fmt = "yuv420p"
        context = self._video.codec_context
        context.time_base, context.sample_aspect_ratio = TICK, self.pixel
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = BT709

    def _finish(self) -> None:
        """Write the frames that the encoder still holds, and the index of the file."""
        with self._translate_errors():
            for packet in self._video.encode(None):
                self._out.mux(packet)
            self._out.close()

    def add_frame(self, time_s: float, image: Image) -> None:
        """Write a frame.

        Args:
            time_s: seconds from the start of the clip.
            image: (H, W, 3) uint8 RGB, of the writer's size.

        Raises:
            OutputError: the file cannot be written.
        """
        padded = np.pad(image, self._padding, mode="edge") if np.any(self._padding) else image
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.time_base, frame.pts = TICK, round(time_s / TICK)
        self.count += 1
        with self._translate_errors():
            for packet in self._video.encode(frame):
                self._out.mux(packet)

    def add_sound_stream(self, container: Any) -> Any:
        """Prepare to copy the first sound stream of an open PyAV container.

        Returns:
            The stream whose packets `add_sound_packet` takes; None if there is none that .mp4 can hold.
        """
        if not container.streams.audio:
            return None
        stream, *others = container.streams.audio
        if others:
            self.lost_sound = f"only the first of {1 + len(others)} sound tracks was kept"
        layout, channels = stream.codec_context.layout.name, stream.codec_context.channels
        is_unnamed = layout.endswith("channels")  # old cameras store the number of channels without their layout
        if is_unnamed and channels not in LAYOUTS:
            self.lost_sound = f"the sound was left out: an .mp4 needs the layout of its {channels} channels"
            return None
        try:
            self._sound = self._out.add_stream_from_template(stream)
        except (ValueError, self._av.error.FFmpegError):
            self.lost_sound = f"the sound was left out: an .mp4 cannot hold it ({stream.codec_context.name})"
            return None
        if is_unnamed:
            self._sound.codec_context.layout = LAYOUTS[channels]
        return stream

    def add_sound_packet(self, packet: Any, start_s: Fraction) -> None:
        """Write a packet of the sound; one that steps back in time is dropped.

        Args:
            packet: a PyAV packet of the stream that `add_sound_stream` returned.
            start_s: the timestamp in seconds that becomes 0.

        Raises:
            OutputError: the file cannot be written.
        """
        if packet.dts is None:
            return
        self._sound_clock = self._sound_clock or SoundClock(start_s)
        offset = self._sound_clock.offset(packet.dts, packet.duration or 0, packet.time_base)
        if offset is None:
            return
        packet.pts = (packet.dts if packet.pts is None else packet.pts) + offset
        packet.dts += offset
        packet.stream = self._sound
        with self._translate_errors():
            try:
                self._out.mux(packet)
            except self._av.error.InvalidDataError:
                self.lost_sound = "damaged parts of its sound were left out"
