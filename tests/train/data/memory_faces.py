"""Small data sets whose images exist in memory only."""

from pathlib import Path

import numpy as np

from nasion.errors import ImageError
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

SIZE = (90, 120)
"""(height, width) of the images, px."""

SKELETON = Skeleton(
    name="five",
    title="five",
    names=("right_eye", "left_eye", "nose", "right_mouth", "left_mouth"),
    regions={"eyes": (0, 1), "nose": (2,), "mouth": (3, 4)},
    flip=(1, 0, 2, 4, 3),
    normalizers={"inter_ocular": ((0,), (1,))},
)

POINTS = np.array([[44.0, 31.0], [76.0, 33.0], [60.5, 45.0], [47.0, 60.0], [72.0, 61.0]])
"""The keypoints of a face in the middle of an image, image px. Its box is 32 x 30 px."""


def blob(point, size=SIZE, sigma=3.0):
    """Return a gray image (H, W, 3) with one bright Gaussian at `point` (2,), image px."""
    y, x = np.mgrid[: size[0], : size[1]]
    spot = 230 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * sigma**2))
    return np.rint(10 + spot).astype(np.uint8)[..., None].repeat(3, -1)


def blob_center(crop):
    """Return the center (2,) of the only blob of a crop (H, W, C), crop px."""
    values = crop.mean(-1)
    weight = values - np.median(values)
    weight = np.where(weight > 0.12 * weight.max(), weight, 0.0)  # without noise
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def scene(seed, size=SIZE):
    """Return a smooth random image (H, W, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 255, (size[0] // 6, size[1] // 6, 3)).astype(np.uint8)
    return np.asarray(coarse.repeat(6, 0).repeat(6, 1), np.uint8)


def face(name="a.png", keypoints=POINTS, split="train", subject="", skeleton=SKELETON):
    present = np.isfinite(keypoints).all(-1)
    return Annotation(Path(name), np.array(keypoints), skeleton, present, subject=subject or name, split=split)


def data_set(*faces, images=None, problems=(), name="set"):
    """Return a set of faces; an image that is not given is a random scene, and None is unreadable."""
    known = images or {}

    def open_image(annotation):
        image = known.get(annotation.image.name, scene(len(annotation.image.name)))
        if image is None:
            raise ImageError(f"{annotation.image}: damaged")
        return image

    skeleton = faces[0].skeleton if faces else SKELETON
    return DataSet(name, skeleton, tuple(faces), open_image, problems=tuple(problems))


class Recorder:
    """A reporter that remembers warnings, titles and totals of tasks, and how far each task advanced."""

    def __init__(self):
        self.warnings, self.tasks, self.advanced = [], [], 0.0

    def warn(self, text):
        self.warnings.append(text)

    def task(self, title, total, unit=""):
        self.tasks.append((title, total))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def advance(self, steps=1):
        self.advanced += steps
