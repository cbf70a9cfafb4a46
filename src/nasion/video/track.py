"""Faces tracked through a clip: each keeps its number from frame to frame.

The keypoint network does the tracking: the box around a face's keypoints is its crop in the next frame, and a large
uncertainty means that the face is gone. The detector searches the full frame only every half second, for new faces,
and whenever a face is lost.
"""

import warnings
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from nasion.detect import IOU_THRESHOLD, iou, suppress
from nasion.errors import ConfigError
from nasion.geometry import FloatArray, box_around, box_center, box_size, image_box
from nasion.predict.backends.backend import is_rejected
from nasion.predict.predictor import Predictor
from nasion.sample import Image, Prediction
from nasion.video.reader import open_clip
from nasion.video.smooth import Smoother, check_strength

__all__ = ["FaceTracker", "Frame", "Track", "TrackedFace", "follow"]

DETECT_EVERY_S = 0.5
"""Seconds between two detector runs while no face is lost."""

FORGET_AFTER_S = 1.0
"""Seconds within which a lost face may return and keep its number."""

SAME_FACE_IOU = 0.25
"""IoU above which a detection and a track belong to the same face."""

MAX_DISTANCE = 1.5
"""Largest distance between a lost face's expected position and its return, in sizes of its box."""

MAX_SIZE_RATIO = 1.7
"""Largest ratio between the sizes of a lost face's box before and after."""

MAX_MISSES = 2
"""Consecutive detector runs without a detection after which a model without uncertainty loses the face."""

THUMBNAIL = 16, 24
"""(height, width) of the thumbnails that are compared to detect a cut, px."""

CUT_DIFFERENCE = 38.0
"""Mean absolute difference of consecutive thumbnails above which there may be a cut, gray levels of 255."""

CUT_CONTRAST_DIFFERENCE = 0.55
"""The same for thumbnails normalized to mean 0 and deviation 1: a flash or an exposure change stays below it."""

MIN_DEVIATION = 8.0
"""Smallest standard deviation by which a thumbnail is divided, so that noise on a wall is not amplified to a scene."""

POINTS_SHARE = 0.3
"""Typical distance of the keypoints from their center, as a share of the crop's side."""

MIN_INSIDE = 0.5
"""Smallest share of a face's box that must lie inside the frame."""


@dataclass(frozen=True)
class TrackedFace:
    """A face in one frame.

    Attributes:
        number: the face's number in the clip, from 0.
        prediction: its keypoints, smoothed as requested.
        unsmoothed: its keypoints without smoothing, for events: smoothed eyes close less far.
    """

    number: int
    prediction: Prediction
    unsmoothed: Prediction

    @property
    def found(self) -> Prediction:
        """Former name of `prediction`."""
        return self.prediction


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a clip and the faces in it.

    Attributes:
        index: number of the frame, from 0.
        time_s: seconds from the start of the clip.
        image: (H, W, 3) uint8 RGB, upright.
        faces: the visible faces, by number.
    """

    index: int
    time_s: float
    image: Image
    faces: tuple[TrackedFace, ...]

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        count = len(self.faces)
        return f"<Frame {self.index}: {self.time_s:.3f} s, {width} x {height} px, {count} face{'s' * (count != 1)}>"


@dataclass
class Track:
    """A tracked face between two frames.

    Attributes:
        number: the face's number in the clip.
        last: the latest prediction, before smoothing.
        smoother: smooths its keypoints; None if smoothing is off.
        seen_s: time of the latest prediction, seconds.
        is_lost: whether the face was not found since then.
        velocity: (2,) of the center of its box, image px per second.
        misses: consecutive detector runs that did not detect the face.
    """

    number: int
    last: Prediction
    smoother: Smoother | None
    seen_s: float
    is_lost: bool = False
    velocity: FloatArray = field(default_factory=lambda: np.zeros(2))
    misses: int = 0

    @property
    def box(self) -> FloatArray:
        """The box (4,) xyxy around the latest keypoints, image px."""
        return box_around(self.last.keypoints)

    def distance(self, box: FloatArray, time_s: float) -> float:
        """Return the distance between a box and this face, in sizes of the face's box.

        It is measured from where the face was, or from where its velocity would have taken it, whichever is nearer.

        Args:
            box: (4,) xyxy, image px.
            time_s: when the box was seen, seconds.

        Returns:
            The distance; infinite if the sizes differ too much.
        """
        size = box_size(self.box)
        if not 1 / MAX_SIZE_RATIO < size / box_size(box) < MAX_SIZE_RATIO:
            return np.inf
        start = box_center(self.box)
        expected = start + self.velocity * (time_s - self.seen_s)
        return min(float(np.linalg.norm(box_center(box) - place)) for place in (start, expected)) / size

    def update(self, face: Prediction, time_s: float) -> None:
        """Take the face's prediction in a frame at `time_s`, seconds."""
        if time_s > self.seen_s:
            shift = box_center(box_around(face.keypoints)) - box_center(self.box)
            self.velocity = shift / (time_s - self.seen_s)
        self.last, self.seen_s = face, time_s


@dataclass
class FaceTracker:
    """Tracks faces from frame to frame; call it with each frame in turn.

    Attributes:
        predictor: a model of several keypoints that predicts from boxes, with its detector.
        smooth: strength of the smoothing, "none", "light" or "strong".
        detect_every_s: seconds between two detector runs while no face is lost.
        tracks: the faces that are tracked, including those lost a short time ago.
        detector_runs: how often the detector searched a full frame.

    Raises:
        ConfigError: the smoothing is unknown, or the model predicts from full images or has a single keypoint.
    """

    predictor: Predictor
    smooth: str = "light"
    detect_every_s: float = DETECT_EVERY_S
    tracks: list[Track] = field(default_factory=list)
    detector_runs: int = 0
    _next_number: int = 0
    _detected_s: float = -np.inf
    _time_s: float = 0.0
    _thumbnail: FloatArray | None = None

    def __post_init__(self) -> None:
        self._strength = check_strength(self.smooth)
        if self.predictor.uses_full_image or self.predictor.skeleton.count < 2:
            raise ConfigError(
                f"{self.predictor.backend.name} predicts from full images or has a single keypoint; "
                "to track faces, use a model of several keypoints that predicts from boxes, such as the default model"
            )
        # Uncertain keypoints are hidden in the result only: tracking needs them.
        self._unmasked = copy(self.predictor)
        self._unmasked.max_spread = None

    def __call__(self, image: Image, time_s: float) -> tuple[TrackedFace, ...]:
        """Return the faces in the next frame, by number.

        Args:
            image: (H, W, 3) uint8 RGB.
            time_s: seconds from the start of the clip.
        """
        elapsed_s, self._time_s = time_s - self._time_s, time_s
        if self._is_cut(image):
            self.tracks.clear()
        faces = self._continue_tracks(image)
        has_lost = any(track.is_lost for track in self.tracks)
        if not faces or has_lost or time_s - self._detected_s >= self.detect_every_s:
            faces = self._detect(image, faces)
            self._detected_s = time_s
        self.tracks = [track for track in self.tracks if not track.is_lost or time_s - track.seen_s <= FORGET_AFTER_S]
        visible = sorted((track for track in self.tracks if track.number in faces), key=lambda track: track.number)
        return tuple(self._update(track, faces[track.number], elapsed_s) for track in visible)

    def _is_cut(self, image: Image) -> bool:
        """Return whether the frame (H, W, 3) uint8 RGB shows another scene than the one before."""
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        thumbnail = cv2.resize(gray, THUMBNAIL[::-1], interpolation=cv2.INTER_AREA).astype(np.float64)
        before, self._thumbnail = self._thumbnail, thumbnail
        if before is None or np.abs(thumbnail - before).mean() <= CUT_DIFFERENCE:
            return False
        return bool(np.abs(_normalized(thumbnail) - _normalized(before)).mean() > CUT_CONTRAST_DIFFERENCE)

    def _continue_tracks(self, image: Image) -> dict[int, Prediction]:
        """Return the faces found near their last position in the frame, by number; mark the others as lost.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        present = [track for track in self.tracks if not track.is_lost]
        predicted = self._unmasked.predict_boxes([image] * len(present), [track.box for track in present], passes=1)
        plausible = [k for k, face in enumerate(predicted) if self._is_plausible(face, image.shape[:2])]
        boxes = np.array([box_around(predicted[k].keypoints) for k in plausible]).reshape(-1, 4)
        seniority = -np.arange(len(plausible), dtype=np.float64)  # of two tracks on one face, the older one stays
        kept = {plausible[k] for k in suppress(boxes, seniority, IOU_THRESHOLD)}
        for k, track in enumerate(present):
            track.is_lost = k not in kept
        return {present[k].number: replace(predicted[k], score=present[k].last.score) for k in sorted(kept)}

    def _is_plausible(self, face: Prediction, size: tuple[int, int]) -> bool:
        """Return whether a face is large, certain and inside a frame of `size` (height, width), px."""
        if is_rejected(face, self.predictor.backend):
            return False
        box, frame = box_around(face.keypoints), image_box(size)
        sides = box[2:] - box[:2]
        inside = np.minimum(box[2:], frame[2:]) - np.maximum(box[:2], frame[:2])
        return bool((sides > 1).all() and (inside > 0).all() and np.prod(inside) > MIN_INSIDE * np.prod(sides))

    def _detect(self, image: Image, faces: dict[int, Prediction]) -> dict[int, Prediction]:
        """Run the detector on the frame; return the tracked faces it confirms, returned faces and new faces, by number.

        Args:
            image: (H, W, 3) uint8 RGB.
            faces: the faces that are tracked without interruption, by number.
        """
        self.detector_runs += 1
        detected = self._unmasked(image)
        faces = self._confirm(faces, detected)
        unknown = [
            face
            for face in detected
            if not any(_same_face(face, other) for other in faces.values())
            and self._is_plausible(face, image.shape[:2])
        ]
        returned = self._match_lost(unknown)
        for k, face in enumerate(unknown):
            track = returned[k] if k in returned else self._new_track(face)
            faces[track.number] = face
        return faces

    def _confirm(self, faces: dict[int, Prediction], detected: list[Prediction]) -> dict[int, Prediction]:
        """Return the tracked faces with the scores of their detections.

        Without uncertainty the tracking of a face would never end, so the track is lost after `MAX_MISSES` detector
        runs that miss the face.
        """
        confirmed: dict[int, Prediction] = {}
        for track in self.tracks:
            if track.number not in faces:
                continue
            face = faces[track.number]
            scores = [other.score for other in detected if _same_face(face, other)]
            track.misses = 0 if scores else track.misses + 1
            has_uncertainty = not np.isnan(face.spread).all()
            can_reject = has_uncertainty and np.isfinite(self.predictor.backend.max_relative_spread)
            if not can_reject and track.misses >= MAX_MISSES:
                track.is_lost = True
            else:
                confirmed[track.number] = replace(face, score=max(scores, default=face.score))
        return confirmed

    def _match_lost(self, unknown: list[Prediction]) -> dict[int, Track]:
        """Return the lost track, no longer lost, of each face in `unknown` that has one, by the face's index."""
        lost = [track for track in self.tracks if track.is_lost]
        distances = [
            (track.distance(box_around(face.keypoints), self._time_s), k, track)
            for k, face in enumerate(unknown)
            for track in lost
        ]
        matched: dict[int, Track] = {}
        for distance, k, track in sorted(distances, key=lambda each: each[0]):
            if distance <= MAX_DISTANCE and k not in matched and track.is_lost:
                track.is_lost, track.smoother = False, self._new_smoother()
                matched[k] = track
        return matched

    def _new_track(self, face: Prediction) -> Track:
        track = Track(self._next_number, face, self._new_smoother(), self._time_s)
        self.tracks.append(track)
        self._next_number += 1
        return track

    def _new_smoother(self) -> Smoother | None:
        return None if self._strength is None else Smoother(self._strength)

    def _update(self, track: Track, face: Prediction, elapsed_s: float) -> TrackedFace:
        """Update a track with its face in the frame and return the face, masked, with and without smoothing."""
        track.update(face, self._time_s)
        unsmoothed = self.predictor.mask_uncertain(face)
        if track.smoother is None:
            return TrackedFace(track.number, unsmoothed, unsmoothed)
        keypoints = track.smoother(face.keypoints, face.spread, elapsed_s, POINTS_SHARE * box_size(face.box))
        return TrackedFace(track.number, self.predictor.mask_uncertain(replace(face, keypoints=keypoints)), unsmoothed)


def _same_face(a: Prediction, b: Prediction) -> bool:
    """Return whether two predictions in one frame are of the same face."""
    return bool(iou(box_around(a.keypoints), box_around(b.keypoints)) > SAME_FACE_IOU)


def _normalized(gray: FloatArray) -> FloatArray:
    """Return gray levels (H, W) with mean 0 and deviation 1, no unit; nearly uniform ones keep a smaller deviation."""
    return (gray - gray.mean()) / max(MIN_DEVIATION, float(gray.std()))


def follow(
    source: str | Path | Iterable[tuple[float, Image]], predictor: Predictor | None = None, smooth: str = "light"
) -> Iterator[Frame]:
    """Yield the frames of a clip with their faces; warn at the end if the clip was cut off or damaged.

    Args:
        source: a video file, or pairs of a time in seconds and an image (H, W, 3) uint8 RGB.
        predictor: predicts the keypoints; default: the model in the package.
        smooth: strength of the smoothing, "none", "light" or "strong".

    Raises:
        ImageError: the file cannot be read as a video.
        ConfigError: the smoothing is unknown, the model cannot track faces, or PyAV is not installed.
    """
    tracker = FaceTracker(predictor or Predictor(), smooth)
    if isinstance(source, (str, Path)):
        clip = open_clip(Path(source))
        images: Iterable[tuple[float, Image]] = clip.frames()
    else:
        clip, images = None, source
    for index, (time_s, image) in enumerate(images):
        yield Frame(index, time_s, image, tracker(image, time_s))
    if clip is not None and (clip.ended_early or clip.damaged):
        reasons = [clip.ended_early, f"{clip.damaged} damaged parts were left out" if clip.damaged else ""]
        warnings.warn(f"{clip.path}: {'; '.join(filter(None, reasons))}", stacklevel=2)
