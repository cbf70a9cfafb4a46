"""The initial and the trained model on the faces that a training holds out.

Both are measured in the background: the initial model when the training starts, before labels change, and the trained
one when it has ended. The result is kept in the run folder.
"""

from collections.abc import Callable
from pathlib import Path
from threading import RLock, Thread

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from nasion import datasets
from nasion.atomic import write_text
from nasion.datasets.splits import with_validation
from nasion.documents import read_text
from nasion.errors import AnnotationError, ConfigError, ImageError, NasionError
from nasion.evaluation import metrics
from nasion.evaluation.baseline import mean_face_errors
from nasion.geometry import FloatArray
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet

__all__ = ["HELD_OUT_SHARE", "Comparison", "FaceErrors", "Measurement"]

HELD_OUT_SHARE = 0.1
"""Share of the people or photographs that a training holds out."""

FILE = "comparison.json"

MAX_FACES = 100
"""Largest number of held-out faces that are measured; more take time that the training needs."""

MAX_BYTES = 50_000_000

Points = list[tuple[float, float] | None]
"""Keypoints in a file, image px; null where missing."""


class FaceErrors(BaseModel):
    """A held-out face: its labels, and what the models find."""

    model_config = ConfigDict(frozen=True)

    image: str
    """Path of the image file."""
    face: int
    """Number of the face in the image."""
    name: str
    group: str
    """The person or photograph."""
    labels: Points
    """Image px; null where missing."""
    before: Points | None
    """Of the initial model, image px; null if it has other points."""
    before_px: float
    """Mean error of the initial model, image px; without one, of the mean face."""
    after: Points | None = None
    """Of the trained model, image px."""
    after_px: float | None = None


class Measurement(BaseModel):
    """The errors on the held-out faces."""

    model_config = ConfigDict(frozen=True)

    model: str
    """Name of the initial model; empty if it has other points, so that the mean face is measured instead."""
    accepted: int
    """Number of the faces whose labels were accepted as a model placed them."""
    faces: list[FaceErrors]

    @property
    def before_px(self) -> float:
        """The initial error, image px."""
        return metrics.mean([face.before_px for face in self.faces])

    @property
    def after_px(self) -> float | None:
        """The error of the trained model, image px; None until it is measured."""
        found = [face.after_px for face in self.faces if face.after_px is not None]
        return metrics.mean(found) if found else None

    def change_px(self) -> tuple[float, float]:
        """Return the 95 % interval of the change of the error, image px; NaN if it is unknown."""
        changes = [np.nan if face.after_px is None else face.after_px - face.before_px for face in self.faces]
        return metrics.bootstrap(changes, [face.group for face in self.faces], metrics.mean)

    def samples(self, count: int = 3) -> list[FaceErrors]:
        """Return faces that are evenly spread from the largest initial error to the smallest."""
        order = sorted(self.faces, key=lambda face: -face.before_px)
        places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
        return [order[place] for place in places]


class Comparison:
    """Measures one run at a time in the background.

    Attributes:
        error: why the last measurement failed, in one line, or an empty string.
    """

    def __init__(self) -> None:
        self.error = ""
        self._run: Path | None = None
        self._found: Measurement | None = None
        self._thread: Thread | None = None
        self._lock = RLock()

    @property
    def is_busy(self) -> bool:
        """Whether a measurement is running."""
        return self._thread is not None and self._thread.is_alive()

    def of(self, run: Path | None) -> Measurement | None:
        """Return what is known about a run so far, also from an earlier server."""
        with self._lock:
            if run != self._run and not self.is_busy:
                self._run, self._found = run, None if run is None else _stored(run / FILE)
                self.error = ""
            return self._found if run == self._run else None

    def begin(
        self, run: Path, source: str, model: str, load: Callable[[], Predictor], accepted: frozenset[str]
    ) -> None:
        """Measure the initial model.

        Args:
            run: folder of the run.
            source: the data set's name.
            model: name of the initial model.
            load: returns it.
            accepted: the images whose labels were accepted as a model placed them.
        """

        def measure() -> Measurement:
            faces = with_validation(datasets.load(source), HELD_OUT_SHARE)
            return _measure_before(faces, model, load(), accepted)

        with self._lock:
            self._run, self._found = run, None
            self._start(measure)

    def finish(self, run: Path, source: str, load: Callable[[], Predictor]) -> None:
        """Measure the trained model, unless it is measured or the initial one is not."""
        with self._lock:
            found = self.of(run)
            if found is None or found.after_px is not None or self.is_busy or self.error:
                return
            self._start(lambda: _measure_after(found, datasets.load(source), load()))

    def forget(self, run: Path) -> None:
        """Forget the error of a trained model whose training continues."""
        with self._lock:
            found = self.of(run)
            if found is not None:
                faces = [face.model_copy(update={"after": None, "after_px": None}) for face in found.faces]
                self._found = found.model_copy(update={"faces": faces})

    def wait(self) -> None:
        """Wait for the measurement that is running, if any."""
        if self._thread is not None:
            self._thread.join()

    def _start(self, measure: Callable[[], Measurement]) -> None:
        self.error = ""
        self._thread = Thread(target=self._work, args=(self._run, measure), daemon=True)
        self._thread.start()

    def _work(self, run: Path, measure: Callable[[], Measurement]) -> None:
        error = ""
        try:
            found = measure()
            run.mkdir(exist_ok=True)  # without parents: a deleted folder must not come back
            write_text(run / FILE, found.model_dump_json())
        except (NasionError, OSError) as problem:
            found, error = None, " ".join(str(problem).split())
        with self._lock:
            if run == self._run:
                self._found, self.error = found or self._found, error


def _stored(path: Path) -> Measurement | None:
    try:
        return Measurement.model_validate_json(read_text(path, "the comparison", ConfigError, MAX_BYTES))
    except (ConfigError, ValidationError):  # not written yet, or damaged
        return None


def _measure_before(faces: DataSet, model: str, predictor: Predictor, accepted: frozenset[str]) -> Measurement:
    """Return the errors of the initial model on the held-out faces, or those of the mean training face."""
    held_out = faces.of_split("val")
    count = len(held_out.annotations)
    chosen = [held_out.annotations[k] for k in np.linspace(0, count - 1, min(count, MAX_FACES)).round().astype(int)]
    is_fit = predictor.skeleton.names == faces.skeleton.names
    train = faces.of_split("train").annotations
    baseline = [np.nan] * len(chosen) if is_fit else mean_face_errors(train, chosen, in_boxes=True)
    found: list[FaceErrors] = []
    for face, mean_px in zip(chosen, baseline, strict=True):
        points = _predict(faces, face, predictor) if is_fit else None
        error = float(mean_px) if points is None else metrics.mean(metrics.point_errors(points, face.keypoints))
        if np.isfinite(error):
            labels, before = _as_points(face.keypoints), None if points is None else _as_points(points)
            group = face.subject or face.name
            one = FaceErrors(
                image=str(face.image),
                face=face.face,
                name=face.name,
                group=group,
                labels=labels,
                before=before,
                before_px=error,
            )
            found.append(one)
    count = sum(each.image in accepted for each in found)
    return Measurement(model=model if is_fit else "", accepted=count, faces=found)


def _measure_after(before: Measurement, faces: DataSet, predictor: Predictor) -> Measurement:
    """Return a measurement with the errors of the trained model; the labels are those of the start."""
    known = {(str(face.image), face.face): face for face in faces.annotations}
    measured: list[FaceErrors] = []
    for each in before.faces:
        face = known.get((each.image, each.face))
        points = None if face is None else _predict(faces, face, predictor)
        if points is not None:
            error = metrics.mean(metrics.point_errors(points, _as_array(each.labels)))
            measured.append(each.model_copy(update={"after": _as_points(points), "after_px": error}))
    return before.model_copy(update={"faces": measured})


def _predict(faces: DataSet, face: Annotation, predictor: Predictor) -> FloatArray | None:
    """Return the keypoints (K, 2), image px, of one pass, as in the validation of a training; None if unreadable."""
    try:
        box = None if predictor.backend.crop.box == "image" else face.points_box()
        return predictor.predict_boxes([faces.open_image(face)], [box], passes=1)[0].keypoints
    except (ImageError, AnnotationError):
        return None


def _as_points(keypoints: FloatArray) -> Points:
    return [(float(x), float(y)) if np.isfinite([x, y]).all() else None for x, y in np.round(keypoints, 3)]


def _as_array(points: Points) -> FloatArray:
    return np.array([(np.nan, np.nan) if point is None else point for point in points], np.float64).reshape(-1, 2)
