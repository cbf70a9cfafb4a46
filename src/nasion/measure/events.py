"""Blinks and yawns: the times in which the eyes of a face are closed or its mouth is wide open.

An event starts with the first frame beyond the threshold and ends with the first frame back; the times are
interpolated between frames. If the face disappears during an event, the event ends with its last frame.

People's eyes differ in their openings, and the network predicts closed eyes of different people differently, too. After
the first frames of a face, its eyes therefore count as closed below a share of their usual opening.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from nasion.errors import SkeletonError
from nasion.measure.openings import EYE_OPEN, eyes, mouth
from nasion.sample import Prediction
from nasion.uncertainty import Measured

__all__ = ["BLINK", "CLOSED", "YAWN", "Event", "EventDetector"]

BLINK, CLOSED, YAWN = "blink", "eyes closed", "yawn"
"""The kinds of events."""

LONGEST_BLINK_S = 0.5
"""Longest blink; eyes that are closed for longer are an event "eyes closed". Blinks take 0.1 to 0.4 s."""

YAWN_OPENING = 0.5
"""Opening of the mouth, gap divided by width, from which it may be a yawn; 2 % of 300-W's training faces reach it."""

SHORTEST_YAWN_S = 1.0
"""Shortest yawn; the mouth opens as wide in speech, but not for as long."""

CLOSED_SHARE = 0.75
"""Share of a face's usual opening below which its eyes are closed in a clip."""

USUAL_QUANTILE = 0.8
"""Quantile of the recent openings that is taken as the usual opening."""

MEMORY_S, MIN_FRAMES = 20.0, 20
"""Time over which the usual opening is taken, seconds; with fewer frames than this, the limit is `EYE_OPEN`."""

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
class _UsualOpening:
    """The opening that the eyes of a face usually have.

    Attributes:
        seen: times, seconds, and openings of the last frames. Closed eyes are left out, as they would become the usual
            state of a person who sleeps.
    """

    seen: deque[tuple[float, float]] = field(default_factory=deque)

    def limit(self, time_s: float, opening: float) -> float:
        """Add a frame, and return the opening below which the eyes are closed."""
        limit = EYE_OPEN
        if len(self.seen) >= MIN_FRAMES:
            limit = CLOSED_SHARE * float(np.quantile([each for _, each in self.seen], USUAL_QUANTILE))
            if opening < min(limit, EYE_OPEN):
                return limit
        self.seen.append((time_s, opening))
        while time_s - self.seen[0][0] > MEMORY_S:
            self.seen.popleft()
        return limit


@dataclass
class EventDetector:
    """Detects the blinks and yawns of the faces of a clip, frame by frame.

    >>> detector = EventDetector()
    >>> detector.finish()
    []
    """

    _runs: dict[tuple[int, str], _Run] = field(default_factory=dict)
    _usual: dict[int, _UsualOpening] = field(default_factory=dict)

    def add(self, time_s: float, number: int, face: Prediction) -> list[Event]:
        """Return the events of a face that end with this frame.

        Args:
            time_s: time of the frame, seconds; increases.
            number: number of the face.
            face: the face; an opening whose points are missing or hidden is left out.

        Raises:
            SkeletonError: the skeleton has neither eyes nor lips.
        """
        events: list[Event] = []
        for kind, opening in _openings(face).items():
            if np.isnan(opening.value):
                continue
            signal = opening.value - YAWN_OPENING
            if kind == BLINK:
                usual = self._usual.setdefault(number, _UsualOpening())
                signal = usual.limit(time_s, opening.value) - opening.value
            run = self._runs.setdefault((number, kind), _Run())
            if run.last is not None and time_s - run.last[0] > MAX_PAUSE_S:
                events += _named(number, kind, run.stop(), run)
            events += _named(number, kind, run.add(time_s, signal, opening.value, opening.error), run)
        return events

    def finish(self) -> list[Event]:
        """Return the events that last until the end of the clip."""
        return [event for (number, kind), run in self._runs.items() for event in _named(number, kind, run.stop(), run)]


def _openings(face: Prediction) -> dict[str, Measured]:
    """Return the openings of eyes and mouth by the kind of event that they may show."""
    found: dict[str, Measured] = {}
    missing = ""
    try:
        found[BLINK] = eyes(face).ratio
    except SkeletonError as error:
        missing = str(error)
    try:
        found[YAWN] = mouth(face).ratio
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
