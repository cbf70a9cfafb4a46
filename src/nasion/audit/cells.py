"""The measurement: the errors of a system on each face, in its image and in 75 corrupted versions of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasion.audit.conditions import CONDITIONS, conditions_of
from nasion.audit.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from nasion.audit.systems import Found, System
from nasion.audit.views import View, view_of
from nasion.errors import AnnotationError, ConfigError, ImageError
from nasion.evaluation.evaluation import default_normalizer
from nasion.evaluation.metrics import face_errors, point_errors
from nasion.geometry import FloatArray
from nasion.predict.parallel import cores, map_in_order
from nasion.progress import SILENT, Reporter
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.shapes import mean_points
from nasion.uncertainty import mahalanobis

__all__ = ["CELLS", "CLEAN", "MODERATE", "Audit", "Cell", "cell_image", "mean_face", "run_audit"]


class Cell(NamedTuple):
    """A kind of corruption, as an index in `CORRUPTIONS`, and its severity; (-1, 0) without corruption."""

    kind: int
    severity: int

    @property
    def name(self) -> str:
        """The kind and the severity in words."""
        return f"{CORRUPTIONS[self.kind].name}, severity {self.severity}" if self.severity else "clean"


CLEAN = 0
"""Index of the images without corruption in `CELLS`."""

CELLS = (Cell(-1, 0), *(Cell(kind, severity) for kind in range(len(CORRUPTIONS)) for severity in SEVERITIES))
"""The images without corruption, then all corruptions by kind and severity."""

MODERATE = tuple(k for k, cell in enumerate(CELLS) if 1 <= cell.severity <= 3)
"""Indices of all cells of severities 1 to 3."""

MULTIPLES = (1, 2, 3)
"""Multiples of the spread within which points are counted."""

BATCH = 16
"""Number of corrupted images of a face that are in memory at a time."""


@dataclass(frozen=True, eq=False)
class Audit:
    """The measurements of a system on N faces in C cells.

    Attributes:
        system, data, split: names of the system, the data set and the split.
        normalizer: name of the length by which errors are divided.
        faces: the N faces.
        nme: (C, N), fractions; NaN if a face's normalizer is unknown.
        within: (C, N, 3), numbers of points within 1, 2 and 3 spreads.
        known: (C, N), numbers of points whose spread is known.
        rejected: (C, N), whether the system rejects the face as a false detection.
        missing: (C, N), whether the system returned no face; the mean face in the box is measured instead.
        conditions: values (N,) by the names of `CONDITIONS`.
        problems: faces that could not be measured.
    """

    system: str
    data: str
    split: str
    normalizer: str
    faces: tuple[Annotation, ...]
    nme: FloatArray
    within: NDArray[np.int32]
    known: NDArray[np.int32]
    rejected: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    conditions: dict[str, FloatArray]
    problems: tuple[Problem, ...] = ()

    @property
    def subjects(self) -> list[str]:
        """The people or photographs of the faces, which a bootstrap resamples."""
        return [face.subject or face.name for face in self.faces]


def run_audit(
    system: System,
    faces: DataSet,
    split: str = "all",
    normalizer: str | None = None,
    mean_in_box: FloatArray | None = None,
    threads: int | None = None,
    reporter: Reporter = SILENT,
) -> Audit:
    """Return the measurements of a system on the images of labeled faces and on corrupted versions of them.

    Args:
        system: the audited system; it is called from several threads.
        faces: labeled with its points, or with a skeleton that contains them.
        split: the name of the faces' split, for the report.
        normalizer: name of the length by which errors are divided; default: a distance between the eyes, or "box_size".
        mean_in_box: (K, 2), no unit, from `mean_face`, measured in place of faces that the system does not return;
            default: the mean of these faces.
        threads: number of faces at a time; default: one per core.
        reporter: shows the progress.

    Raises:
        SkeletonError: the faces lack the system's points.
        ConfigError: there is no such normalizer.
        AnnotationError: no face can be measured.
    """
    faces = system.labeled(faces)
    if not len(faces):
        raise AnnotationError(f"{faces.name}: no labeled face")
    normalizer = _normalizer(faces, normalizer)
    usual = mean_face(system, faces) if mean_in_box is None else mean_in_box
    measured: list[tuple[Annotation, _Row]] = []
    problems = list(faces.problems)

    def measure(index: int) -> "_Row | Problem":
        face = faces.annotations[index]
        try:
            view = view_of(faces.load(index).image, face, system.box(face))
            return _row(system, face, view, face.normalizer_lengths()[normalizer] * view.scale, usual)
        except (ImageError, AnnotationError) as error:
            return Problem(face.name, str(error))

    with reporter.task("measuring", len(faces)) as task:
        rows = map_in_order(measure, range(len(faces)), cores() if threads is None else threads)
        for face, row in zip(faces.annotations, rows, strict=True):
            problems.append(row) if isinstance(row, Problem) else measured.append((face, row))
            task.advance()
    if not measured:
        raise AnnotationError(f"{faces.name}: no face can be measured; the first: {problems[0].reason}")
    return _collected(measured, system.name, faces.name, split, normalizer, problems)


def _normalizer(faces: DataSet, wanted: str | None) -> str:
    known = faces.annotations[0].normalizer_lengths()
    if wanted is not None and wanted not in known:
        raise ConfigError(f'no normalizer "{wanted}"; these faces have {", ".join(known)}')
    return wanted or default_normalizer(known)


def mean_face(system: System, faces: DataSet) -> FloatArray:
    """Return the mean face (K, 2), no unit, relative to the system's boxes, whose corners are (0, 0) and (1, 1).

    Raises:
        AnnotationError: no face has a box.
    """
    shapes: list[FloatArray] = []
    for face in faces.annotations:
        try:
            box = system.box(face)
        except AnnotationError:
            continue
        shapes.append((face.keypoints - box[:2]) / (box[2:] - box[:2]))
    if not shapes:
        raise AnnotationError(f"{faces.name}: no face has a bounding box")
    mean = mean_points(shapes)
    return np.where(np.isfinite(mean), mean, 0.5)


def cell_image(view: View, cell: Cell) -> Image:
    """Return the image (H, W, 3) uint8 RGB of a view in a cell."""
    return corrupt(view.image, cell.kind, cell.severity, view.box, view.key) if cell.severity else view.image


class _Row(NamedTuple):
    """The measurements of one face in all cells, as in `Audit`."""

    nme: FloatArray
    within: NDArray[np.int32]
    known: NDArray[np.int32]
    rejected: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    conditions: dict[str, float]


def _row(system: System, face: Annotation, view: View, length: float, usual: FloatArray) -> _Row:
    """Return the measurements of one face in all cells; `length` is the normalizer, view px."""
    found: list[Found | None] = []
    for start in range(0, len(CELLS), BATCH):
        found += system.find([cell_image(view, cell) for cell in CELLS[start : start + BATCH]], view.box)
    substitute = usual * (view.box[2:] - view.box[:2]) + view.box[:2]
    unknown = np.full(len(usual), np.nan)
    filled = [each or Found(substitute, unknown, np.zeros_like(usual)) for each in found]
    offsets = np.stack([each.keypoints for each in filled]) - view.keypoints
    distances = mahalanobis(
        offsets, np.stack([each.spread for each in filled]), np.stack([each.anisotropy for each in filled])
    )
    errors = point_errors(offsets, np.zeros(2))
    return _Row(
        face_errors(errors, np.full(len(errors), length)),
        np.stack([(distances <= multiple).sum(1) for multiple in MULTIPLES], -1).astype(np.int32),
        np.isfinite(distances).sum(1).astype(np.int32),
        np.array([each.is_rejected for each in filled]),
        np.array([each is None for each in found]),
        conditions_of(face, view, filled[CLEAN].complete),
    )


def _collected(
    measured: Sequence[tuple[Annotation, _Row]],
    system: str,
    data: str,
    split: str,
    normalizer: str,
    problems: Sequence[Problem],
) -> Audit:
    rows = [row for _, row in measured]
    return Audit(
        system,
        data,
        split,
        normalizer,
        tuple(face for face, _ in measured),
        nme=np.stack([row.nme for row in rows], 1),
        within=np.stack([row.within for row in rows], 1),
        known=np.stack([row.known for row in rows], 1),
        rejected=np.stack([row.rejected for row in rows], 1),
        missing=np.stack([row.missing for row in rows], 1),
        conditions={name: np.array([row.conditions[name] for row in rows]) for name in CONDITIONS},
        problems=tuple(problems),
    )
