"""Scenes for a detector: faces cut out of their images, pasted on backgrounds, with their boxes.

A scene is determined by its seed and number. Faces whose images have opacity, such as heads rendered with
`nasion heads --transparent`, are pasted with their outline; others with the rectangle around them, or their image is
the whole scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nasion import images
from nasion.datasets.rendered.looks.background import sample_background
from nasion.geometry import Affine, FloatArray, box_around, box_center, box_size, image_box
from nasion.sample import DataSet, Image
from nasion.train.config import AugmentConfig, PhotoConfig
from nasion.train.data.augment import sample_augmentation

__all__ = ["Cutout", "Scene", "Scenes", "cutouts"]

FACE_SIZES = 10.0, 0.9
"""Size of the smallest face, px, and of the largest, as a share of the scene's side."""

SMALLEST = 9.0
"""Size of a box, px, below which it is doubtful."""

COUNTS = {0: 0.1, 1: 0.3, 3: 0.25, 6: 0.2, 14: 0.15}
"""How common scenes with up to so many faces are."""

GROUP = 0.5
"""Share of the scenes with several faces in which people stand in rows; in others they are anywhere."""

WHOLE = 0.25
"""Share of the scenes that consist of one image, of a face that has a background."""

COVERED = 0.4
"""Share of a box behind other faces from which it is doubtful."""

TURN = 25.0
"""Largest rotation of a pasted face, degrees."""

INVENTED = 500
"""Number of invented backgrounds."""

CACHED = 6000
"""Number of images that are kept in memory."""

PHOTO = AugmentConfig(
    photo=PhotoConfig(
        brightness=0.2, contrast=0.35, gamma=0.35, color=0.2, gray=0.15, blur=0.25, blur_px=1.5, noise=0.3,
        noise_level=14, dark=0.06, small=0.12, small_scale=0.4, jpeg=0.35, occlude=0.05,
    )
)  # fmt: skip
"""How the pixels of a scene vary."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """A face in an image file.

    Attributes:
        path: the file.
        box: (4,) around the keypoints, px.
    """

    path: Path
    box: FloatArray


class Scene(NamedTuple):
    """An image and its faces.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        boxes: (N, 4) of the faces, px.
        doubtful: (M, 4) of faces that are mostly hidden or cut off, px.
    """

    image: Image
    boxes: FloatArray
    doubtful: FloatArray


def cutouts(faces: DataSet) -> list[Cutout]:
    """Return the faces of a data set with at least two points, each with its box."""
    found: list[Cutout] = []
    for face in faces.annotations:
        box = box_around(face.keypoints)
        if np.isfinite(box).all() and box_size(box) > 0:
            found.append(Cutout(face.image, box))
    return found


@dataclass(frozen=True, eq=False)
class Scenes:
    """Composes scenes.

    Attributes:
        sources: lists of faces; a face comes from each list with the same probability.
        backgrounds: photographs without faces; some backgrounds are invented.
        side: height and width of a scene, px.
        seed: selects the scenes.
    """

    sources: Sequence[Sequence[Cutout]]
    backgrounds: Sequence[Path]
    side: int
    seed: int

    def __call__(self, number: int) -> Scene:
        """Return scene `number`."""
        random = np.random.default_rng([self.seed, number])
        if random.random() < WHOLE:
            whole = self._whole(random)
            if whole is not None:
                return self._photographed(random, whole)
        return self._photographed(random, self._composed(random))

    def _photographed(self, random: Generator, scene: Scene) -> Scene:
        """Return the scene, mirrored or not, as a camera may see it."""
        image, boxes, doubtful = scene
        if random.random() < 0.5:
            image = np.ascontiguousarray(image[:, ::-1])
            boxes, doubtful = (_mirrored(each, self.side) for each in (boxes, doubtful))
        return Scene(sample_augmentation(PHOTO, random).change_pixels(image), boxes, doubtful)

    def _face(self, random: Generator) -> Cutout:
        source = self.sources[int(random.integers(len(self.sources)))]
        return source[int(random.integers(len(source)))]

    def _whole(self, random: Generator) -> Scene | None:
        """Return a scene that shows one image, with a border if it is small; None for an image without background."""
        face = self._face(random)
        image = _read(face.path)
        if image.shape[2] == 4:
            return None
        size = _between(random, 24, FACE_SIZES[1] * self.side)
        scale = size / box_size(face.box)
        center = box_center(face.box) * scale
        at = random.uniform(0.3, 0.7, 2) * self.side
        affine = Affine.translation(*(at - center)) @ Affine.linear(np.eye(2) * scale, np.zeros(2))
        border = int(random.choice([cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101, cv2.BORDER_CONSTANT]))
        shown = images.warp(image, affine, (self.side, self.side), border)
        if border == cv2.BORDER_REFLECT_101:  # it could mirror the face
            shown = images.warp(image, affine, (self.side, self.side), cv2.BORDER_REPLICATE)
        return self._sorted(shown, [affine(face.box.reshape(2, 2)).ravel()], np.zeros(1))

    def _composed(self, random: Generator) -> Scene:
        """Return a scene of faces on a background."""
        canvas = self._background(random)
        limits = list(COUNTS)
        most = limits[int(random.choice(len(limits), p=list(COUNTS.values())))]
        count = int(random.integers(max(1, most // 2), most + 1)) if most else 0
        in_rows = count > 1 and random.random() < GROUP
        places = self._rows(random, count) if in_rows else self._anywhere(random, count)
        boxes: list[FloatArray] = []
        hidden = np.zeros(0)
        for x, y, size in places:
            box, opacity = _paste(random, canvas, self._face(random), (x, y), size)
            hidden = np.array([_hidden(hidden[k], each, opacity) for k, each in enumerate(boxes)])
            boxes.append(box)
            hidden = np.append(hidden, 0.0)
        return self._sorted(canvas, boxes, hidden)

    def _sorted(self, image: Image, boxes: Sequence[FloatArray], hidden: FloatArray) -> Scene:
        """Return the scene with boxes that are mostly hidden (N,), shares, or outside as doubtful ones."""
        every = np.array(boxes).reshape(-1, 4)
        inside = np.clip(every, -0.5, self.side - 0.5)
        shown = (inside[:, 2:] - inside[:, :2]).clip(0).prod(-1) / (every[:, 2:] - every[:, :2]).prod(-1)
        small = np.array([box_size(box) < SMALLEST for box in every], bool)
        doubtful = (shown < 1 - COVERED) | (hidden > COVERED) | small
        return Scene(image, every[~doubtful], every[doubtful & (shown > 0)])

    def _anywhere(self, random: Generator, count: int) -> FloatArray:
        """Return the places (N, 3) of faces: center and size, px; the largest last."""
        sizes = np.array([_between(random, FACE_SIZES[0], FACE_SIZES[1] * self.side / max(count, 1) ** 0.6)
                          for _ in range(count)])  # fmt: skip
        centers = random.uniform(0.02, 0.98, (count, 2)) * self.side
        order = np.argsort(sizes)
        return np.concatenate([centers, sizes[:, None]], 1)[order]

    def _rows(self, random: Generator, count: int) -> FloatArray:
        """Return the places (N, 3) of faces in rows, those behind first: center and size, px."""
        rows = int(np.clip(round(count / random.uniform(3, 7)), 1, 4))
        each = int(np.ceil(count / rows))
        size = min(self.side / (each * random.uniform(1.6, 3.2)), FACE_SIZES[1] * self.side / 2)
        top = random.uniform(0.15, 0.6) * self.side
        places: list[tuple[float, float, float]] = []
        for row in range(rows):
            shift = random.uniform(0, 1)
            for k in range(each):
                x = (k + shift) * self.side / each + random.normal(0, 0.15) * size
                y = top + row * size * random.uniform(1.3, 2.2) + random.normal(0, 0.15) * size
                places.append((x, y, max(size * (1 + 0.12 * row) * random.uniform(0.85, 1.15), FACE_SIZES[0])))
        return np.array(places[:count])

    def _background(self, random: Generator) -> Image:
        """Return a background (S, S, 3): a part of a photograph, or invented."""
        if len(self.backgrounds) and random.random() < 0.6:
            image = _read(self.backgrounds[int(random.integers(len(self.backgrounds)))])[..., :3]
            height, width = image.shape[:2]
            part = max(int(min(height, width) * random.uniform(0.25, 1)), 8)
            x, y = (int(random.integers(0, extent - part + 1)) for extent in (width, height))
            piece = np.ascontiguousarray(image[y : y + part, x : x + part])
            return np.asarray(cv2.resize(piece, (self.side, self.side), interpolation=cv2.INTER_LINEAR), np.uint8)
        return _invented(self.side, int(random.integers(INVENTED))).copy()


@lru_cache(maxsize=INVENTED)
def _invented(side: int, number: int) -> Image:
    """Return an invented background (S, S, 3)."""
    random = np.random.default_rng(number)
    linear = sample_background(random, side, random.uniform(0.2, 1.2, 3))
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def _paste(
    random: Generator, canvas: Image, face: Cutout, center: tuple[float, float], size: float
) -> tuple[FloatArray, NDArray[np.float32]]:
    """Paste a face so that its box has this center and size, px; return its box (4,) and its opacity (S, S), 0 to 1."""
    image = _read(face.path)
    scale, middle = size / box_size(face.box), box_center(face.box)
    angle = float(random.normal(0, TURN / 2.5)) if random.random() < 0.7 else float(random.uniform(-TURN, TURN))
    turn = Affine.rotation(angle, np.zeros(2)) @ Affine.linear(np.eye(2) * scale, np.zeros(2))
    affine = Affine.translation(*center) @ turn @ Affine.translation(*-middle)
    if image.shape[2] == 3:
        image = np.concatenate([image, _window(random, image.shape[:2], face.box)[..., None]], -1)
    corners = affine(image_box(image.shape[:2]).reshape(2, 2)[[[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1]])
    x0, y0 = np.clip(np.floor(corners.min(0)), 0, len(canvas)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(corners.max(0)) + 1, 0, len(canvas)).astype(int).tolist()
    opacity = np.zeros(canvas.shape[:2], np.float32)
    if x1 > x0 and y1 > y0:
        part = Affine.translation(-x0, -y0) @ affine
        moved = images.warp(image, part, (y1 - y0, x1 - x0), cv2.BORDER_CONSTANT)
        opacity[y0:y1, x0:x1] = share = moved[..., 3].astype(np.float32) / 255
        under = canvas[y0:y1, x0:x1]
        under[:] = (under + (moved[..., :3] - under.astype(np.float32)) * share[..., None] + 0.5).astype(np.uint8)
    # the box around a turned face, from the ellipse in its box
    half, cos, sin = (face.box[2:] - face.box[:2]) / 2 * scale, np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    across, down = np.hypot(half[0] * cos, half[1] * sin), np.hypot(half[0] * sin, half[1] * cos)
    return np.array([center[0] - across, center[1] - down, center[0] + across, center[1] + down]), opacity


def _window(random: Generator, size: tuple[int, int], box: FloatArray) -> NDArray[np.uint8]:
    """Return the opacity (H, W) of an image of `size`, of which a rectangle or an ellipse around the face is pasted."""
    opacity = np.zeros(size, np.uint8)
    half = (box[2:] - box[:2]) * random.uniform(0.75, 1.2)
    center = box_center(box) - [0, 0.15 * (box[3] - box[1])]
    x0, y0, x1, y1 = np.rint([*(center - half), *(center + half)]).astype(int).tolist()
    if random.random() < 0.5:
        cv2.rectangle(opacity, (x0, y0), (x1, y1), (255.0,), -1)
        return opacity
    axes = int(half[0]), int(half[1] * 1.1)
    cv2.ellipse(opacity, (round(center[0]), round(center[1])), axes, 0, 0, 360, (255.0,), -1, cv2.LINE_AA)
    return opacity


def _hidden(before: float, box: FloatArray, opacity: NDArray[np.float32]) -> float:
    """Return the share of a box (4,), px, that is hidden after something of `opacity` (S, S) covers the scene."""
    side = len(opacity)
    x0, y0 = np.clip(np.floor(box[:2]), 0, side - 1).astype(int)
    x1, y1 = np.clip(np.ceil(box[2:]) + 1, 1, side).astype(int)
    part = opacity[y0:y1, x0:x1]
    return before + (1 - before) * float(part.mean()) if part.size else before


def _mirrored(boxes: FloatArray, side: int) -> FloatArray:
    """Return boxes (N, 4), px, of a scene that was mirrored."""
    x0, y0, x1, y1 = boxes.T
    return np.stack([side - 1 - x1, y0, side - 1 - x0, y1], -1)


def _between(random: Generator, low: float, high: float) -> float:
    """Return a number that is as likely to be in [low, 2 low] as in any other octave."""
    return float(np.exp(random.uniform(np.log(low), np.log(max(high, low * 1.01)))))


@lru_cache(maxsize=CACHED)
def _read(path: Path) -> Image:
    """Return the image (H, W, 3) or, with opacity, (H, W, 4), uint8 RGB.

    Raises:
        ImageError: the file cannot be read.
    """
    if path.suffix.lower() == ".png":
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if stored is not None and stored.ndim == 3 and stored.shape[2] == 4 and stored.dtype == np.uint8:
            return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA), np.uint8)
    return images.read(path)
