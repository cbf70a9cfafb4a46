"""How well faces are followed: clips made from stills by known motion, so that true points are known in every frame.

python bench/video.py                     a table: error, jitter, lag, changes of number, frames a second
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from skimage import data

from nasion import images
from nasion.geometry import Affine, FloatArray, scale_box
from nasion.predict.predictor import Predictor
from nasion.sample import Image
from nasion.video import STRENGTHS, FaceTracker, Frame, follow

SIZE = (720, 1280)
RATE = 25.0
FRAMES = 75
STILL_BOX = (176.0, 95.0, 275.0, 180.0)
NOISE = 4.0

Motion = Callable[[int], Affine]


@dataclass
class Scene:
    """A clip: for each frame the picture and the true points of each face (F, K, 2)."""

    name: str
    frames: list[tuple[Image, FloatArray]]

    def __iter__(self) -> Iterator[tuple[float, Image]]:
        return ((index / RATE, image) for index, (image, _) in enumerate(self.frames))


def main() -> None:
    """Follow every scene with and without smoothing, and print one table."""
    predictor = Predictor()
    table = Table(
        "scene", "smoothing", "error\n% of face", "jitter\npx", "lag\nframes", "numbers\nchanged", "lost\nframes"
    )
    for scene in scenes(predictor):
        for smooth in STRENGTHS:
            table.add_row(scene.name, smooth, *measured(scene, list(follow(scene, predictor, smooth))))
    console = Console()
    console.print(table)
    console.print(f"one face at 720p: {pace(predictor):.0f} frames/s without reading and writing (asked: 25)")


def scenes(predictor: Predictor) -> list[Scene]:
    """Return the clips."""
    face = data.astronaut()
    points = predictor(face, [STILL_BOX])[0].keypoints
    center = points.mean(0)
    large = Affine.linear(2.2 * np.eye(2), [0, 0])
    start = Affine.translation(300, 20) @ large
    middle = start(center)

    def swing(k: int) -> Affine:
        return Affine.translation(160 * np.sin(k / 12), 20 * np.sin(k / 7)) @ start

    def zoom(k: int) -> Affine:
        return Affine.linear((1 + 0.3 * np.sin(k / 15)) * np.eye(2), middle) @ start

    def turn(k: int) -> Affine:
        return Affine.rotation(25 * np.sin(k / 15), middle) @ start

    def clip(name: str, motion: Motion, change: Callable[[int, Image], Image] = lambda _k, image: image) -> Scene:
        frames = []
        for k in range(FRAMES):
            image = noisy(change(k, images.warp(face, motion(k), SIZE)), k)
            frames.append((image, motion(k)(points)[None]))
        return Scene(name, frames)

    def blurred(k: int, image: Image) -> Image:
        return np.asarray(cv2.blur(image, (1 + 12 * (20 < k < 50), 1)), np.uint8)

    def covered(k: int, image: Image) -> Image:
        if not 25 < k < 35:
            return image
        x0, y0, x1, y1 = scale_box(np.concatenate([start(points).min(0), start(points).max(0)]), 1.4).astype(int)
        image = image.copy()
        image[y0:y1, x0:x1] = 110
        return image

    far = Affine.translation(750, 150) @ Affine.linear(1.5 * np.eye(2), [0, 0])
    left, beside = (Affine.translation(shift, 0) @ start for shift in (-470, 170))  # one in each half
    both = clip("a second face enters", lambda _k: left)
    for k in range(30, FRAMES):
        image, true = both.frames[k]
        second = images.warp(face, beside, SIZE)
        image = np.concatenate([image[:, : SIZE[1] // 2], second[:, SIZE[1] // 2 :]], axis=1)
        both.frames[k] = image, np.concatenate([true, beside(points)[None]])
    return [
        clip("still", lambda _k: start),
        clip("swings", swing),
        clip("zoom", zoom),
        clip("turns", turn),
        clip("motion blur", swing, blurred),
        clip("hidden for 9 frames", lambda _k: start, covered),
        clip("a cut, the face elsewhere", lambda k: start if k < FRAMES // 2 else far),
        both,
    ]


def noisy(image: Image, seed: int) -> Image:
    """Return the picture as a camera would have it."""
    noise = NOISE * np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def measured(scene: Scene, frames: list[Frame]) -> list[str]:
    """Return a scene's scores as a row of the table."""
    errors: list[float] = []
    places: dict[int, list[tuple[int, FloatArray, FloatArray]]] = {}
    numbers: dict[int, list[int]] = {}
    lost = 0
    for frame, (_, true) in zip(frames, scene.frames, strict=True):
        left = {face.number: face.found.keypoints for face in frame.faces}
        for face, points in enumerate(true):
            size = float(np.ptp(points[:, 0]))
            near = {n: float(np.linalg.norm(found - points, axis=-1).mean()) / size for n, found in left.items()}
            number = min(near, key=lambda n: near[n], default=-1)
            if number < 0 or near[number] > 1:
                lost += 1
                continue
            errors.append(near[number])
            numbers.setdefault(face, []).append(number)
            places.setdefault(face, []).append((frame.index, points, left.pop(number)))
    first = places[0]
    offsets = np.array([found - true for _, true, found in first])
    jitter = np.linalg.norm(np.diff(offsets, axis=0), axis=-1).mean()
    changed = sum(int((np.diff(each) != 0).sum()) for each in numbers.values())
    return [f"{100 * np.mean(errors):.2f}", f"{jitter:.2f}", lag(first), str(changed), str(lost)]


def lag(places: list[tuple[int, FloatArray, FloatArray]]) -> str:
    """Return how many frames points are behind: their offsets along their motion over its speed, least squares."""
    index = np.array([k for k, *_ in places])
    true, found = (np.array([each[which] for each in places]) for which in (1, 2))
    speed, offsets = np.gradient(true, index, axis=0), found - true
    offsets = offsets - offsets.mean(0)
    total = float((speed**2).sum())
    return f"{-float((speed * offsets).sum()) / total:.1f}" if total > 1 else ""


def pace(predictor: Predictor, count: int = 60) -> float:
    """Return frames a second of following one face at 720p."""
    image = scenes(predictor)[0].frames[0][0]
    follower = FaceTracker(predictor, "light")
    follower(image, 0.0)
    began = time.perf_counter()
    for k in range(1, count):
        follower(image, k / RATE)
    return (count - 1) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
