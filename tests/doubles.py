"""Test doubles with a known answer: networks, detectors, labeled faces, and an evaluation of five faces."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nasion.detect import Detection
from nasion.predict.backends.confidence import NOMINAL
from nasion.predict.backends.outputs import NetworkOutputs
from nasion.predict.crop import CropConfig
from nasion.sample import Annotation, DataSet, Prediction, Problem
from nasion.skeleton import Skeleton, load_skeleton


class Fixed:
    """A backend that predicts the same crop px for every crop, and records the crops.

    `place` is one point (2,) for all keypoints or (K, 2), crop px. `spreads` (K,), `anisotropy` (2,) and `hidden` may
    be changed.
    """

    def __init__(self, place, skeleton="imm-58", **crop):
        self.name, self.validation_share, self.max_relative_spread = "fixed", 0.0, 0.1
        self.confidence = NOMINAL
        self.skeleton = skeleton if isinstance(skeleton, Skeleton) else load_skeleton(skeleton)
        self.crop = CropConfig(**{"height": 48, "width": 64, **crop})
        self.place, self.seen, self.spreads = np.asarray(place, float), [], np.full(self.skeleton.count, 2.0)
        self.anisotropy, self.hidden = np.zeros(2), np.nan

    def spread_of(self, crops):
        """Return the spread (B, K), crop px."""
        return np.tile(self.spreads, (len(crops), 1))

    def __call__(self, crops):
        self.seen.append(crops)
        points = np.broadcast_to(self.place, (len(crops), self.skeleton.count, 2))
        hidden = np.broadcast_to(self.hidden, points.shape[:2])
        return NetworkOutputs(
            points.copy(), self.spread_of(crops), np.broadcast_to(self.anisotropy, points.shape), hidden
        )


class BrightSpot(Fixed):
    """A backend that finds the centroid of bright pixels; its keypoints lie around it like a small face."""

    offsets = np.random.default_rng(0).uniform(-6, 6, (58, 2))

    def __call__(self, crops):
        self.seen.append(crops)
        weight = np.where(crops[..., 0] > 128, 1.0, 0.0)
        y, x = np.mgrid[: crops.shape[1], : crops.shape[2]]
        total = weight.sum((1, 2))
        center = np.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], -1) / total[:, None]
        ones = np.ones((len(crops), 58))
        return NetworkOutputs(center[:, None] + self.offsets, ones, np.zeros((len(crops), 58, 2)), ones * np.nan)


class FixedDetector:
    """A detector that returns the same boxes for every image, with the scores 0.9, 0.8, ..., and counts its calls."""

    name = "fixed detector"

    def __init__(self, *boxes):
        self.boxes, self.calls = boxes, 0

    def __call__(self, image):
        self.calls += 1
        return [Detection(np.array(box, float), 0.9 - 0.1 * k) for k, box in enumerate(self.boxes)]


class RecordingReporter:
    """A reporter that records lines, warnings, tables, and the titles, totals and steps of tasks.

    `updates` has the values and texts that tasks were set to, `logs` their log lines, and `open` the number of tasks
    that have not ended.
    """

    def __init__(self):
        self.lines, self.warnings, self.tables, self.tasks = [], [], [], []
        self.updates, self.logs, self.open = [], [], 0

    def line(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def table(self, title, header, rows, best=None):
        self.tables.append((title, [*header], [[*row] for row in rows], best))

    @contextmanager
    def task(self, title, total, unit=""):
        record = {"title": title, "total": total, "steps": 0}
        self.tasks.append(record)
        reporter = self

        class Task:
            def advance(self, steps=1):
                record["steps"] += steps

            def update(self, completed, total=None, text=""):
                record["total"] = record["total"] if total is None else total
                reporter.updates.append((completed, text))

            def log(self, text):
                reporter.logs.append(text)

        self.open += 1
        try:
            yield Task()
        finally:
            self.open -= 1


QUAD = Skeleton(
    name="quad",
    title="four points",
    names=("eye_a", "eye_b", "nose", "chin"),
    regions={"eyes": (0, 1), "lower": (2, 3)},
    normalizers={"inter_ocular": ((0,), (1,))},
)
"""Four points, so that scores can be computed manually."""

QUAD_FACE = np.array([[20.0, 20], [40, 20], [30, 30], [30, 50]])
"""Keypoints of a face of `QUAD`, image px: 20 px between the eyes, in a box of 20 x 30 px."""

SIZE = 60, 80
"""(height, width) of the images of `quad_faces`, px."""


def quad_faces(count=5, subjects=("anna", "ben")):
    """Return `count` faces of `QUAD`, face k shifted right by k px; the gray level of its image is 10 + 40 k."""
    faces = tuple(
        Annotation(
            image=Path(f"face{k}.png"),
            keypoints=QUAD_FACE + [k, 0],
            skeleton=QUAD,
            visible=np.ones(4, bool),
            subject=subjects[k % len(subjects)] if subjects else "",
        )
        for k in range(count)
    )

    def open_image(face):
        return np.full((*SIZE, 3), 10 + 40 * int(face.image.stem.removeprefix("face")), np.uint8)

    return DataSet("quad:5", QUAD, faces, open_image)


FACE_ERRORS = np.array([3.0, 1.0, 5.0, 2.0, 4.0])
"""Error of every point of each face in `quad_evaluation`, px; from best to worst the faces are 1, 3, 0, 4, 2."""


def quad_evaluation(faces=None, **changes):
    """Return an evaluation of `quad_faces`: face k is off by (0.6, 0.8) times `FACE_ERRORS[k]` at every point."""
    from nasion.evaluation.evaluation import Evaluation

    faces = faces or quad_faces()
    count = len(faces)
    true = faces.keypoints()
    lengths = [face.normalizer_lengths() for face in faces.annotations]
    fields = {
        "model": "hand",
        "data": "quad:5",
        "split": "all",
        "boxes": "points",
        "faces": tuple(faces.annotations),
        "true_keypoints": true,
        "pred_keypoints": true + np.resize(FACE_ERRORS, count)[:, None, None] * [0.6, 0.8],
        "spread": np.full(true.shape[:2], 2.2),
        "anisotropy": np.zeros(true.shape),
        "hidden_probability": np.full(true.shape[:2], np.nan),
        "crops": np.tile([10.0, 10, 50, 50], (count, 1)),
        "lengths": {name: np.array([each[name] for each in lengths]) for name in lengths[0]},
        "seconds": 0.02,
        "problems": (),
    }
    return Evaluation(**{**fields, **changes})


def prediction(keypoints, skeleton=QUAD, score=0.75, spread=2.0, anisotropy=(0.0, 0.0), box=(10.0, 10, 50, 50)):
    """Return a predicted face with keypoints (K, 2) and box (4,), image px."""
    points = np.asarray(keypoints, float)
    return Prediction(
        keypoints=points,
        spread=np.broadcast_to(np.asarray(spread, float), len(points)).copy(),
        anisotropy=np.broadcast_to(np.asarray(anisotropy, float), points.shape).copy(),
        box=np.asarray(box, float),
        score=score,
        skeleton=skeleton,
    )


def problems(*names):
    """Return a problem for each name."""
    return tuple(Problem(name, f"no <box> for {name}") for name in names)
