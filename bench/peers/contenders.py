"""The compared predictors of 68 points in a given box: nasion's networks, dlib's trees, MediaPipe's mesh.

A contender takes an image (H, W, 3) uint8 RGB and a box (4,) around the face's points, image px, and returns points
(68, 2), image px, or None if it finds no face.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import dlib
import face_recognition_models
import mediapipe
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from nasion.geometry import Affine, FloatArray, box_around, scale_box, similarity_between
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import is_run, resolve
from nasion.predict.predictor import Predictor, load_backend
from nasion.sample import DataSet, Image

Points = FloatArray | None


@dataclass
class Contender:
    """A predictor of 68 points.

    Attributes:
        name: its name in tables.
        find: maps an image and a box to points.
        file_mb: size of its model files, MB.
        packages: the packages that it needs.
        note: a remark for readers.
    """

    name: str
    find: Callable[[Image, FloatArray], Points]
    file_mb: float
    packages: tuple[str, ...]
    note: str = ""


def of_nasion(model: str, name: str | None = None, note: str = "", refine: int | None = None) -> Contender:
    """Return a packaged model, an .onnx file or a run folder, on one thread; `refine` overrides its extra passes."""
    if is_run(model):
        backend, size = load_backend(model), (Path(model) / "checkpoints" / "best.pt").stat().st_size
        packages = ("nasion", "torch")
    else:
        backend, size = OnnxBackend(resolve(model), threads=1), resolve(model).stat().st_size
        packages = ("nasion",)
    if refine is not None:
        backend.crop = backend.crop.model_copy(update={"refine": refine})
    predictor = Predictor(backend)

    def find(image: Image, box: FloatArray) -> Points:
        return predictor.predict_boxes([image], [box])[0].keypoints

    return Contender(name or model, find, size / 1e6, packages, note)


DLIB_PACKAGES = ("dlib-bin",)


def _rectangle(box: FloatArray) -> dlib.rectangle:
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    return dlib.rectangle(x0, y0, x1, y1)


def of_dlib(file: Path, name: str, box: Callable[[FloatArray], FloatArray], note: str = "") -> Contender:
    """Return a shape predictor of dlib; `box` maps the box around the points to the box that it was trained with."""
    predictor = dlib.shape_predictor(str(file))

    def find(image: Image, around: FloatArray) -> Points:
        found = predictor(image, _rectangle(box(around)))
        return np.array([[point.x, point.y] for point in found.parts()], np.float64)

    return Contender(name, find, file.stat().st_size / 1e6, DLIB_PACKAGES, note)


def dlib_shipped(train: DataSet, faces: int = 300) -> Contender:
    """Return dlib's own 68-point model, which gets boxes as dlib's detector draws them.

    The median over training faces gives the position of the detector's box relative to the box around the points.
    """
    detector = dlib.get_frontal_face_detector()
    seen: list[FloatArray] = []
    for index in range(0, len(train), max(1, len(train) // faces)):
        sample = train.load(index)
        box = sample.annotation.points_box()
        size = box[2:] - box[:2]
        around = np.clip(scale_box(box, 2.0), 0, None).astype(int)
        part = np.ascontiguousarray(sample.image[around[1] : around[3], around[0] : around[2]])
        zoom = max(1.0, 200 / max(1, part.shape[0]))
        large = cv2.resize(part, None, fx=zoom, fy=zoom)
        for each in detector(large, 0)[:1]:
            found = np.array([each.left(), each.top(), each.right(), each.bottom()]) / zoom + np.tile(around[:2], 2)
            seen.append((found - np.tile(box[:2], 2)) / np.tile(size, 2))
    usual = np.median(seen, axis=0)

    def box(around: FloatArray) -> FloatArray:
        return np.tile(around[:2], 2) + usual * np.tile(around[2:] - around[:2], 2)

    file = Path(face_recognition_models.pose_predictor_model_location())
    return of_dlib(file, "dlib, as shipped", box, "trained on most of these test faces")


@dataclass(frozen=True)
class Trees:
    """Options of dlib's training, with dlib's defaults."""

    cascade_depth: int = 10
    tree_depth: int = 4
    nu: float = 0.1
    oversampling_amount: int = 20
    feature_pool_size: int = 400
    jitter: float = 0.0

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in vars(self).items() if value != getattr(Trees(), name))


def train_dlib(train: DataSet, file: Path, trees: Trees) -> Path:
    """Train dlib's shape predictor on faces and the boxes around their points; an existing file is reused."""
    if file.exists():
        return file
    options = dlib.shape_predictor_training_options()
    options.num_threads = os.cpu_count() or 1
    options.cascade_depth, options.tree_depth, options.nu = trees.cascade_depth, trees.tree_depth, trees.nu
    options.oversampling_amount = trees.oversampling_amount
    options.feature_pool_size = trees.feature_pool_size
    options.oversampling_translation_jitter = trees.jitter
    images: list[NDArray[np.uint8]] = []
    shapes: list[list[dlib.full_object_detection]] = []
    for index in range(len(train)):
        sample = train.load(index)
        points, box = sample.annotation.keypoints, sample.annotation.points_box()
        part, origin = _near(sample.image, box)
        parts = [dlib.point(round(float(x)), round(float(y))) for x, y in points - origin]
        images.append(part)
        shapes.append([dlib.full_object_detection(_rectangle(box - np.tile(origin, 2)), parts)])
    partly = file.with_suffix(".part")
    dlib.train_shape_predictor(images, shapes, options).save(str(partly))
    partly.replace(file)
    return file


def _near(image: Image, box: FloatArray, reach: float = 2.0) -> tuple[Image, FloatArray]:
    """Return the part of an image around a face, and its origin (2,), image px; whole photos would fill the memory."""
    x0, y0, x1, y1 = scale_box(box, reach).astype(int)
    x0, y0 = max(0, x0), max(0, y0)
    return np.ascontiguousarray(image[y0:y1, x0:x1]), np.array([x0, y0], np.float64)


MESH_REACH = 1.8
"""Side of the region that MediaPipe's own detector gets, relative to the box around the points."""

MESH_POINTS = 468
MESH_FRAME = (33, 133, 263, 362, 1, 61, 291, 152, 10)
"""Points of the mesh that define its similarity frame: eye corners, nose, mouth corners, chin, forehead."""


class Mesh:
    """MediaPipe's face mesh; a ridge regression in its similarity frame maps its points to the 68 points.

    Args:
        refine: whether MediaPipe refines the eyes and lips.
    """

    def __init__(self, refine: bool = False) -> None:
        self.net = mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=1, refine_landmarks=refine
        )
        self.mean: FloatArray = np.zeros((MESH_POINTS, 2))
        self.ridge = Ridge()

    def mesh(self, image: Image, box: FloatArray) -> Points:
        """Return the points of the mesh (468, 2), image px."""
        part, origin = _near(image, box, MESH_REACH)
        found = self.net.process(part)
        if not found.multi_face_landmarks:
            return None
        marks = found.multi_face_landmarks[0].landmark[:MESH_POINTS]
        return np.array([[m.x, m.y] for m in marks]) * [part.shape[1], part.shape[0]] - 0.5 + origin

    def fit(self, train: DataSet, validation: DataSet) -> None:
        """Fit the mapping; validation faces choose the strength of its regularization."""
        meshes, targets = self._pairs(train)
        self.mean = _mean_frame(meshes)
        held_meshes, held_targets = self._pairs(validation)
        best = np.inf
        for strength in (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
            ridge = Ridge(alpha=strength).fit(*self._framed(meshes, targets))
            x, y = self._framed(held_meshes, held_targets)
            error = float(np.linalg.norm((ridge.predict(x) - y).reshape(-1, 68, 2), axis=-1).mean())
            if error < best:
                best, self.ridge = error, ridge

    def _pairs(self, faces: DataSet) -> tuple[list[FloatArray], list[FloatArray]]:
        meshes, targets = [], []
        for index in range(len(faces)):
            sample = faces.load(index)
            mesh = self.mesh(sample.image, sample.annotation.points_box())
            if mesh is not None:
                meshes.append(mesh)
                targets.append(sample.annotation.keypoints)
        return meshes, targets

    def _framed(self, meshes: Sequence[FloatArray], targets: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
        maps = [self._frame(mesh) for mesh in meshes]
        x = np.stack([to_frame(mesh).ravel() for to_frame, mesh in zip(maps, meshes, strict=True)])
        y = np.stack([to_frame(points).ravel() for to_frame, points in zip(maps, targets, strict=True)])
        return x, y

    def _frame(self, mesh: FloatArray) -> Affine:
        return similarity_between(mesh[list(MESH_FRAME)], self.mean[list(MESH_FRAME)])

    def __call__(self, image: Image, box: FloatArray) -> Points:
        """Return the 68 points (68, 2), image px."""
        mesh = self.mesh(image, box)
        if mesh is None:
            return None
        to_frame = self._frame(mesh)
        found = self.ridge.predict(to_frame(mesh).reshape(1, -1)).reshape(68, 2)
        return to_frame.inverse()(found)


def _mean_frame(meshes: Sequence[FloatArray]) -> FloatArray:
    """Return the mean mesh (468, 2), with unit size and centered at the origin."""

    def unit(mesh: FloatArray) -> FloatArray:
        box = box_around(mesh)
        return (mesh - (box[:2] + box[2:]) / 2) / np.sqrt(np.prod(box[2:] - box[:2]))

    return np.mean([unit(mesh) for mesh in meshes], axis=0)


def of_mediapipe(train: DataSet, validation: DataSet) -> Contender:
    """Return MediaPipe with its own detector, which gets the region around the box."""
    mesh = Mesh()
    mesh.fit(train, validation)
    models = Path(mediapipe.__file__).parent / "modules"
    files = (
        models / "face_landmark" / "face_landmark.tflite",
        models / "face_detection" / "face_detection_short_range.tflite",
    )
    size = sum(file.stat().st_size for file in files if file.exists())
    return Contender(
        "MediaPipe face mesh",
        mesh,
        size / 1e6,
        ("mediapipe",),
        "its 468 points mapped to the 68; detects the face itself",
    )
