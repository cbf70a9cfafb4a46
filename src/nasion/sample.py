"""The data types that every part of nasion shares: annotations, samples, predictions and data sets.

Conventions: keypoints are (K, 2) float64, (x, y) in px of the upright image, 0-based; (0, 0) is the center of the
top-left pixel. **A missing point is NaN in both coordinates.** A hidden point has coordinates and `visible` False.
Boxes are (x0, y0, x1, y1), edges, in the same frame.
"""

from __future__ import annotations  # help() then shows the names of types as they are written here

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasion.errors import AnnotationError, SkeletonError, printable, suggest
from nasion.geometry import FloatArray, box_around, has_extent, is_present
from nasion.skeleton import Skeleton
from nasion.uncertainty import Measured, ellipses

if TYPE_CHECKING:
    from nasion.measure import Crop, Eyes, Opening, Pose

__all__ = ["HIDDEN_FROM", "Annotation", "DataSet", "Image", "Prediction", "Problem", "Sample"]

Image = NDArray[np.uint8]
"""An image is an array (H, W, 3) uint8, RGB."""

HIDDEN_FROM = 0.9
"""Probability from which a point counts as hidden.

In most training photographs hair hides the ends of the jaw, so a network gives them about 0.8 even on faces with
visible ears.
"""

DRAW, RECORDS = "nasion.draw", "nasion.outputs.records"
"""The package that draws, and the module with the form of files; imported by name, as they depend on this module."""

MEASURE = "nasion.measure"
"""The package that measures faces, imported by name for the same reason."""


@dataclass(frozen=True, eq=False, repr=False)
class Annotation:
    """One labeled face.

    Attributes:
        image: path of the image file; for synthetic faces, a name without a file.
        keypoints: (K, 2) float64, image px; NaN where missing.
        skeleton: the names and regions of the K points.
        visible: (K,) bool; False for hidden points.
        visibility_known: whether the data says which points are hidden. Most formats cannot, so that all their points
            count as visible; data that marks no point at all as hidden does not say it either.
        hidden_probability: (K,) as in `Prediction`, if the labels were predicted; None if the labels have none.
        box: (4,) xyxy, image px; None if the data has no box.
        subject: the person or photograph; all faces of a subject belong to the same split.
        split: "train", "val" or "test"; "" if the data names no split.
        face: number of the face within its image, from 0.
        full_face: the annotation with all points if this one was reduced to a part of them. Boxes and normalizer
            lengths are computed from it.
        score: confidence of the detector, 0 to 1, if the labels were predicted; otherwise None.
        spread: (K,) image px, the predicted uncertainty as in `Prediction`; None if the labels have none.
        ellipses: (K, 3) error ellipses as in `Prediction`, px, px and degrees; None if the labels have none.
        measurements: as in `Prediction`, if predicted labels have them; otherwise None.
        source: number of the dataset among those that are used together, from 0.
    """

    image: Path
    keypoints: FloatArray
    skeleton: Skeleton
    visible: NDArray[np.bool_]
    box: FloatArray | None = None
    subject: str = ""
    split: str = ""
    face: int = 0
    full_face: Annotation | None = None
    score: float | None = None
    spread: FloatArray | None = None
    ellipses: FloatArray | None = None
    visibility_known: bool = False
    hidden_probability: FloatArray | None = None
    measurements: Mapping[str, Measured] | None = None
    source: int = 0

    def __repr__(self) -> str:
        missing = int((~is_present(self.keypoints)).sum())
        parts = [f"{self.name}, {_points_of(self.skeleton)}"]
        parts += [f"{missing} missing"] if missing else []
        parts += [f'split "{self.split}"'] if self.split else []
        return f"<Annotation: {', '.join(parts)}>"

    @property
    def name(self) -> str:
        """The name shown to users: the file name, followed by the face number unless it is 0."""
        name = printable(self.image.name)
        return name if self.face == 0 else f"{name}#{self.face}"

    def points_box(self) -> FloatArray:
        """Return the bounding box (4,) of the points, image px; of all points if this is a part of a face.

        Raises:
            AnnotationError: every point is missing, or the points have no extent in x or y.
        """
        keypoints = (self.full_face or self).keypoints
        if not is_present(keypoints).any():
            raise AnnotationError(f"{self.name}: every point is missing, so the face has no bounding box")
        if not has_extent(keypoints):
            raise AnnotationError(f"{self.name}: its points have no extent in x or y, so the face has no bounding box")
        return box_around(keypoints)

    def normalizer_lengths(self) -> dict[str, float]:
        """Return the lengths by which errors on this face can be divided, by name, image px.

        "inter_ocular" and "inter_pupil" come from the skeleton; "box_size" is the square root of the area of the
        bounding box and "box_diagonal" its diagonal. A length is NaN if one of its points is missing.
        """
        face = self.full_face or self
        skeleton, keypoints = face.skeleton, face.keypoints
        lengths = {name: skeleton.normalizer_length(keypoints, name) for name in skeleton.normalizers}
        if skeleton.count > 1:
            width, height = np.ptp(box_around(keypoints).reshape(2, 2), axis=0)
            lengths |= {"box_size": float(np.sqrt(width * height)), "box_diagonal": float(np.hypot(width, height))}
        return lengths

    def reduced_to(self, skeleton: Skeleton) -> Annotation:
        """Return this face with the points of `skeleton` only.

        Raises:
            SkeletonError: `skeleton` does not map its points to this face's skeleton.
        """
        indices = skeleton.indices_in(self.skeleton)
        if skeleton.names == self.skeleton.names:
            return replace(self, skeleton=skeleton)
        return replace(
            self,
            keypoints=self.keypoints[indices],
            visible=self.visible[indices],
            skeleton=skeleton,
            full_face=self.full_face or self,
            spread=None if self.spread is None else self.spread[indices],
            ellipses=None if self.ellipses is None else self.ellipses[indices],
            hidden_probability=None if self.hidden_probability is None else self.hidden_probability[indices],
        )


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """A decoded image (H, W, 3) uint8 RGB and one labeled face in it."""

    image: Image
    annotation: Annotation

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"<Sample: image of {width} x {height} px, {self.annotation!r}>"


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """One predicted face.

    Attributes:
        keypoints: (K, 2) float64, image px.
        spread: (K,) float64, image px: the predicted standard deviation of each point's error. About 47, 86 and 97 %
            of points should lie within 1, 2 and 3 spreads of the true position (see `nasion.uncertainty`). NaN if
            the model predicts no uncertainty.
        anisotropy: (K, 2) float64, no unit: log axis ratio and direction of each point's error ellipse; (0, 0) is a
            circle.
        box: (4,) xyxy, image px: the face box that was cropped for the network.
        score: 0 to 1, from the detector; 1 for a box passed by the caller.
        skeleton: the names and regions of the K points.
        hidden_probability: (K,) float64, 0 to 1: the probability that something hides the point, such as a hand, hair
            or the face itself. NaN if the model does not predict it.
    """

    keypoints: FloatArray
    spread: FloatArray
    anisotropy: FloatArray
    box: FloatArray
    score: float
    skeleton: Skeleton
    hidden_probability: FloatArray = field(default_factory=lambda: np.array(np.nan))

    def __post_init__(self) -> None:
        known = np.broadcast_to(self.hidden_probability, len(self.keypoints))
        object.__setattr__(self, "hidden_probability", known)

    @property
    def ellipses(self) -> FloatArray:
        """The error ellipse of each point at one spread, (K, 3): semi-major and semi-minor axis, image px; degrees.

        The angle turns the major axis from x towards y, 0 to 180.
        """
        return ellipses(self.spread, self.anisotropy)

    def __getitem__(self, name: str) -> FloatArray:
        """Return the keypoint (2,) of a name, image px.

        Raises:
            SkeletonError: the skeleton has no such point.
        """
        if not isinstance(name, str):
            names = self.skeleton.names
            raise SkeletonError(
                f'a point is chosen by its name, such as face["{names[0]}"], not {name!r}; '
                "face.keypoints has all points, by index"
            )
        if name not in self.skeleton.names:
            raise SkeletonError(f'{self.skeleton.name} has no point "{name}"; {suggest(name, self.skeleton.names)}')
        return self.keypoints[self.skeleton.names.index(name)]

    def __repr__(self) -> str:
        x0, y0, x1, y1 = np.round(self.box).tolist()
        known = self.spread[np.isfinite(self.spread)]
        spread = f", spread {np.median(known):.2g} px" if len(known) else ""
        return (
            f"<Prediction: {len(self.keypoints)} points of {self.skeleton.name}, box ({x0:.0f}, {y0:.0f}, {x1:.0f}, "
            f"{y1:.0f}), score {self.score:.2f}{spread}>"
        )

    def draw(self, image: Image, spread: bool = False) -> Image:
        """Return a copy of the image (H, W, 3) uint8 RGB with the keypoints and, on request, their ellipses, px."""
        return import_module(DRAW).draw_predictions(image, [self], spread)

    def to_dict(self, measure: bool = False) -> dict[str, Any]:
        """Return the face as `keypoints.json` holds it: keypoints and box, image px, rounded; None where unknown.

        The number of the face in its image, which `keypoints.json` also holds, is left out.

        Args:
            measure: whether the measurements are included.
        """
        values = import_module(RECORDS).prediction_values(0, self, measure)
        return {name: value for name, value in values.items() if name != "face"}

    @property
    def visible_keypoints(self) -> FloatArray:
        """The keypoints (K, 2), image px; NaN where missing or hidden, from a probability of `HIDDEN_FROM`."""
        return np.where(self.hidden_probability[:, None] >= HIDDEN_FROM, np.nan, self.keypoints)

    @property
    def measurements(self) -> dict[str, Measured]:
        """Pose, eyes, mouth and symmetry by name, with standard errors, as far as the skeleton allows them.

        The names and units are those of `nasion.outputs.schema.Measurements`.
        """
        return import_module(MEASURE).measurements(self)

    @property
    def pose(self) -> Pose:
        """The pose of the head: yaw, pitch and roll with standard errors, weak perspective.

        Raises:
            SkeletonError: the skeleton has no points in three dimensions.
            MeasurementError: too few points are visible, or they lie on a line or in a plane of the head.
        """
        return import_module(MEASURE).pose(self)

    @property
    def eyes(self) -> Eyes:
        """How far the person's left and right eye are open.

        Raises:
            SkeletonError: the skeleton has no rings of points around the eyes.
        """
        return import_module(MEASURE).eyes(self)

    @property
    def mouth(self) -> Opening:
        """How far the lips are apart.

        Raises:
            SkeletonError: the skeleton has no ring of points on the inner lips.
        """
        return import_module(MEASURE).mouth(self)

    def crop(self, image: Image, template: str = "arcface", size: int | None = None, border: str = "black") -> Crop:
        """Return the aligned crop of this face, and the maps in both directions.

        Args:
            image: (H, W, 3) uint8 RGB.
            template: "arcface", "ffhq", "dlib" or the path of a TOML file.
            size: side of the crop, px; default: the template's.
            border: what is shown beyond the image: "black", "replicate" or "reflect".

        Raises:
            NasionError: one of these is unknown, or points of the template are missing.
        """
        return import_module(MEASURE).crop(self, image, template, size, border)


def _points_of(skeleton: Skeleton) -> str:
    return f"{skeleton.count} point{'s' * (skeleton.count != 1)} of {skeleton.name}"


@dataclass(frozen=True)
class Problem:
    """A face or file that was skipped, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class DataSet:
    """Labeled faces of one skeleton, in a fixed order.

    Attributes:
        name: the specification it was loaded from, such as "imm:DIR".
        skeleton: the skeleton of every annotation.
        annotations: the faces that could be read.
        open_image: returns the image of an annotation, (H, W, 3) uint8 RGB.
        problems: the faces and files that were skipped, with the reason.
        note: one line about how the format was read, for the user; may be empty.
        empty_images: image files that are labeled as having no face.
    """

    name: str
    skeleton: Skeleton
    annotations: Sequence[Annotation]
    open_image: Callable[[Annotation], Image]
    problems: Sequence[Problem] = ()
    note: str = ""
    empty_images: Sequence[Path] = ()

    def __len__(self) -> int:
        return len(self.annotations)

    def __repr__(self) -> str:
        images = len({face.image for face in self.annotations})
        skipped = f", {len(self.problems)} skipped" if self.problems else ""
        return (
            f"<DataSet: {self.name}, {len(self)} face{'s' * (len(self) != 1)} in {images} image{'s' * (images != 1)}, "
            f"{_points_of(self.skeleton)}{skipped}>"
        )

    def load(self, index: int) -> Sample:
        """Return face `index` with its image (H, W, 3) uint8 RGB.

        Raises:
            ImageError: the image cannot be read.
        """
        annotation = self.annotations[index]
        return Sample(self.open_image(annotation), annotation)

    def keypoints(self) -> FloatArray:
        """Return the keypoints of all faces (N, K, 2), image px; NaN where missing."""
        return np.stack([a.keypoints for a in self.annotations])

    def subset(self, annotations: Sequence[Annotation]) -> DataSet:
        """Return a copy of this set with other annotations."""
        return replace(self, annotations=tuple(annotations))

    def of_split(self, split: str) -> DataSet:
        """Return the faces of "train", "val" or "test"; "all" returns every face.

        Raises:
            AnnotationError: the split has no face.
        """
        if split == "all":
            return self
        chosen = [a for a in self.annotations if a.split == split]
        if not chosen:
            others = "".join(f"{each}, " for each in sorted({a.split for a in self.annotations if a.split}))
            raise AnnotationError(f'{self.name} has no faces of the split "{split}"; use --split {others}all')
        return self.subset(chosen)

    def joined(self, other: DataSet) -> DataSet:
        """Return the faces of this set followed by those of another set with the same points.

        Raises:
            SkeletonError: the other set has different points.
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
            empty_images=(*self.empty_images, *other.empty_images),
        )

    def reduced_to(self, skeleton: Skeleton) -> DataSet:
        """Return the set with the points of `skeleton` only.

        Raises:
            SkeletonError: `skeleton` does not map its points to this set's skeleton.
        """
        skeleton.indices_in(self.skeleton)  # an empty set must fail too
        return replace(self, skeleton=skeleton, annotations=tuple(a.reduced_to(skeleton) for a in self.annotations))
