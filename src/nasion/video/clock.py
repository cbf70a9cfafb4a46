"""Clocks that turn the timestamps of video files, which may jump back or be missing, into increasing times."""

from fractions import Fraction

__all__ = ["TOLERANCE_S", "FrameClock", "SoundClock"]

TOLERANCE_S = 1.0
"""Seconds by which frames may step back within one recording, and may end before the length in the file's header."""

SMALLEST_STEP_S = 1e-4
"""Seconds between two frames whose timestamps coincide or step back."""


class FrameClock:
    """Gives every frame of a clip a time in seconds that is later than the one before.

    Some cameras join recordings in one file, and each recording restarts its timestamps. The clock detects the restart
    and appends the new recording to the one before.

    Args:
        start_s: the timestamp that becomes 0: that of the stream that begins first.
        step_s: seconds between two frames on average, used where a frame has no timestamp.

    >>> clock = FrameClock(start_s=Fraction(10), step_s=0.04)
    >>> [clock.frame_time(stamp) for stamp in (10.0, 10.5, None)]
    [0.0, 0.5, 0.54]
    """

    def __init__(self, start_s: Fraction, step_s: float) -> None:
        self._start_s, self._step_s = start_s, step_s
        self._last_s = -1.0  # before the first frame
        self._offset_s = 0.0  # how much later than its timestamps the current recording is
        self._frames_end_s = self._packets_end_s = 0.0

    def see_packet(self, end_s: float) -> None:
        """Note where a packet of any stream ends, by its timestamp in seconds."""
        self._packets_end_s = max(self._packets_end_s, end_s)

    def frame_time(self, stamp_s: float | None, duration_s: float = 0.0) -> float:
        """Return the time of the next frame in seconds from the start of the clip.

        Args:
            stamp_s: the frame's timestamp; None if it has none.
            duration_s: how long it is shown; 0 if the file does not say.
        """
        is_first = self._last_s < 0
        expected = 0.0 if is_first else self._last_s + self._step_s
        time_s = expected if stamp_s is None else float(stamp_s - self._start_s) + self._offset_s
        if time_s < self._last_s - TOLERANCE_S:
            self._offset_s += expected - time_s
            time_s = expected
        earliest = 0.0 if is_first else self._last_s + SMALLEST_STEP_S  # timestamps of damaged files may step back
        self._last_s = max(time_s, earliest)
        self._frames_end_s = self._last_s + duration_s
        return self._last_s

    def ended_early(self, frames_s: float, clip_s: float) -> bool:
        """Return whether the clip ended well before the length in its header.

        Args:
            frames_s: length of the video stream in seconds; 0 if the header does not say.
            clip_s: length of all streams together in seconds, used where `frames_s` is 0.
        """
        allowed = TOLERANCE_S + self._step_s
        if frames_s:
            return self._frames_end_s < frames_s - allowed
        return max(self._frames_end_s, self._packets_end_s) < clip_s - allowed


class SoundClock:
    """Shifts the timestamps of a sound stream so that they start with the clip and always increase.

    Timestamps are in ticks of the stream's time base.

    Args:
        start_s: the timestamp that becomes 0: that of the stream that begins first, in seconds.

    >>> clock = SoundClock(start_s=Fraction(10))
    >>> clock.offset(1010, 20, Fraction(1, 100))
    -1000
    """

    def __init__(self, start_s: Fraction) -> None:
        self._start_s = start_s
        self._last: int | None = None
        self._joined = 0  # how many ticks later than its timestamps the current recording is

    def offset(self, stamp: int, duration: int, time_base: Fraction) -> int | None:
        """Return the ticks to add to a packet's timestamps; None if the packet must be dropped.

        Args:
            stamp: the packet's decoding timestamp, ticks.
            duration: its length, ticks; 0 if the file does not say.
            time_base: seconds per tick.
        """
        offset = self._joined - round(self._start_s / time_base)
        if self._last is None:
            self._last = stamp + offset
            return offset
        if stamp + offset < self._last - TOLERANCE_S / time_base:  # a joined recording restarts its timestamps
            restart = self._last + (duration or 1) - (stamp + offset)
            self._joined += restart
            offset += restart
        if stamp + offset <= self._last:
            return None
        self._last = stamp + offset
        return offset
