"""From labeled faces to batches: pictures decoded once and kept small, crops cut and varied as they are needed.

What a face is cut from is kept in memory at about one and a half times the crop's resolution, so that an
epoch costs what the network costs. Each crop's variation is drawn from (seed, epoch, face): the order in
which crops are made, the number of devices and a resumed run change nothing.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasion import images
from nasion.errors import AnnotationError, ImageError
from nasion.geometry import Affine, FloatArray, image_box, normalize, scale_box
from nasion.predict.crop import CropConfig, face_box, to_channels
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.skeleton import Skeleton
from nasion.train.config import AugmentConfig, ScheduleConfig
from nasion.train.data.augment import Augmentation, sample_augmentation

__all__ = ["Batch", "Batches", "CachedFace", "CropSource", "plan", "to_tensor"]

OVERSAMPLING = 1.5
"""Resolution of what is kept against the crop's: a crop's own resampling then loses nothing that shows."""

REACH = 2.2
"""Side of the kept region against the face box: turned and shifted crops stay inside it."""

AHEAD = 3
"""Batches that are made while the network is busy."""


class Batch(NamedTuple):
    """B crops and what is true of them.

    Attributes:
        crops: (B, C, H, W) uint8, channels last in memory.
        target: (B, K, 2) float32, normalized; NaN where missing.
        image_px: (B,), image px a crop px.
        length: (B,), what errors are divided by, image px.
        share: this device's part of the batch's faces, times the number of devices: 1 but for the odd face.
    """

    crops: Tensor
    target: Tensor
    image_px: Tensor
    length: Tensor
    share: float


@dataclass(frozen=True, eq=False)
class CachedFace:
    """A face as it is kept: its part of the picture, scaled, the map from there to image px, and what crops show.

    Attributes:
        region: (h, w, 3) uint8.
        to_image: from px of the region to image px.
        to_face, to_whole: from image px to the plain crop of the face, and of the whole picture.
        annotation: the face.
    """

    region: Image
    to_image: Affine
    to_face: Affine
    to_whole: Affine
    annotation: Annotation


def cache_face(image: Image, annotation: Annotation, crop: CropConfig, varied: bool) -> CachedFace:
    """Return the part of the picture that crops of this face can show, no larger than they need it."""
    size = image.shape[:2]
    box = face_box(_points_box(annotation, crop), size, crop)
    if not varied and crop.full_image_share == 0:
        region, oversampling = box, 1.0  # the crop itself: nothing is left to do in an epoch
        out = crop.size
    else:
        whole = image_box(size)
        region = whole if crop.full_image_share or crop.box == "picture" else _within(scale_box(box, REACH), whole)
        oversampling = min(1.0, OVERSAMPLING * crop.width / (box[2] - box[0]))
        out = (
            max(1, round((region[3] - region[1]) * oversampling)),
            max(1, round((region[2] - region[0]) * oversampling)),
        )
    to_region = Affine.crop(region, out)
    whole = face_box(None, size, crop)
    return CachedFace(
        images.warp(image, to_region, out),
        to_region.inverse(),
        Affine.crop(box, crop.size),
        Affine.crop(whole, crop.size),
        annotation,
    )


def _points_box(annotation: Annotation, crop: CropConfig) -> FloatArray | None:
    return annotation.points_box() if crop.box == "points" else None


def _within(box: FloatArray, limits: FloatArray) -> FloatArray:
    return np.concatenate([np.maximum(box[:2], limits[:2]), np.minimum(box[2:], limits[2:])])


class CropSource:
    """The faces of one split, kept small; `faces` that cannot be read are in `problems`.

    Attributes:
        schedule: of the training, which says in what epochs crops are small and faces vary less; None is never.

    Raises:
        AnnotationError: no face can be read.
    """

    def __init__(
        self,
        data: DataSet,
        crop: CropConfig,
        augment: AugmentConfig | None,
        seed: int = 0,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self.crop, self.augment, self.seed = crop, augment, seed
        self.schedule: ScheduleConfig | None = None
        self.skeleton: Skeleton = data.skeleton
        self.faces: list[CachedFace] = []
        self.problems: list[Problem] = []
        varied = augment is not None and augment != AugmentConfig()  # pyright: ignore[reportCallIssue]
        for index, annotation in enumerate(data.annotations):
            try:
                self.faces.append(cache_face(data.load(index).image, annotation, crop, varied))
            except (ImageError, AnnotationError) as error:
                self.problems.append(Problem(annotation.name, str(error)))
            tick()
        if not self.faces:
            why = f"; the first: {self.problems[0].reason}" if self.problems else ""
            raise AnnotationError(f"{data.name}: no picture can be read{why}")
        lengths = [face.annotation.lengths() for face in self.faces]
        self.lengths = np.array([each.get("inter_ocular", each.get("box_size", np.nan)) for each in lengths])

    def __len__(self) -> int:
        return len(self.faces)

    def variation(self, index: int, epoch: int) -> tuple[Augmentation, bool]:
        """Return how face `index` varies in `epoch`, and whether its crop shows the whole picture."""
        if self.augment is None:
            return Augmentation(), False
        random = np.random.default_rng([self.seed, epoch, index])
        whole = bool(random.random() < self.crop.full_image_share)
        cooldown = self.schedule is not None and epoch >= (1 - self.augment.cooldown) * self.schedule.epochs
        return sample_augmentation(self.augment.cooled_down() if cooldown else self.augment, random), whole

    def size(self, epoch: int) -> tuple[int, int]:
        """Return the (height, width) of the crops of `epoch`."""
        return self.crop.size if self.schedule is None else self.schedule.crop_size(epoch, self.crop.size)

    def crop_at(self, index: int, epoch: int = 0) -> tuple[Image, FloatArray, Affine]:
        """Return a crop (H, W, C), its points (K, 2), crop px, and the map from image px to it."""
        face, full, size = self.faces[index], self.crop.size, self.size(epoch)
        variation, whole = self.variation(index, epoch)
        affine = variation.affine(full) @ (face.to_whole if whole else face.to_face)
        if size != full:
            affine = Affine.resize(full, size) @ affine
        crop = to_channels(images.warp(face.region, affine @ face.to_image, size), self.crop.channels)
        keypoints = face.annotation.keypoints
        if variation.mirror and self.augment is not None:
            shift = self.augment.flip_shift * full[1] / face.to_face.scale  # image px; leftwards, until it is mirrored
            keypoints = self.skeleton.mirrored(keypoints - [shift, 0.0])
        keypoints = affine(keypoints)
        return variation.colors(crop), keypoints, affine

    def batch(self, indices: Sequence[int], epoch: int = 0, share: float = 1.0) -> Batch:
        """Return the crops of the faces `indices`."""
        cuts = [self.crop_at(index, epoch) for index in indices]
        target = np.stack([normalize(keypoints, self.size(epoch)) for _, keypoints, _ in cuts])
        return Batch(
            to_tensor(np.stack([crop for crop, _, _ in cuts])),
            torch.from_numpy(target.astype(np.float32)),
            torch.tensor([1 / affine.scale for _, _, affine in cuts], dtype=torch.float32),
            torch.from_numpy(self.lengths[list(indices)].astype(np.float32)),
            share,
        )


def to_tensor(crops: NDArray[np.uint8]) -> Tensor:
    """Return (B, H, W, C) as (B, C, H, W) without moving it: channels last in memory, as CPUs like it."""
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)


def plan(
    count: int, batch: int, epoch: int, seed: int, rank: int = 0, world: int = 1, shuffle: bool = True
) -> list[tuple[NDArray[np.intp], float]]:
    """Return the batches of an epoch for device `rank` of `world`: indices, and their share of the whole batch.

    Every face comes once an epoch over all devices. Batches differ by a face at most, so that no step rests on
    three faces; a batch's faces are dealt to the devices, and the share makes the devices' mean the batch's.

    >>> [len(indices) for indices, _ in plan(10, 4, epoch=0, seed=0)]
    [4, 3, 3]
    """
    order = np.random.default_rng([seed, epoch]).permutation(count) if shuffle else np.arange(count)
    steps = max(1, min(-(-count // batch), count // world))  # no device is left without a face
    whole = np.array_split(order, steps)
    return [(indices[rank::world], len(indices[rank::world]) * world / len(indices)) for indices in whole]


class Batches:
    """An iterable over an epoch's batches, made ahead in a thread (OpenCV and NumPy leave Python's lock)."""

    def __init__(self, crops: CropSource, steps: Sequence[tuple[NDArray[np.intp], float]], epoch: int) -> None:
        self.crops, self.steps, self.epoch = crops, steps, epoch

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Batch]:
        ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=AHEAD)
        gone = threading.Event()
        thread = threading.Thread(target=self._make, args=(ready, gone), daemon=True)
        thread.start()
        try:
            for _ in self.steps:
                made = ready.get()
                if isinstance(made, BaseException):
                    raise made
                yield made
        finally:
            gone.set()
            while thread.is_alive():
                _drain(ready)
                thread.join(0.01)

    def _make(self, ready: "queue.Queue[Batch | BaseException]", gone: threading.Event) -> None:
        try:
            for indices, share in self.steps:
                if gone.is_set():
                    return
                ready.put(self.crops.batch([int(i) for i in indices], self.epoch, share))
        except BaseException as error:  # it belongs to the thread that waits
            ready.put(error)


def _drain(ready: "queue.Queue[Batch | BaseException]") -> None:
    try:
        while True:
            ready.get_nowait()
    except queue.Empty:
        return
