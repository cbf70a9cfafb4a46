"""From a picture to its points: crop, network, points back, and once more from the points just found.

The network behind a `Predictor` is a `Backend`: a run folder's torch module, or anything else that maps crops
to points. Everything else on the way is shared with training.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasion import images
from nasion.crop import CropConfig, face_box, to_channels
from nasion.errors import ConfigError, ModelError
from nasion.geometry import Affine, FloatArray, box_around
from nasion.sample import Image, Prediction
from nasion.skeleton import Skeleton

__all__ = ["Backend", "Predictor", "load_backend"]

BATCH = 64
"""Crops that go through the network together."""


class Backend(Protocol):
    """A network as prediction sees it.

    Attributes:
        name: what a person calls the model.
        skeleton: the points that it finds.
        crop: what it wants to see of a picture.
    """

    name: str
    skeleton: Skeleton
    crop: CropConfig

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
        """Return points (B, K, 2) and spreads (B, K), crop px, of crops (B, H, W, C)."""
        ...


def load_backend(model: str | Path) -> Backend:
    """Return the network of a run folder.

    Raises:
        ModelError: there is no such model, it is damaged, or torch is not installed.
    """
    path = Path(model)
    if not path.is_dir():
        raise ModelError(f'no model "{model}"; name a run folder, such as one that `nasion train` wrote')
    try:  # found by name: prediction stands below training and must not need torch
        backend = import_module("nasion.train.backend")
    except ImportError as error:
        raise ModelError(f"{model}: a run folder needs torch ({error}); pip install 'nasion[train]'") from None
    return backend.TorchBackend(path)


class Predictor:
    """Finds keypoints with one model.

    Args:
        model: a run folder, or a `Backend`.

    >>> predictor = Predictor("RUN")                                # doctest: +SKIP
    >>> face, = predictor(nasion.images.read("me.jpg"))             # doctest: +SKIP
    >>> face.keypoints.shape                                        # doctest: +SKIP
    (58, 2)
    """

    def __init__(self, model: str | Path | Backend) -> None:
        self.backend: Backend = load_backend(model) if isinstance(model, (str, Path)) else model

    @property
    def skeleton(self) -> Skeleton:
        """The points that are found."""
        return self.backend.skeleton

    def __call__(self, image: Image, boxes: Sequence[ArrayLike] | None = None) -> list[Prediction]:
        """Return one prediction a box, in their order; without boxes, one for the whole picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (4,) xyxy each, image px, around a face's points.

        Raises:
            ConfigError: a box is empty or not finite.
        """
        wanted = [None] if boxes is None else boxes
        return self.predict([image] * len(wanted), wanted)

    def predict(self, pictures: Sequence[Image], boxes: Sequence[ArrayLike | None]) -> list[Prediction]:
        """Return one prediction for each pair of a picture and a box (None: the whole picture)."""
        starts = [None if box is None else check_box(box) for box in boxes]
        found = self._pass(
            pictures, [face_box(s, p.shape[:2], self.backend.crop) for p, s in zip(pictures, starts, strict=True)]
        )
        for _ in range(self.backend.crop.refine):
            found = self._pass(pictures, [self._again(f, p) for f, p in zip(found, pictures, strict=True)])
        return found

    def _again(self, found: Prediction, picture: Image) -> FloatArray:
        around = box_around(found.keypoints)
        if (around[2:] <= around[:2]).any():  # a network that has learnt nothing may put all points on one place
            return found.box
        return face_box(around, picture.shape[:2], self.backend.crop)

    def _pass(self, pictures: Sequence[Image], boxes: Sequence[FloatArray]) -> list[Prediction]:
        found: list[Prediction] = []
        for start in range(0, len(pictures), BATCH):
            part = slice(start, start + BATCH)
            found += self._crops(pictures[part], boxes[part])
        return found

    def _crops(self, pictures: Sequence[Image], boxes: Sequence[FloatArray]) -> list[Prediction]:
        crop = self.backend.crop
        maps = [Affine.crop(box, crop.size) for box in boxes]
        crops = [to_channels(images.warp(p, m, crop.size), crop.channels) for p, m in zip(pictures, maps, strict=True)]
        keypoints, spread = self.backend(np.stack(crops))
        return [
            Prediction(m.inverse()(k), s / m.scale, box, 1.0, self.skeleton)
            for m, k, s, box in zip(maps, keypoints, spread, boxes, strict=True)
        ]


def check_box(box: ArrayLike) -> FloatArray:
    """Return the box as an array (4,).

    Raises:
        ConfigError: it has no area, or is not four finite numbers.
    """
    array = np.asarray(box, np.float64)
    if array.shape != (4,) or not np.isfinite(array).all() or (array[2:] <= array[:2]).any():
        raise ConfigError(f"a box is x0,y0,x1,y1 in px with x0 < x1 and y0 < y1, not {np.asarray(box).tolist()}")
    return array
