"""Faces followed through a clip: each keeps its number; its next box is where its points were last.

The keypoint network itself follows: the box around the last points is its next crop, and its own spread says when the
face is gone. A detector looks at the whole picture only now and then, for faces that have come, and when one is lost.
"""

import warnings
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from nasion.detect.yunet import IOU_THRESHOLD, iou
from nasion.errors import ConfigError
from nasion.geometry import FloatArray, box_around, image_box
from nasion.predict.predictor import Predictor, relative_spread
from nasion.sample import Image, Prediction
from nasion.video.reader import open_clip
from nasion.video.smooth import Smoother, check_strength

__all__ = ["FaceTracker", "Frame", "TrackedFace", "follow"]

LOOK_EVERY_S = 0.5
"""Between two looks of the detector at the whole picture."""

FORGET_AFTER_S = 1.0
"""How long a face that was lost may come back to its place and keep its number."""

SAME_PLACE = 0.25
"""Intersection over union from which a face that is found stands where one is followed."""

REACH = 1.5
"""How far from where it should be a face that was lost may come back, in sizes of its box."""

LIKE = 1.7
"""How many times larger or smaller it may be then."""

UNSEEN = 2
"""Looks of the detector in a row that see no face where one is followed; a model without doubts loses it then."""

THUMB = (16, 24)
CUT = 38.0
"""Mean change of a thumbnail's gray levels, of 255, from one frame to the next, above which it may be a new scene."""

OTHER = 0.55
"""The same, of levels taken from their mean and over their deviation: a flash, or a camera's exposure, changes these
little and is no cut."""

FLAT = 8.0
"""Least deviation, gray levels of 255: noise on a wall is no scene."""

SIZE_SHARE = 0.3
"""Of a crop's side: about how far a face's points lie from their center."""

INSIDE = 0.5
"""Share of a face's box that must be in the picture."""


@dataclass(frozen=True)
class TrackedFace:
    """A face in one frame: its number in the clip, and its points, smoothed if that was asked for."""

    number: int
    found: Prediction


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a clip and the faces in it.

    Attributes:
        index: from 0.
        time_s: from the clip's beginning.
        image: (H, W, 3) uint8 RGB, upright.
        faces: in the order of their numbers.
    """

    index: int
    time_s: float
    image: Image
    faces: tuple[TrackedFace, ...]


@dataclass
class Track:
    """A face that is followed: its last points as they were found, and since when it is lost."""

    number: int
    last: Prediction
    smoother: Smoother | None
    seen_s: float
    lost: bool = False
    speed: FloatArray = field(default_factory=lambda: np.zeros(2))
    unseen: int = 0

    @property
    def box(self) -> FloatArray:
        """The box around its last points."""
        return box_around(self.last.keypoints)

    def distance(self, box: FloatArray, time_s: float) -> float:
        """Return how far a box lies from where this face should be by now, in sizes; infinite if it is no such face."""
        size, other = _size(self.box), _size(box)
        if not 1 / LIKE < size / other < LIKE:
            return np.inf
        expected = _center(self.box) + self.speed * (time_s - self.seen_s)
        nearest = min(np.linalg.norm(_center(box) - place) for place in (expected, _center(self.box)))
        return float(nearest) / size


@dataclass
class FaceTracker:
    """Follows faces from picture to picture; call it with each frame and its time.

    Attributes:
        predictor: a model that is given boxes, with its detector.
        smooth: "none", "light" or "strong".
        look_every_s: seconds between two looks of the detector.

    Raises:
        ConfigError: the smoothing is unknown, or the model does not look at boxes.
    """

    predictor: Predictor
    smooth: str = "light"
    look_every_s: float = LOOK_EVERY_S
    tracks: list[Track] = field(default_factory=list)
    looks: int = 0
    _next_number: int = 0
    _looked_s: float = -np.inf
    _time_s: float = 0.0
    _thumb: FloatArray | None = None

    def __post_init__(self) -> None:
        self._strength = check_strength(self.smooth)
        self._finder = copy(self.predictor)  # unsure points are left out of what is shown, not of what is followed
        self._finder.max_spread = None
        if self.predictor.looks_at_whole or self.predictor.skeleton.count < 2:
            raise ConfigError(
                f"{self.predictor.backend.name} was trained on whole pictures, or has a single point; "
                "a face is followed by a model of several points that is given boxes"
            )

    def __call__(self, image: Image, time_s: float) -> tuple[TrackedFace, ...]:
        """Return the faces of the next frame, (H, W, 3) uint8 RGB, at its time in seconds."""
        seconds, self._time_s = time_s - self._time_s, time_s
        if self._scene_changed(image):
            self.tracks.clear()
        found = self._go_on(image)
        lost = any(track.lost for track in self.tracks)
        if not found or lost or time_s - self._looked_s >= self.look_every_s:
            found = self._look(image, found)
            self._looked_s = time_s
        self.tracks = [t for t in self.tracks if not t.lost or time_s - t.seen_s <= FORGET_AFTER_S]
        faces = []
        for track in sorted(self.tracks, key=lambda track: track.number):
            if track.number in found:
                faces.append(self._taken_up(track, found[track.number], seconds))
        return tuple(faces)

    def _scene_changed(self, image: Image) -> bool:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        thumb = cv2.resize(gray, THUMB[::-1], interpolation=cv2.INTER_AREA).astype(np.float64)
        before, self._thumb = self._thumb, thumb
        if before is None or np.abs(thumb - before).mean() <= CUT:
            return False
        return bool(np.abs(_levelled(thumb) - _levelled(before)).mean() > OTHER)

    def _go_on(self, image: Image) -> dict[int, Prediction]:
        """Return the faces that are still where they were, by number; others are marked as lost."""
        present = [track for track in self.tracks if not track.lost]
        found = self._finder.predict_boxes([image] * len(present), [track.box for track in present], passes=1)
        kept: dict[int, Prediction] = {}
        for track, face in zip(present, found, strict=True):
            box = box_around(face.keypoints)
            taken = any(iou(box, box_around(other.keypoints)) > IOU_THRESHOLD for other in kept.values())
            if taken or not self._believed(face, box, image):
                track.lost = True
            else:
                kept[track.number] = replace(face, score=track.last.score)
        return kept

    def _believed(self, face: Prediction, box: FloatArray, image: Image) -> bool:
        size = box[2:] - box[:2]
        if not (size > 1).all() or relative_spread(face.spread, face.box) > self.predictor.backend.max_relative_spread:
            return False
        whole = image_box(image.shape[:2])
        inside = np.minimum(box[2:], whole[2:]) - np.maximum(box[:2], whole[:2])
        return bool((inside > 0).all() and np.prod(inside) > INSIDE * np.prod(size))

    def _look(self, image: Image, found: dict[int, Prediction]) -> dict[int, Prediction]:
        """Return the faces with those that a look at the whole picture adds: new ones, and lost ones that came back."""
        self.looks += 1
        seen = [(box_around(face.keypoints), face) for face in self._finder(image)]
        found = self._confirmed(found, seen)
        known = [box_around(face.keypoints) for face in found.values()]
        new = [
            (box, face)
            for box, face in seen
            if not any(iou(box, other) > SAME_PLACE for other in known) and self._believed(face, box, image)
        ]
        lost = [track for track in self.tracks if track.lost]
        pairs = [(track.distance(box, self._time_s), k, track) for k, (box, _) in enumerate(new) for track in lost]
        left = dict(enumerate(new))
        for distance, k, track in sorted(pairs, key=lambda pair: pair[0]):
            if distance <= REACH and k in left and track.lost:
                track.lost, track.smoother = False, self._smoother()
                found[track.number] = left.pop(k)[1]
        for _, face in left.values():
            self.tracks.append(Track(self._next_number, face, self._smoother(), self._time_s))
            found[self._next_number] = face
            self._next_number += 1
        return found

    def _confirmed(
        self, found: dict[int, Prediction], seen: list[tuple[FloatArray, Prediction]]
    ) -> dict[int, Prediction]:
        """Return the faces that are followed with the detector's new scores.

        A model that knows no doubt would follow a face for ever: it loses one that the detector sees no more.
        """
        kept: dict[int, Prediction] = {}
        for track in self.tracks:
            if track.number not in found:
                continue
            face = found[track.number]
            box = box_around(face.keypoints)
            scores = [other.score for place, other in seen if iou(box, place) > SAME_PLACE]
            track.unseen = 0 if scores else track.unseen + 1
            doubtless = np.isnan(face.spread).all() or not np.isfinite(self.predictor.backend.max_relative_spread)
            if doubtless and track.unseen >= UNSEEN:
                track.lost = True
            else:
                kept[track.number] = replace(face, score=max(scores, default=face.score))
        return kept

    def _smoother(self) -> Smoother | None:
        return None if self._strength is None else Smoother(self._strength)

    def _taken_up(self, track: Track, face: Prediction, seconds: float) -> TrackedFace:
        if self._time_s > track.seen_s:
            moved = _center(box_around(face.keypoints)) - _center(track.box)
            track.speed = moved / (self._time_s - track.seen_s)
        track.last, track.seen_s = face, self._time_s
        if track.smoother is not None:
            size = SIZE_SHARE * float(np.sqrt(np.prod(face.box[2:] - face.box[:2])))
            face = replace(face, keypoints=track.smoother(face.keypoints, face.spread, seconds, size))
        return TrackedFace(track.number, self.predictor.mask_uncertain(face))


def _levelled(gray: FloatArray) -> FloatArray:
    return (gray - gray.mean()) / max(FLAT, float(gray.std()))


def _center(box: FloatArray) -> FloatArray:
    return (box[:2] + box[2:]) / 2


def _size(box: FloatArray) -> float:
    return float(np.sqrt(np.prod(box[2:] - box[:2])))


def follow(
    source: str | Path | Iterable[tuple[float, Image]], predictor: Predictor | None = None, smooth: str = "light"
) -> Iterator[Frame]:
    """Yield the frames of a clip with their faces; warn at its end if it was cut off or damaged.

    Args:
        source: a video file, or pairs of a time in seconds and a picture.
        predictor: finds; else the model in the package.
        smooth: "none", "light" or "strong".

    Raises:
        ImageError: the file cannot be read as a video.
        ConfigError: the smoothing is unknown, or PyAV is not installed.
    """
    follower = FaceTracker(predictor or Predictor(), smooth)
    clip, pictures = None, source
    if isinstance(pictures, (str, Path)):
        clip = open_clip(Path(pictures))
        pictures = clip.frames()
    for index, (time_s, image) in enumerate(pictures):
        yield Frame(index, time_s, image, follower(image, time_s))
    if clip is not None and (clip.ended_early or clip.damaged):
        reasons = [clip.ended_early, f"{clip.damaged} damaged parts were left out" if clip.damaged else ""]
        warnings.warn(f"{clip.path}: {'; '.join(filter(None, reasons))}", stacklevel=2)
