"""Count the blinks that are found in composed clips with known blinks.

python bench/blinks.py ibug:300w/lfpw/testset coco:aflw68/train.json YUNET_FILE

Each clip shows one face with open eyes that moves a little; for a blink, the eyes of another person's face with closed
eyes (bench/openings.toml) are cloned into it, with half opacity when the blink starts and ends. Neither face was used
for training.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.random import Generator
from rich.console import Console
from rich.progress import track

from nasion import datasets, images
from nasion.geometry import Affine, similarity_between
from nasion.measure import EventDetector, eyes
from nasion.measure.events import BLINK, CLOSED, Event
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet, Image, Prediction
from nasion.video.track import FaceTracker

RATE, SECONDS = 25.0, 8
SIDE, FACE_PX = 320, 160
"""Side of the frames, px, and size of the face in them."""

SPANS_S = (0.12, 0.2, 0.3, 1.0)
"""Lengths of the closures of a clip, seconds; the last one is too long for a blink."""

PAUSE_S = 1.4
"""Mean time from the end of a closure to the start of the next, seconds."""

OPEN = 0.27
"""Labeled opening from which the eyes of a face count as open."""

MAX_YAW = 20.0
"""Largest yaw of the faces, degrees."""

EYES = range(36, 48)
ANCHORS = 36, 39, 42, 45, 27, 30
"""Points by which the other face is aligned: corners of the eyes, and nose."""

NOISE = 3.0
"""Standard deviation of the noise of a frame, gray levels."""

console = Console()


def _usable(faces: DataSet, closed: set[str] | None) -> list[Annotation]:
    """Return the frontal faces whose names are in `closed`; if it is None, those whose labeled eyes are open."""
    found = []
    for face in faces.annotations:
        labeled = Prediction(face.keypoints, np.ones(68), np.zeros((68, 2)), face.points_box(), 1.0, face.skeleton)
        if not np.isfinite(face.keypoints).all() or abs(labeled.pose.yaw.value) > MAX_YAW:
            continue
        if (eyes(labeled).ratio.value > OPEN) if closed is None else face.name in closed:
            found.append(face)
    return found


def _composed(faces: DataSet, face: Annotation, others: DataSet, other: Annotation) -> tuple[Image, Image]:
    """Return the image of a face with open and with closed eyes, (SIDE, SIDE, 3) uint8 RGB."""
    box = face.points_box()
    scale = FACE_PX / (box[2] - box[0])
    middle = Affine.translation(*(SIDE / 2 - (box[:2] + box[2:]) / 2 * scale))
    affine = middle @ Affine.linear(scale * np.eye(2), (0.0, 0.0))
    image = images.warp(faces.open_image(face), affine, (SIDE, SIDE), cv2.BORDER_REPLICATE)
    points, anchors = affine(face.keypoints), list(ANCHORS)
    onto = similarity_between(other.keypoints[anchors], points[anchors])
    donor = images.warp(others.open_image(other), onto, (SIDE, SIDE), cv2.BORDER_REPLICATE)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    moved = onto(other.keypoints)
    for eye in (EYES[:6], EYES[6:]):
        around = np.concatenate([points[list(eye)], moved[list(eye)]])
        center, width = around.mean(0), float(np.ptp(around[:, 0]))
        axes = (round(0.75 * width), round(0.5 * width))
        cv2.ellipse(mask, tuple(np.rint(center).astype(int).tolist()), axes, 0, 0, 360, 255, -1)
    x, y, w, h = cv2.boundingRect(mask)
    shut = cv2.seamlessClone(donor, image, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    return image, np.asarray(shut, np.uint8)


def _frames(
    opened: Image, shut: Image, spans: list[tuple[float, float]], rng: Generator
) -> Iterator[tuple[float, Image]]:
    """Yield the times, seconds, and images of a clip whose eyes are closed in `spans`."""
    phases = rng.uniform(0, 2 * np.pi, 3)
    for index in range(round(SECONDS * RATE)):
        time_s = index / RATE
        share = max((min(time_s - start, end - time_s) * RATE + 0.5 for start, end in spans), default=0.0)
        mixed = opened + min(max(share, 0.0), 1.0) * (shut.astype(np.float64) - opened)
        turn, dx, dy = np.sin(phases + time_s * np.array([1.0, 1.7, 2.3])) * [2.0, 4.0, 3.0]
        moved = Affine.translation(dx, dy) @ Affine.rotation(turn, (SIDE / 2, SIDE / 2))
        frame = images.warp(np.rint(mixed).astype(np.uint8), moved, (SIDE, SIDE), cv2.BORDER_REPLICATE)
        yield time_s, np.clip(np.rint(frame + rng.normal(0, NOISE, frame.shape)), 0, 255).astype(np.uint8)


def _spans(rng: Generator) -> list[tuple[float, float]]:
    """Return start and end of the closures of a clip, seconds, in random order."""
    start, found = 0.0, []
    for length in rng.permutation(SPANS_S):
        start += PAUSE_S + rng.uniform(-0.3, 0.3)
        found.append((start, start + float(length)))
        start += float(length)
    return found


def _events(predictor: Predictor, frames: Iterator[tuple[float, Image]]) -> list[Event]:
    tracker, detector, found = FaceTracker(predictor), EventDetector(), list[Event]()
    for time_s, image in frames:
        for face in tracker(image, time_s):
            found += detector.add(time_s, face.number, face.unsmoothed)
    return [event for event in found + detector.finish() if event.kind in (BLINK, CLOSED)]


def main(
    open_data: Annotated[str, typer.Argument(help="labeled faces with open eyes")],
    closed_data: Annotated[str, typer.Argument(help="labeled faces, some of them with closed eyes")],
    detector: Annotated[Path, typer.Argument(help="YuNet's file")],
    count: Annotated[int, typer.Option(help="number of clips")] = 12,
    picture: Annotated[Path | None, typer.Option(help="write the faces of the clips, open and closed")] = None,
) -> None:
    """Compose clips and count their blinks."""
    judged = set(tomllib.loads(Path(__file__).with_name("openings.toml").read_text("utf-8"))["held_out_closed_eyes"])
    rng, predictor = np.random.default_rng(3), Predictor(detector=detector)
    opened, closed = datasets.load(open_data), datasets.load(closed_data)
    faces, others = _usable(opened, None), _usable(closed, judged)
    console.print(f"{len(faces)} faces with open eyes, {len(others)} with closed eyes")
    hits, kinds, wrong, apart, pairs = 0, 0, 0, list[float](), list[Image]()
    for k in track(range(count), "clips", console=console):
        face, other = faces[rng.integers(len(faces))], others[k % len(others)]
        image, shut = _composed(opened, face, closed, other)
        pairs.append(np.vstack([image, shut]))
        spans = _spans(rng)
        events = _events(predictor, _frames(image, shut, spans, rng))
        for start, end in spans:
            near = [each for each in events if each.start_s < end and each.end_s > start]
            hits += bool(near)
            kinds += len(near) == 1 and near[0].kind == (BLINK if end - start < 0.5 else CLOSED)
            apart += [abs(each.start_s - start) for each in near] + [abs(each.end_s - end) for each in near]
            events = [each for each in events if each not in near]
        wrong += len(events)
    total = count * len(SPANS_S)
    console.print(
        f"{hits} of {total} closures found, {kinds} of them once and of the right kind; {wrong} other events in "
        f"{count * SECONDS} s; starts and ends differ by {1000 * np.median(apart):.0f} ms in the median"
    )
    if picture is not None:
        images.write(picture, np.hstack(pairs))


if __name__ == "__main__":
    typer.run(main)
