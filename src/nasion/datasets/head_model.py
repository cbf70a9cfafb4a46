"""The head model of ICT-FaceKit as one .npz file: packing its files, reading and checking the result.

Source: ICT-FaceKit Light, USC Institute for Creative Technologies, 2020, MIT license, github.com/ICT-VGL/ICT-FaceKit.
The .npz file has the arrays of `SHAPES`:

    neutral (26719, 3) float32, cm      faces (26384, 4) int32, vertex indices, -1 in the fourth of triangles
    identity (100, 26719, 3) float16    uv (28911, 2) float32        material (26384,) uint8
    expression (57, 26719, 3) float16   uv_faces (26384, 4) int32    materials, expressions: names

`identity` and `expression` are differences from `neutral`, cm. Axes: x towards the person's left, y up, z forward.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasion.atomic import atomic_path
from nasion.errors import AnnotationError, DownloadError
from nasion.geometry import FloatArray

__all__ = ["FILE", "REMEDY", "SHAPES", "VERTICES", "check_content", "pack", "read_arrays"]

FILE = "ict_facekit.npz"
"""Name of the packed file."""

VERTICES = 26719
"""Number of vertices of the head."""

SHAPES = {
    "neutral": (VERTICES, 3),
    "faces": (26384, 4),
    "uv": (28911, 2),
    "uv_faces": (26384, 4),
    "material": (26384,),
    "materials": (12,),
    "identity": (100, VERTICES, 3),
    "expression": (57, VERTICES, 3),
    "expressions": (57,),
}
"""Names and shapes of the arrays in the file."""

REMEDY = "`nasion get ict-facekit FOLDER` downloads and packs it"
"""What the user can do about a missing or damaged file."""

MESHES, NEUTRAL = "FaceXModel", "generic_neutral_mesh.obj"
"""Folder of the meshes in ICT-FaceKit's repository, and the name of the mean head."""

FINGERPRINT = "e5d27c5ad58c67aa0edf3b70f650143aff211f6469caca96985f8c46e92964da"
"""SHA-256 of the arrays `neutral`, `faces`, `uv` and `uv_faces` of the known version, in this order."""

NORMS, TOLERANCE = {"identity": 96.533, "expression": 312.960}, 1e-3
"""Lengths of the differences of the known version, cm, and their largest relative deviation, since they are rounded."""

DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    AttributeError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
)
"""What NumPy raises for damaged files."""


def read_arrays(path: Path) -> dict[str, NDArray]:
    """Return the arrays of `SHAPES` by name, such as `neutral` (26719, 3), cm.

    Raises:
        AnnotationError: the file is missing, damaged, or does not hold the head model.
    """
    if not path.is_file():
        raise AnnotationError(f"{path}: no such file with the head model; {REMEDY}")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in SHAPES}
    except KeyError as error:
        raise AnnotationError(f"{path}: not the head model of ICT-FaceKit ({error.args[0]}); {REMEDY}") from None
    except DAMAGED as error:
        reason = str(error) or type(error).__name__
        raise AnnotationError(f"{path}: not the head model of ICT-FaceKit, or damaged ({reason}); {REMEDY}") from None
    for name, shape in SHAPES.items():
        if arrays[name].shape != shape:
            raise AnnotationError(f"{path}: {name} has the shape {arrays[name].shape}, not {shape}; {REMEDY}")
    for name in ("neutral", "identity", "expression", "uv"):
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise AnnotationError(f"{path}: {name} holds values that are not finite numbers; {REMEDY}")
    limits = {"material": (0, 12), "faces": (-1, VERTICES), "uv_faces": (-1, SHAPES["uv"][0])}
    for name, (low, high) in limits.items():
        values = arrays[name]
        if values.dtype.kind not in "iu" or values.min() < low or values.max() >= high:
            raise AnnotationError(f"{path}: {name} holds values outside {low} to {high - 1}; {REMEDY}")
    return arrays


def check_content(path: Path) -> str:
    """Return a line that says that a packed file has the known content.

    Raises:
        DownloadError: it has another content.
    """
    try:
        arrays = read_arrays(path)
    except AnnotationError as error:
        raise DownloadError(str(error)) from None
    digest = hashlib.sha256()
    for name in ("neutral", "faces", "uv", "uv_faces"):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    lengths = {name: float(np.sqrt((arrays[name].astype(np.float64) ** 2).sum())) for name in NORMS}
    same = all(abs(lengths[name] / NORMS[name] - 1) < TOLERANCE for name in NORMS)
    if digest.hexdigest() != FINGERPRINT or not same:
        raise DownloadError(f"{path} is not the known version of ICT-FaceKit; delete it and download it again")
    return f"{VERTICES:,} vertices, 100 shapes, 57 expressions, content verified"


def pack(folder: Path, target: Path) -> None:
    """Write the meshes of ICT-FaceKit's repository, unpacked below `folder`, as one .npz file.

    Raises:
        DownloadError: a mesh is missing or damaged.
        OutputError: the folder of `target` is read-only or full.
    """
    neutral_file = next(iter(sorted(folder.rglob(f"{MESHES}/{NEUTRAL}"))), None)
    if neutral_file is None:
        raise DownloadError(f"{folder}: the archive holds no {MESHES}/{NEUTRAL}; it is not that of ICT-FaceKit")
    place = neutral_file.parent
    lines = neutral_file.read_text("utf-8", "replace").splitlines()
    neutral = _rows(neutral_file, lines, "v ")
    faces, uv_faces, material, materials = _faces(neutral_file, lines)
    identities = sorted(place.glob("identity*.obj"))
    others = {NEUTRAL, *(path.name for path in identities)}
    expressions = sorted(path for path in place.glob("*.obj") if path.name not in others)
    arrays = {
        "neutral": neutral.astype(np.float32),
        "faces": faces,
        "uv": _rows(neutral_file, lines, "vt ").astype(np.float32),
        "uv_faces": uv_faces,
        "material": material,
        "materials": np.array(materials),
        "identity": _differences(identities, neutral),
        "expression": _differences(expressions, neutral),
        "expressions": np.array([path.stem for path in expressions]),
    }
    with atomic_path(target) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _rows(path: Path, lines: Iterable[str], start: str) -> FloatArray:
    """Return the numbers (N, D) of the lines of a mesh that start with a word, cm or no unit."""
    try:
        return np.array([line.split()[1:] for line in lines if line.startswith(start)], float)
    except ValueError as error:
        raise DownloadError(f"{path}: damaged ({error}); download the archive again") from None


def _differences(paths: list[Path], neutral: FloatArray) -> NDArray[np.float16]:
    """Return the vertices of meshes minus those of the mean head (V, 3), as (N, V, 3), cm."""
    found = np.zeros((len(paths), *neutral.shape), np.float16)
    for k, path in enumerate(paths):
        vertices = _rows(path, path.read_text("utf-8", "replace").splitlines(), "v ")
        if vertices.shape != neutral.shape:
            raise DownloadError(f"{path}: {len(vertices)} vertices, not {len(neutral)}; download the archive again")
        found[k] = vertices - neutral
    return found


def _faces(
    path: Path, lines: Iterable[str]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8], list[str]]:
    """Return vertex and texture indices (F, 4) from 0, the material (F,) as index, and the materials' names."""
    rows, names, current = [], [], ""
    for line in lines:
        if line.startswith("usemtl "):
            current = line.split()[1]
        elif line.startswith("f "):
            rows.append([part.split("/")[:2] for part in line.split()[1:]])
            names.append(current)
    materials = sorted(set(names))
    table = np.zeros((len(rows), 4, 2), np.int32)
    try:
        for k, row in enumerate(rows):
            table[k, : len(row)] = np.array(row, int)
    except ValueError as error:
        raise DownloadError(f"{path}: damaged ({error}); download the archive again") from None
    table -= 1
    return table[..., 0], table[..., 1], np.array([materials.index(name) for name in names], np.uint8), materials
