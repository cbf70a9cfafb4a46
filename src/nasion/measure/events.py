"""Blinks and yawns: the times in which the eyes of a face are closed or its mouth is wide open.

An event starts with the first frame beyond the threshold and ends with the first frame back; the times are
interpolated between frames. If the face disappears during an event, the
event ends with its last frame.
"""

from dataclasses import dataclass, field

import numpy as np

from nasion.errors import SkeletonError
from nasion.measure.openings import EYE_OPEN, eyes, mouth
from nasion.sample import Prediction

__all__ = ["BLINK", "CLOSED", "YAWN", "Event", "EventDetector"]

BLINK, CLOSED, YAWN = "blink", "eyes closed", "yawn"
"""The kinds of events."""

LONGEST_BLINK_S = 0.5
"""Longest blink; eyes that are closed for longer are an event "eyes closed". Blinks take 0.1 to 0.4 s."""

YAWN_OPENING = 0.5
"""Opening of the mouth, gap divided by width, from which it may be a yawn; 2 % of 300-W's training faces reach it."""

SHORTEST_YAWN_S = 1.0
"""Shortest yawn; the mouth opens as wide in speech, but not for as long."""

MAX_PAUSE_S = 0.5
"""Longest time without a face that does not end its events."""


@dataclass(frozen=True)
class Event:
    """A time in which the eyes of a face were closed or its mouth was wide open.

    Attributes:
        face: the number of the face.
        kind: "blink", "eyes closed" or "yawn".
        start_s: its start, seconds.
        end_s: its end, seconds.
        extreme: the smallest opening of the eyes, mean of both, or the largest one of the mouth.
        error: the standard error of that opening.
    """

    face: int
    kind: str
    start_s: float
    end_s: float
    extreme: float
    error: float


@dataclass
class _Run:
    """Consecutive frames in which a signal is above 0.

    Attributes:
        start_s: when it began; NaN while the signal is below.
        last: time, seconds, and signal of the frame before; None before the first.
        extreme: the largest signal in this run, its opening and its error.
    """

    start_s: float = float("nan")
    last: tuple[float, float] | None = None
    extreme: tuple[float, float, float] = (-np.inf, np.nan, np.nan)

    def add(self, time_s: float, signal: float, opening: float, error: float) -> tuple[float, float] | None:
        """Add a frame; return start and end, seconds, of the run if this frame ends one."""
        crossing = time_s
        if self.last is not None and (self.last[1] > 0) != (signal > 0):
            before_s, before = self.last
            crossing = before_s + (time_s - before_s) * before / (before - signal)
        ended = None
        if signal > 0:
            if np.isnan(self.start_s):
                self.start_s, self.extreme = crossing, (-np.inf, np.nan, np.nan)
            self.extreme = max(self.extreme, (signal, opening, error))
        elif not np.isnan(self.start_s):
            ended, self.start_s = (self.start_s, crossing), float("nan")
        self.last = time_s, signal
        return ended

    def stop(self) -> tuple[float, float] | None:
        """End the run with the last frame; return its start and end, seconds, if there was one."""
        ended = None if np.isnan(self.start_s) or self.last is None else (self.start_s, self.last[0])
        self.start_s, self.last = float("nan"), None
        return ended


@dataclass
class EventDetector:
    """Detects the blinks and yawns of the faces of a clip, frame by frame.

    >>> detector = EventDetector()
    >>> detector.finish()
    []
    """

    _runs: dict[tuple[int, str], _Run] = field(default_factory=dict)

    def add(self, time_s: float, number: int, face: Prediction) -> list[Event]:
        """Return the events of a face that end with this frame.

        Args:
            time_s: time of the frame, seconds; increases.
            number: number of the face.
            face: the face; an opening whose points are missing is left out.

        Raises:
            SkeletonError: the skeleton has neither eyes nor lips.
        """
        events: list[Event] = []
        for kind, signal, opening, error in _signals(face):
            run = self._runs.setdefault((number, kind), _Run())
            if run.last is not None and time_s - run.last[0] > MAX_PAUSE_S:
                events += _named(number, kind, run.stop(), run)
            if np.isfinite(signal):
                events += _named(number, kind, run.add(time_s, signal, opening, error), run)
        return events

    def finish(self) -> list[Event]:
        """Return the events that last until the end of the clip."""
        return [event for (number, kind), run in self._runs.items() for event in _named(number, kind, run.stop(), run)]


def _signals(face: Prediction) -> list[tuple[str, float, float, float]]:
    """Return the kind, the signal (above 0 in an event), the opening and its error, for eyes and mouth."""
    found, missing = [], ""
    try:
        both = eyes(face).ratio
        found.append((BLINK, EYE_OPEN - both.value, both.value, both.error))
    except SkeletonError as error:
        missing = str(error)
    try:
        lips = mouth(face).ratio
        found.append((YAWN, lips.value - YAWN_OPENING, lips.value, lips.error))
    except SkeletonError:
        if not found:
            raise SkeletonError(missing) from None
    return found


def _named(number: int, kind: str, span: tuple[float, float] | None, run: _Run) -> list[Event]:
    """Return the event of a run that ended, if it lasted long enough."""
    if span is None or (kind == YAWN and span[1] - span[0] < SHORTEST_YAWN_S):
        return []
    name = CLOSED if kind == BLINK and span[1] - span[0] > LONGEST_BLINK_S else kind
    return [Event(number, name, *span, *run.extreme[1:])]
