"""What travels down the line: an annotation, a sample, a prediction, and the set that holds the first.

Said once, here: keypoints are (K, 2) float64, (x, y) in px of the image as it is seen upright, 0-based with
(0, 0) the center of the top-left pixel. **A missing point is NaN in both coordinates**; a hidden point has
coordinates and `visible` False. Boxes are xyxy, edges, in the same frame.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasion.errors import AnnotationError, SkeletonError
from nasion.geometry import FloatArray, box_around, is_present
from nasion.skeleton import Skeleton
from nasion.uncertainty import ellipses

__all__ = ["Annotation", "DataSet", "Image", "Prediction", "Problem", "Sample", "largest"]

Image = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """One labeled face.

    Attributes:
        image: where the picture is; for drawn faces, a name that is no file.
        keypoints: (K, 2) float64, image px; NaN where missing.
        skeleton: what the K points are.
        visible: (K,) bool; False for hidden points.
        box: (4,) xyxy, image px, if the data gives one.
        subject: the person or photograph: what must stay on one side of a split.
        split: "train", "val" or "test" if the data says so, else "".
        face: which face of its image this is, from 0.
        whole: the annotation with all points of which this one is a part; its boxes and lengths count.
    """

    image: Path
    keypoints: FloatArray
    skeleton: Skeleton
    visible: NDArray[np.bool_]
    box: FloatArray | None = None
    subject: str = ""
    split: str = ""
    face: int = 0
    whole: "Annotation | None" = None

    @property
    def name(self) -> str:
        """What a person calls this face: its file, and its number where that is not 0."""
        return self.image.name if self.face == 0 else f"{self.image.name}#{self.face}"

    def points_box(self) -> FloatArray:
        """Return the box (4,) around the face's points, of all points if this is a part of a face.

        Raises:
            AnnotationError: the points that are there have no extent.
        """
        box = box_around((self.whole or self).keypoints)
        if (box[2:] <= box[:2]).any():
            raise AnnotationError(f"{self.name}: no box can be put around its points, they have no extent")
        return box

    def lengths(self) -> dict[str, float]:
        """Return the px by which errors on this face can be divided, by name; NaN where it cannot be had.

        "inter_ocular" and "inter_pupil" come from the skeleton; "box_size" is the square root of the area of
        the box around the points, and "box_diagonal" its diagonal.
        """
        whole = self.whole or self
        lengths = {name: whole.skeleton.length(whole.keypoints, name) for name in whole.skeleton.normalizers}
        if whole.skeleton.count > 1:
            width, height = np.ptp(box_around(whole.keypoints).reshape(2, 2), axis=0)
            lengths |= {"box_size": float(np.sqrt(width * height)), "box_diagonal": float(np.hypot(width, height))}
        return lengths

    def reduced_to(self, skeleton: Skeleton) -> "Annotation":
        """Return this face with the points of `skeleton` alone.

        Raises:
            SkeletonError: `skeleton` does not say where its points stand in this one.
        """
        indices = skeleton.indices_in(self.skeleton)
        if skeleton.names == self.skeleton.names:
            return replace(self, skeleton=skeleton)
        return replace(
            self,
            keypoints=self.keypoints[indices],
            visible=self.visible[indices],
            skeleton=skeleton,
            whole=self.whole or self,
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """A decoded picture (H, W, 3) uint8 RGB and one labeled face in it."""

    image: Image
    annotation: Annotation


@dataclass(frozen=True, eq=False)
class Prediction:
    """One found face.

    Attributes:
        keypoints: (K, 2) float64, image px.
        spread: (K,) float64, image px: how far the point may be off, as the network learned it, a standard deviation;
            within 1, 2 and 3 spreads should lie 47, 86 and 97 % of points (see `nasion.uncertainty`); NaN if it
            cannot say.
        anisotropy: (K, 2) how much more so along one direction than across it; 0 is the same in all.
        box: (4,) xyxy, image px: what the network looked at.
        score: 0 to 1, from the detector; 1 for a given box.
        skeleton: what the K points are.
    """

    keypoints: FloatArray
    spread: FloatArray
    anisotropy: FloatArray
    box: FloatArray
    score: float
    skeleton: Skeleton

    @property
    def ellipses(self) -> FloatArray:
        """(K, 3): half the long and the short axis of each point's ellipse at one spread, px, and its turn, degrees."""
        return ellipses(self.spread, self.anisotropy)


def largest(faces: Sequence[Prediction]) -> int:
    """Return the index of the face whose points cover the largest box; `faces` must not be empty."""
    return int(np.argmax([np.prod(np.ptp(face.keypoints[is_present(face.keypoints)], axis=0)) for face in faces]))


@dataclass(frozen=True)
class Problem:
    """A face or file that was skipped, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class DataSet:
    """Labeled faces of one skeleton, in a fixed order.

    Attributes:
        name: how it was named, such as "imm:DIR".
        skeleton: of every annotation.
        annotations: the faces that could be read.
        problems: what was skipped, with the reason; never silently.
        open_image: returns the picture of an annotation, (H, W, 3) uint8 RGB.
        note: what a person should know of this format's reading, in a line.
    """

    name: str
    skeleton: Skeleton
    annotations: Sequence[Annotation]
    open_image: Callable[[Annotation], Image]
    problems: Sequence[Problem] = ()
    note: str = ""

    def __len__(self) -> int:
        return len(self.annotations)

    def load(self, index: int) -> Sample:
        """Return face `index` with its picture.

        Raises:
            ImageError: the picture cannot be read.
        """
        annotation = self.annotations[index]
        return Sample(self.open_image(annotation), annotation)

    def keypoints(self) -> FloatArray:
        """Return the points of all faces (N, K, 2), image px."""
        return np.stack([a.keypoints for a in self.annotations])

    def subset(self, annotations: Sequence[Annotation]) -> "DataSet":
        """Return the same set with other annotations."""
        return replace(self, annotations=tuple(annotations))

    def of_split(self, split: str) -> "DataSet":
        """Return the faces of "train", "val" or "test"; "all" returns every face.

        Raises:
            AnnotationError: there is none.
        """
        if split == "all":
            return self
        chosen = [a for a in self.annotations if a.split == split]
        if not chosen:
            have = sorted({a.split for a in self.annotations if a.split}) or ["none"]
            raise AnnotationError(
                f'{self.name} has no faces of the split "{split}"; splits there: {", ".join(have)}. Use --split all'
            )
        return self.subset(chosen)

    def joined(self, other: "DataSet") -> "DataSet":
        """Return the faces of this set, then those of another with the same points.

        Raises:
            SkeletonError: it has other points.
        """
        if other.skeleton.names != self.skeleton.names:
            raise SkeletonError(
                f"{self.name} has the points of {self.skeleton.name}, {other.name} those of {other.skeleton.name}; "
                "only sets with the same points can be joined"
            )
        openers = {a.image: each.open_image for each in (other, self) for a in each.annotations}
        return replace(
            self,
            name=f"{self.name} + {other.name}",
            annotations=(*self.annotations, *(replace(a, skeleton=self.skeleton) for a in other.annotations)),
            open_image=lambda annotation: openers[annotation.image](annotation),
            problems=(*self.problems, *other.problems),
        )

    def reduced_to(self, skeleton: Skeleton) -> "DataSet":
        """Return the set with the points of `skeleton` alone.

        Raises:
            SkeletonError: `skeleton` does not say where its points stand in this one.
        """
        skeleton.indices_in(self.skeleton)  # better said for the set than for its first face
        return replace(self, skeleton=skeleton, annotations=tuple(a.reduced_to(skeleton) for a in self.annotations))
