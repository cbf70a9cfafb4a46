"""Sixteen mistakes in labels and files, each put into a copy of a data set."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from nasion.geometry import Affine
from nasion.sample import DataSet

BAD = 3
"""Number of faces with a mistake in single files."""

FAR_PX = 40.0
"""Distance of a misplaced point, px."""


@dataclass(frozen=True, eq=False)
class Poisoned:
    """A data set with a mistake.

    Attributes:
        faces: the data set.
        files: the names of the files at fault; empty if the mistake is in all files.
        truth: the correct labels of the same images; None if they are the labels of the clean data set.
    """

    faces: DataSet
    files: frozenset[str] = frozenset()
    truth: DataSet | None = None


def _replaced(faces, changes):
    """Return the set with other fields of some annotations, by their index."""
    return faces.subset([replace(face, **changes.get(k, {})) for k, face in enumerate(faces.annotations)])


def _moved(faces, indices, move):
    """Return the set with other keypoints of some faces."""
    return _replaced(faces, {int(k): {"keypoints": move(faces.annotations[k].keypoints)} for k in indices})


def _names(faces, indices):
    return frozenset(faces.annotations[k].name for k in indices)


def some(faces, random, count=BAD):
    return random.choice(len(faces), count, replace=False).tolist()


def all_shifted(faces, _random, shift):
    return Poisoned(_moved(faces, range(len(faces)), lambda points: points + shift))


def half_shifted(faces, random):
    return Poisoned(_moved(faces, some(faces, random, len(faces) // 2), lambda points: points + [1.0, 1.0]))


def _mirrored(faces, indices):
    """Return the set with some images and their labels mirrored, without renaming the points."""
    chosen = {faces.annotations[k].image for k in indices}

    def open_image(face):
        image = faces.open_image(face)
        return np.ascontiguousarray(image[:, ::-1]) if face.image in chosen else image

    changes = {
        k: {"keypoints": Affine.mirror(faces.load(k).image.shape[1])(faces.annotations[k].keypoints)} for k in indices
    }
    mirrored = replace(_replaced(faces, changes), open_image=open_image)
    truth = _moved(mirrored, indices, faces.skeleton.mirrored)
    return Poisoned(mirrored, _names(faces, indices) if len(indices) < len(faces) else frozenset(), truth)


def some_mirrored(faces, random):
    return _mirrored(faces, some(faces, random))


def all_mirrored(faces, _random):
    return _mirrored(faces, range(len(faces)))


def eyes_exchanged(faces, random):
    eyes = [*faces.skeleton.regions["left_eye"], *faces.skeleton.regions["right_eye"]]
    flip = np.array(faces.skeleton.flip)

    def move(points):
        changed = points.copy()
        changed[eyes] = points[flip[eyes]]
        return changed

    chosen = some(faces, random)
    return Poisoned(_moved(faces, chosen, move), _names(faces, chosen))


def _copied(faces, indices, split, compress):
    """Return the set with copies of some faces in files with other names."""
    copies = {}
    for number, k in enumerate(indices):
        face = faces.annotations[k]
        place = face.image.with_name(f"copy{number}.jpg")
        copies[place] = face
        faces = faces.subset([*faces.annotations, replace(face, image=place, split=split, subject=f"copy{number}")])
    before = faces.open_image

    def open_image(face):
        if face.image not in copies:
            return before(face)
        image = before(copies[face.image])
        if not compress:
            return image
        _, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
        return np.ascontiguousarray(cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1])

    copied = replace(faces, open_image=open_image)
    return Poisoned(copied, frozenset(place.name for place in copies), copied)


def leak(faces, random):
    if all(face.split == faces.annotations[0].split for face in faces.annotations):
        faces = faces.subset(
            [replace(face, split="test" if k % 5 else "train") for k, face in enumerate(faces.annotations)]
        )
    (chosen,) = some(faces, random, 1)
    other = "train" if faces.annotations[chosen].split == "test" else "test"
    return _copied(faces, [chosen], other, compress=True)


def duplicates(faces, random, compress):
    return _copied(faces, some(faces, random), faces.annotations[0].split, compress)


def exchanged(faces, random):
    a, b = some(faces, random, 2)
    one, other = faces.annotations[a].keypoints, faces.annotations[b].keypoints
    return Poisoned(_replaced(faces, {a: {"keypoints": other}, b: {"keypoints": one}}), _names(faces, [a, b]))


def some_scaled(faces, random, factor):
    chosen = some(faces, random)
    return Poisoned(_moved(faces, chosen, lambda points: points * factor), _names(faces, chosen))


def all_scaled(faces, _random):
    return Poisoned(_moved(faces, range(len(faces)), lambda points: points * 2))


def one_point_far(faces, random):
    def move(points):
        changed, angle = points.copy(), random.uniform(0, 2 * np.pi)
        changed[random.integers(len(points))] += FAR_PX * np.array([np.cos(angle), np.sin(angle)])
        return changed

    chosen = some(faces, random)
    return Poisoned(_moved(faces, chosen, move), _names(faces, chosen))


def axes_exchanged(faces, random):
    chosen = some(faces, random)
    return Poisoned(_moved(faces, chosen, lambda points: points[:, ::-1]), _names(faces, chosen))


def rounded(faces, random):
    chosen = some(faces, random)
    return Poisoned(_moved(faces, chosen, lambda points: np.floor(points) + 0.5), _names(faces, chosen))


Poison = Callable[[DataSet, np.random.Generator], Poisoned]

POISONS: dict[str, Poison] = {
    "all labels shifted by (1, 1)": partial(all_shifted, shift=(1.0, 1.0)),
    "all labels shifted by (0, 1)": partial(all_shifted, shift=(0.0, 1.0)),
    "half shifted by (1, 1)": half_shifted,
    "3 mirrored, points not renamed": some_mirrored,
    "all mirrored, points not renamed": all_mirrored,
    "eyes exchanged in 3": eyes_exchanged,
    "a photo in both splits, compressed": leak,
    "3 duplicates, compressed": partial(duplicates, compress=True),
    "3 duplicates, same pixels": partial(duplicates, compress=False),
    "points of two files exchanged": exchanged,
    "3 scaled by 2": partial(some_scaled, factor=2.0),
    "3 scaled by 0.5": partial(some_scaled, factor=0.5),
    "all scaled by 2": all_scaled,
    "one point 40 px off in 3": one_point_far,
    "x and y exchanged in 3": axes_exchanged,
    "3 rounded to halves": rounded,
}
"""The mistakes by name; the last one is harmless."""
