"""How well faces are tracked: clips made from a photograph by known motion, so that the ground truth is known.

python bench/video.py                     a table: error, jitter, lag, number changes, lost frames; frames per second
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from skimage import data

from nasion import images
from nasion.geometry import Affine, FloatArray, box_around, scale_box
from nasion.predict.predictor import Predictor
from nasion.sample import Image
from nasion.video import STRENGTHS, FaceTracker, Frame, TrackedFace, follow

SIZE = (720, 1280)
"""(height, width) of a frame, px."""

RATE = 25.0
"""Frames per second."""

FRAMES = 75
"""Number of frames of a scene."""

STILL_BOX = (176.0, 95.0, 275.0, 180.0)
"""The face's box in the photograph, image px."""

NOISE = 4.0
"""Standard deviation of the noise, gray levels."""

REQUIRED_RATE = 25
"""Frames per second that the tracker must reach at 720p."""

Motion = Callable[[int], Affine]
"""The map from the photograph to a frame, by the frame's index."""


@dataclass
class Scene:
    """A clip with its ground truth.

    Attributes:
        name: the scene's name.
        frames: for each frame the image (H, W, 3) uint8 RGB and the true keypoints of its faces (F, K, 2), image px.
    """

    name: str
    frames: list[tuple[Image, FloatArray]]

    def __iter__(self) -> Iterator[tuple[float, Image]]:
        return ((index / RATE, image) for index, (image, _) in enumerate(self.frames))


def main() -> None:
    """Track every scene with each strength of smoothing and print one table."""
    predictor = Predictor()
    table = Table(
        "scene", "smoothing", "error\n% of face", "jitter\npx", "lag\nframes", "number\nchanges", "lost\nframes"
    )
    for scene in scenes(predictor):
        for smooth in STRENGTHS:
            table.add_row(scene.name, smooth, *scores(scene, list(follow(scene, predictor, smooth))))
    console = Console()
    console.print(table)
    console.print(
        f"one face at 720p: {frames_per_second(predictor):.0f} frames/s without reading and writing "
        f"(required: {REQUIRED_RATE})"
    )


class Studio:
    """Makes scenes from a photograph.

    Args:
        predictor: predicts the keypoints on the photograph, which are the ground truth.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.photograph: Image = data.astronaut()
        self.keypoints = predictor(self.photograph, [STILL_BOX])[0].keypoints
        self.start = Affine.translation(300, 20) @ Affine.linear(2.2 * np.eye(2), [0, 0])
        self.middle = self.start(self.keypoints.mean(0))

    def scene(
        self, name: str, motion: Motion, change: Callable[[int, Image], Image] = lambda _k, image: image
    ) -> Scene:
        """Return a scene of the moved photograph; `change` edits the frames (H, W, 3) uint8 RGB before the noise."""
        frames = []
        for k in range(FRAMES):
            image = add_noise(change(k, images.warp(self.photograph, motion(k), SIZE)), k)
            frames.append((image, motion(k)(self.keypoints)[None]))
        return Scene(name, frames)

    def swing(self, k: int) -> Affine:
        """Return the map of frame `k` of a face that swings from side to side."""
        return Affine.translation(160 * np.sin(k / 12), 20 * np.sin(k / 7)) @ self.start

    def zoom(self, k: int) -> Affine:
        """Return the map of frame `k` of a face that approaches and recedes."""
        return Affine.linear((1 + 0.3 * np.sin(k / 15)) * np.eye(2), self.middle) @ self.start

    def turn(self, k: int) -> Affine:
        """Return the map of frame `k` of a face that tilts from side to side."""
        return Affine.rotation(25 * np.sin(k / 15), self.middle) @ self.start

    def cover(self, k: int, image: Image) -> Image:
        """Return frame `k` (H, W, 3) uint8 RGB with the face hidden for nine frames."""
        if not 25 < k < 35:
            return image
        x0, y0, x1, y1 = scale_box(box_around(self.start(self.keypoints)), 1.4).astype(int)
        image = image.copy()
        image[y0:y1, x0:x1] = 110
        return image

    def two_faces(self) -> Scene:
        """Return a scene with a face in the left half, and one that enters in the right half."""
        left, right = (Affine.translation(shift, 0) @ self.start for shift in (-470, 170))
        scene = self.scene("a second face enters", lambda _k: left)
        second = images.warp(self.photograph, right, SIZE)[:, SIZE[1] // 2 :]
        for k in range(30, FRAMES):
            image, true = scene.frames[k]
            image = np.concatenate([image[:, : SIZE[1] // 2], second], axis=1)
            scene.frames[k] = image, np.concatenate([true, right(self.keypoints)[None]])
        return scene


def scenes(predictor: Predictor) -> list[Scene]:
    """Return all scenes."""
    studio = Studio(predictor)
    far = Affine.translation(750, 150) @ Affine.linear(1.5 * np.eye(2), [0, 0])
    return [
        studio.scene("still", lambda _k: studio.start),
        studio.scene("swings", studio.swing),
        studio.scene("zooms", studio.zoom),
        studio.scene("tilts", studio.turn),
        studio.scene("motion blur", studio.swing, blur),
        studio.scene("hidden for 9 frames", lambda _k: studio.start, studio.cover),
        studio.scene("cut to another position", lambda k: studio.start if k < FRAMES // 2 else far),
        studio.two_faces(),
    ]


def blur(k: int, image: Image) -> Image:
    """Return frame `k` (H, W, 3) uint8 RGB, blurred horizontally in the middle of the scene."""
    return np.asarray(cv2.blur(image, (1 + 12 * (20 < k < 50), 1)), np.uint8)


def add_noise(image: Image, seed: int) -> Image:
    """Return the image (H, W, 3) uint8 RGB with the noise of a camera."""
    noise = NOISE * np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@dataclass
class Pairing:
    """The predictions that belong to the true faces of a scene.

    Attributes:
        errors: mean error of each paired face, as a share of its width.
        places: (frame index, true (K, 2), predicted (K, 2)), image px, for each true face.
        numbers: the numbers that each true face had.
        lost: true faces without a prediction, counted over all frames.
    """

    errors: list[float] = field(default_factory=list)
    places: dict[int, list[tuple[int, FloatArray, FloatArray]]] = field(default_factory=dict)
    numbers: dict[int, list[int]] = field(default_factory=dict)
    lost: int = 0

    def add(self, index: int, true: FloatArray, faces: tuple[TrackedFace, ...]) -> None:
        """Pair the true faces (F, K, 2), image px, of frame `index` with the nearest predictions."""
        free = {face.number: face.prediction.keypoints for face in faces}
        for face, points in enumerate(true):
            width = float(np.ptp(points[:, 0]))
            error = {n: float(np.linalg.norm(each - points, axis=-1).mean()) / width for n, each in free.items()}
            number = min(error, key=lambda n: error[n], default=-1)
            if number < 0 or error[number] > 1:
                self.lost += 1
                continue
            self.errors.append(error[number])
            self.numbers.setdefault(face, []).append(number)
            self.places.setdefault(face, []).append((index, points, free.pop(number)))


def scores(scene: Scene, frames: list[Frame]) -> list[str]:
    """Return the scores of a scene as cells of the table."""
    pairing = Pairing()
    for frame, (_, true) in zip(frames, scene.frames, strict=True):
        pairing.add(frame.index, true, frame.faces)
    first = pairing.places[0]
    offsets = np.array([predicted - true for _, true, predicted in first])
    jitter = np.linalg.norm(np.diff(offsets, axis=0), axis=-1).mean()
    changes = sum(int((np.diff(each) != 0).sum()) for each in pairing.numbers.values())
    error = 100 * np.mean(pairing.errors)
    return [f"{error:.2f}", f"{jitter:.2f}", lag(first), str(changes), str(pairing.lost)]


def lag(places: list[tuple[int, FloatArray, FloatArray]]) -> str:
    """Return the lag in frames: the least-squares ratio of the offsets to the velocities; empty for a still face.

    Args:
        places: (frame index, true (K, 2), predicted (K, 2)), image px.
    """
    index = np.array([k for k, *_ in places])
    true, predicted = (np.array([each[which] for each in places]) for which in (1, 2))
    velocity, offsets = np.gradient(true, index, axis=0), predicted - true
    offsets = offsets - offsets.mean(0)
    total = float((velocity**2).sum())
    return f"{-float((velocity * offsets).sum()) / total:.1f}" if total > 1 else ""


def frames_per_second(predictor: Predictor, count: int = 60) -> float:
    """Return the rate at which one face is tracked at 720p."""
    studio = Studio(predictor)
    image = add_noise(images.warp(studio.photograph, studio.start, SIZE), seed=0)
    tracker = FaceTracker(predictor, "light")
    tracker(image, 0.0)
    start = time.perf_counter()
    for k in range(1, count):
        tracker(image, k / RATE)
    return (count - 1) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
