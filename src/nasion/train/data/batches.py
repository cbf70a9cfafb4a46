"""From labeled faces to batches: images are decoded once and cached small; crops are cut and varied when needed.

The cached region of a face has about one and a half times the crop's resolution, so that an epoch costs little more
than the network. Each crop's variation is sampled from (seed, epoch, face): the order of crops, the number of devices
and resuming a run change nothing.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasion import images
from nasion.errors import AnnotationError, ImageError
from nasion.geometry import Affine, FloatArray, box_size, image_box, is_present, normalize, scale_box
from nasion.predict.crop import CropConfig, face_box, to_channels
from nasion.progress import SILENT, Reporter, Task
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.skeleton import Skeleton
from nasion.train.config import AugmentConfig, RunConfig
from nasion.train.data.augment import Augmentation, sample_augmentation
from nasion.train.data.weak import WeakAnnotation

__all__ = [
    "Batch",
    "Batches",
    "CachedFace",
    "CropSource",
    "EpochPlan",
    "epoch_plan",
    "plan_batches",
    "read_sources",
    "to_tensor",
]

OVERSAMPLING = 1.5
"""Resolution of the cached region relative to the crop's: the crop's resampling then loses nothing visible."""

REACH = 2.2
"""Side of the cached region relative to the face box: rotated and shifted crops stay inside it."""

LABEL_NOISE = 0.02
"""Error of a manual label, as a share of the size of the face; labels with a larger uncertainty count less."""

AHEAD = 3
"""Number of batches that are prepared while the network is busy."""


class Batch(NamedTuple):
    """B crops with their ground truth.

    Attributes:
        crops: (B, C, H, W) uint8, channels last in memory.
        target: (B, K, 2) float32, normalized; NaN where missing.
        image_px: (B,), image px per crop px.
        length: (B,), what errors are divided by, image px.
        hidden: (B, K) float32, 1 for hidden points, 0 for visible ones; NaN where missing or unknown.
        weight: (B, K) float32, of each label, 0 to 1; below 1 for labels with an uncertainty.
        weak: (B, M, 2) float32, weak labels, normalized; NaN where missing.
        source: (B,) int64, the number of each face's data source, from 0.
        mirrored: (B,) bool, whether a crop shows a mirrored face.
        share: this device's share of the batch times the number of devices; 1 if all devices have equally many faces.
    """

    crops: Tensor
    target: Tensor
    image_px: Tensor
    length: Tensor
    hidden: Tensor
    weight: Tensor
    weak: Tensor
    source: Tensor
    mirrored: Tensor
    share: float


class EpochPlan(NamedTuple):
    """What the crops of one epoch look like.

    Attributes:
        epoch: from 0; it seeds the variation.
        size: (height, width) of the crops, px.
        augment: limits of the variation; None for unvaried crops.
    """

    epoch: int
    size: tuple[int, int]
    augment: AugmentConfig | None = None


def epoch_plan(config: RunConfig, epoch: int) -> EpochPlan:
    """Return what the training crops of an epoch look like: small in the first epochs, less varied in the last."""
    schedule, augment = config.schedule, config.augment
    in_cooldown = epoch >= (1 - augment.cooldown) * schedule.epochs
    return EpochPlan(
        epoch, schedule.crop_size(epoch, config.crop.size), augment.cooled_down() if in_cooldown else augment
    )


@dataclass(frozen=True, eq=False)
class CachedFace:
    """A face as it is cached: a scaled region of its image, and the maps to image px and to the crops.

    Attributes:
        region: (h, w, 3) uint8.
        to_image: from px of the region to image px.
        to_face, to_full_image: from image px to px of the unvaried crop of the face, and of the full image.
        annotation: the face.
    """

    region: Image
    to_image: Affine
    to_face: Affine
    to_full_image: Affine
    annotation: Annotation


def cache_face(image: Image, annotation: Annotation, crop: CropConfig, varied: bool) -> CachedFace:
    """Return the region of the image (H, W, 3) that crops of this face can show, at the resolution they need.

    Args:
        image: uint8 RGB.
        annotation: the face.
        crop: the crops' configuration.
        varied: whether crops are augmented; otherwise the region is the crop itself.
    """
    size = image.shape[:2]
    box = face_box(annotation.points_box() if crop.box == "points" else None, size, crop)
    region, region_size = _region(box, size, crop) if varied or crop.full_image_share else (box, crop.size)
    to_region = Affine.crop(region, region_size)
    return CachedFace(
        images.warp(image, to_region, region_size),
        to_region.inverse(),
        Affine.crop(box, crop.size),
        Affine.crop(face_box(None, size, crop), crop.size),
        annotation,
    )


def _region(box: FloatArray, size: tuple[int, int], crop: CropConfig) -> tuple[FloatArray, tuple[int, int]]:
    """Return the region (4,), image px, that varied crops of a face can show, and its cached (height, width), px."""
    full = image_box(size)
    region = full if crop.full_image_share or crop.box == "image" else _clip(scale_box(box, REACH), full)
    scale = min(1.0, OVERSAMPLING * crop.width / (box[2] - box[0]))
    return region, (max(1, round((region[3] - region[1]) * scale)), max(1, round((region[2] - region[0]) * scale)))


def _clip(box: FloatArray, limits: FloatArray) -> FloatArray:
    return np.concatenate([np.maximum(box[:2], limits[:2]), np.minimum(box[2:], limits[2:])])


class CropSource:
    """The faces of one split, cached.

    Args:
        data: the faces.
        crop: the crops' configuration.
        varied: whether crops are augmented.
        seed: of the variation.
        task: advanced after each face.

    Attributes:
        faces: the cached faces.
        problems: faces that cannot be read.
        lengths: (N,), what errors are divided by, image px.
        plain: the plan of unvaried crops of full size.
        weak: what the weak labels of the faces are means of; None if there are none.

    Raises:
        AnnotationError: no face can be read.
    """

    def __init__(
        self, data: DataSet, crop: CropConfig, varied: bool = False, seed: int = 0, task: Task | None = None
    ) -> None:
        self.crop, self.seed = crop, seed
        self.skeleton: Skeleton = data.skeleton
        self.plain = EpochPlan(0, crop.size)
        self.faces: list[CachedFace] = []
        self.problems: list[Problem] = []
        for index, annotation in enumerate(data.annotations):
            try:
                self.faces.append(cache_face(data.load(index).image, annotation, crop, varied))
            except (ImageError, AnnotationError) as error:
                self.problems.append(Problem(annotation.name, str(error)))
            if task is not None:
                task.advance()
        if not self.faces:
            why = f"; the first: {self.problems[0].reason}" if self.problems else ""
            raise AnnotationError(f"{data.name}: no image can be read{why}")
        lengths = [face.annotation.normalizer_lengths() for face in self.faces]
        self.lengths = np.array([each.get("inter_ocular", each.get("box_size", np.nan)) for each in lengths])
        weak = [face.annotation.points for face in self.faces if isinstance(face.annotation, WeakAnnotation)]
        self.weak = weak[0] if weak else None

    def __len__(self) -> int:
        return len(self.faces)

    def variation(self, index: int, plan: EpochPlan) -> tuple[Augmentation, bool]:
        """Return how face `index` varies in an epoch, and whether its crop shows the full image."""
        if plan.augment is None:
            return Augmentation(), False
        random = np.random.default_rng([self.seed, plan.epoch, index])
        full_image = bool(random.random() < self.crop.full_image_share)
        return sample_augmentation(plan.augment, random), full_image

    def crop_at(self, index: int, plan: EpochPlan) -> tuple[Image, FloatArray, Affine]:
        """Return a crop (H, W, C) uint8, its keypoints (K, 2), crop px, and the map from image px to crop px."""
        face, full_size = self.faces[index], self.crop.size
        variation, full_image = self.variation(index, plan)
        affine = variation.affine(full_size) @ (face.to_full_image if full_image else face.to_face)
        if plan.size != full_size:
            affine = Affine.resize(full_size, plan.size) @ affine
        crop = to_channels(images.warp(face.region, affine @ face.to_image, plan.size), self.crop.channels)
        keypoints = face.annotation.keypoints
        if variation.mirror and plan.augment is not None:
            # In image px, and to the left, because the mirror turns it to the right.
            shift = plan.augment.flip_shift * full_size[1] / face.to_face.scale
            keypoints = self.skeleton.mirrored(keypoints - [shift, 0.0])
        return variation.change_pixels(crop), affine(keypoints), affine

    def weak_at(self, index: int, plan: EpochPlan, affine: Affine) -> FloatArray:
        """Return the weak labels (M, 2) of a crop, crop px; NaN where missing. `affine` maps image px to crop px."""
        face, (variation, _) = self.faces[index].annotation, self.variation(index, plan)
        count = 0 if self.weak is None else len(self.weak)
        if not isinstance(face, WeakAnnotation) or face.points is None:
            return np.full((count, 2), np.nan)
        labels = affine(face.labels)
        return face.points.mirrored(labels) if variation.mirror else labels

    def weights_of(self, index: int, mirror: bool) -> FloatArray:
        """Return the weights (K,), 0 to 1, no unit, of the labels of a face.

        A label with the uncertainty s counts s0^2 / (s0^2 + s^2) as much as a manual one, whose own error is s0.
        """
        face = self.faces[index].annotation
        if face.spread is None:
            return np.ones(len(face.keypoints))
        noise = LABEL_NOISE * box_size(face.points_box())
        weights = 1 / (1 + np.nan_to_num(face.spread / noise) ** 2)
        return self.skeleton.mirrored(weights[:, None])[:, 0] if mirror else weights

    def hidden_at(self, index: int, plan: EpochPlan, keypoints: FloatArray) -> FloatArray:
        """Return which points of a crop are hidden (K,), no unit: 1, or 0; NaN where missing or unknown.

        `keypoints` are the crop's (K, 2), crop px.
        """
        face, (variation, _) = self.faces[index].annotation, self.variation(index, plan)
        if not face.visibility_known:
            return np.full(len(keypoints), np.nan)
        marked = np.where(face.visible, 0.0, 1.0)[:, None]
        marked = self.skeleton.mirrored(marked) if variation.mirror else marked
        hidden = np.maximum(marked[:, 0], variation.covers(keypoints, plan.size))
        return np.where(is_present(keypoints), hidden, np.nan)

    def batch(self, indices: Sequence[int], plan: EpochPlan, share: float = 1.0) -> Batch:
        """Return the crops of the faces `indices` with their ground truth, in this order."""
        crops, keypoints, affines = zip(*(self.crop_at(index, plan) for index in indices), strict=True)
        target = normalize(np.stack(keypoints), plan.size)
        hidden = [self.hidden_at(index, plan, points) for index, points in zip(indices, keypoints, strict=True)]
        mirrored = [self.variation(index, plan)[0].mirror for index in indices]
        weights = [self.weights_of(index, mirror) for index, mirror in zip(indices, mirrored, strict=True)]
        weak = [self.weak_at(index, plan, affine) for index, affine in zip(indices, affines, strict=True)]
        return Batch(
            to_tensor(np.stack(crops)),
            torch.from_numpy(target.astype(np.float32)),
            torch.tensor([1 / affine.scale for affine in affines], dtype=torch.float32),
            torch.from_numpy(self.lengths[list(indices)].astype(np.float32)),
            torch.from_numpy(np.stack(hidden).astype(np.float32)),
            torch.from_numpy(np.stack(weights).astype(np.float32)),
            torch.from_numpy(normalize(np.stack(weak), plan.size).astype(np.float32)),
            torch.tensor([self.faces[index].annotation.source for index in indices]),
            torch.tensor(mirrored),
            share,
        )


def read_sources(
    config: RunConfig, faces: DataSet, reporter: Reporter = SILENT
) -> tuple[CropSource, CropSource | None]:
    """Return the training faces and the validation faces (None if there are none), and report unreadable ones.

    Raises:
        AnnotationError: no training face can be read.
    """
    train = faces.of_split("train")
    rest = [face for face in faces.annotations if face.split == "val"]
    with reporter.task("reading images", len(train) + len(rest)) as task:
        training = CropSource(train, config.crop, config.augment != AugmentConfig(), config.seed, task)
        validation = CropSource(faces.subset(rest), config.crop, False, config.seed, task) if rest else None
    for problem in [*faces.problems, *training.problems, *(validation.problems if validation else [])]:
        reporter.warn(f"skipped {problem.name}: {problem.reason}")
    return training, validation


def to_tensor(crops: NDArray[np.uint8]) -> Tensor:
    """Return crops (B, H, W, C) uint8 as (B, C, H, W) without copying: channels last in memory, as CPUs prefer."""
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2)


def plan_batches(
    count: int, batch: int, epoch: int, seed: int, rank: int = 0, world: int = 1
) -> list[tuple[NDArray[np.intp], float]]:
    """Return the batches of an epoch for device `rank` of `world`: indices (B,), no unit, and their share.

    Each face occurs once per epoch over all devices. Batch sizes differ by one face at most. The faces of a batch are
    distributed over the devices, and the share makes the mean over devices the mean over the batch.

    >>> [len(indices) for indices, _ in plan_batches(10, 4, epoch=0, seed=0)]
    [4, 3, 3]
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    steps = max(1, min(-(-count // batch), count // world))  # every device needs a face in every step
    parts = np.array_split(order, steps)
    return [(indices[rank::world], len(indices[rank::world]) * world / len(indices)) for indices in parts]


class Batches:
    """An iterable over an epoch's batches, which a thread prepares ahead (OpenCV and NumPy release Python's lock)."""

    def __init__(self, source: CropSource, steps: Sequence[tuple[NDArray[np.intp], float]], plan: EpochPlan) -> None:
        self.source, self.steps, self.plan = source, steps, plan

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Batch]:
        ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=AHEAD)
        stopped = threading.Event()
        thread = threading.Thread(target=self._prepare, args=(ready, stopped), daemon=True)
        thread.start()
        try:
            for _ in self.steps:
                prepared = ready.get()
                if isinstance(prepared, BaseException):
                    raise prepared
                yield prepared
        finally:
            stopped.set()
            while thread.is_alive():
                _drain(ready)
                thread.join(0.01)

    def _prepare(self, ready: "queue.Queue[Batch | BaseException]", stopped: threading.Event) -> None:
        try:
            for indices, share in self.steps:
                if stopped.is_set():
                    return
                ready.put(self.source.batch([int(i) for i in indices], self.plan, share))
        except BaseException as error:  # it is raised in the consumer's thread
            ready.put(error)


def _drain(ready: "queue.Queue[Batch | BaseException]") -> None:
    try:
        while True:
            ready.get_nowait()
    except queue.Empty:
        return
