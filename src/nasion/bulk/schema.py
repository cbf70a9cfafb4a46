"""The tables of bulk prediction: one row per image, or one row per frame and face of a video.

A row of an image has id, path, width, height, face_count, faces, error, model and nasion_version. `faces` is a list of
structs: face (its number), score, box (x0, y0, x1, y1), points (a struct with x, y and spread for each named point)
and pose (yaw, pitch and roll with standard errors, degrees; null where it cannot be measured). A row of a video has id,
path, frame, time_s, the fields of one face, error, model and nasion_version. Coordinates are image px, 32 bits.
"""

from collections.abc import Sequence
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from nasion.datasets.formats.outputs.parquet import load_arrow
from nasion.errors import MeasurementError, SkeletonError
from nasion.geometry import FloatArray
from nasion.sample import Prediction
from nasion.skeleton import Skeleton

__all__ = ["FrameRow", "ImageRow", "frame_schema", "frame_table", "image_schema", "image_table"]

BOX = ("x0", "y0", "x1", "y1")
POINT = ("x", "y", "spread")
POSE = ("yaw", "yaw_error", "pitch", "pitch_error", "roll", "roll_error")
"""Names of the fields of a box, image px, of a point, image px, and of a pose, degrees."""


class ImageRow(NamedTuple):
    """What is known of one image.

    Attributes:
        id: the image's identifier, unique in the table.
        path: where it was read from.
        size: (height, width) of the upright image, px; None if it could not be read.
        faces: its faces.
        error: why it could not be used; None otherwise.
    """

    id: str
    path: str
    size: tuple[int, int] | None = None
    faces: Sequence[Prediction] = ()
    error: str | None = None


class FrameRow(NamedTuple):
    """One face in one frame of a video; a frame without a face and a note about the video have no face.

    Attributes:
        id, path: the video.
        frame: the frame's number, from 0; None for a note.
        time_s: the frame's time, seconds.
        number: the face's number in the video.
        face: the face.
        error: why the video, or its end, could not be used; None otherwise.
    """

    id: str
    path: str
    frame: int | None = None
    time_s: float | None = None
    number: int | None = None
    face: Prediction | None = None
    error: str | None = None


def _face_fields(skeleton: Skeleton, arrow: Any) -> list[Any]:
    number = arrow.float32()
    point = arrow.struct([(name, number) for name in POINT])
    return [
        ("face", arrow.int32()),
        ("score", number),
        ("box", arrow.struct([(name, number) for name in BOX])),
        ("points", arrow.struct([(name, point) for name in skeleton.names])),
        ("pose", arrow.struct([(name, number) for name in POSE])),
    ]


def _common_fields(arrow: Any) -> list[Any]:
    text = arrow.string()
    return [("error", text), ("model", text), ("nasion_version", text)]


def image_schema(skeleton: Skeleton) -> Any:
    """Return the Arrow schema of the table with one row per image."""
    arrow = load_arrow()
    faces = arrow.list_(arrow.struct(_face_fields(skeleton, arrow)))
    sizes = [("width", arrow.int32()), ("height", arrow.int32()), ("face_count", arrow.int32())]
    names = [("id", arrow.string()), ("path", arrow.string())]
    return arrow.schema([*names, *sizes, ("faces", faces), *_common_fields(arrow)])


def frame_schema(skeleton: Skeleton) -> Any:
    """Return the Arrow schema of the table with one row per frame and face."""
    arrow = load_arrow()
    names = [("id", arrow.string()), ("path", arrow.string())]
    times = [("frame", arrow.int32()), ("time_s", arrow.float64())]
    return arrow.schema([*names, *times, *_face_fields(skeleton, arrow), *_common_fields(arrow)])


def image_table(rows: Sequence[ImageRow], skeleton: Skeleton, model: str) -> Any:
    """Return the Arrow table of images."""
    arrow, schema = load_arrow(), image_schema(skeleton)
    counts = [len(row.faces) for row in rows]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    faces = [(number, face) for row in rows for number, face in enumerate(row.faces)]
    structs = arrow.StructArray.from_arrays(
        _face_columns([number for number, _ in faces], [face for _, face in faces], skeleton, arrow),
        fields=list(schema.field("faces").type.value_type),
    )
    columns = [
        [row.id for row in rows],
        [row.path for row in rows],
        [row.size and row.size[1] for row in rows],
        [row.size and row.size[0] for row in rows],
        counts,
        arrow.ListArray.from_arrays(offsets, structs),
        [row.error for row in rows],
    ]
    return _table(columns, schema, model, arrow)


def frame_table(rows: Sequence[FrameRow], skeleton: Skeleton, model: str) -> Any:
    """Return the Arrow table of the frames of videos."""
    arrow, schema = load_arrow(), frame_schema(skeleton)
    found = [row.face for row in rows if row.face is not None]
    columns = _face_columns([row.number or 0 for row in rows if row.face is not None], found, skeleton, arrow)
    places = np.cumsum([row.face is not None for row in rows]) - 1
    indices = arrow.array(places, mask=np.array([row.face is None for row in rows], bool))
    fields = [schema.field(name).type for name, _ in _face_fields(skeleton, arrow)]
    spread_out = [
        column.take(indices) if found else arrow.nulls(len(rows), kind)
        for column, kind in zip(columns, fields, strict=True)
    ]
    before = [[getattr(row, name) for row in rows] for name in ("id", "path", "frame", "time_s")]
    return _table([*before, *spread_out, [row.error for row in rows]], schema, model, arrow)


def _table(columns: Sequence[Any], schema: Any, model: str, arrow: Any) -> Any:
    """Return the table of the first columns of a schema, followed by the model and the version."""
    count = len(columns[0])
    columns = [*columns, [model] * count, [metadata.version("nasion")] * count]
    arrays = [
        column if isinstance(column, (arrow.Array, arrow.ChunkedArray)) else arrow.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return arrow.Table.from_arrays(arrays, schema=schema)


def _face_columns(numbers: Sequence[int], faces: Sequence[Prediction], skeleton: Skeleton, arrow: Any) -> list[Any]:
    """Return one array per field of a face."""
    count = skeleton.count
    boxes = np.array([face.box for face in faces]).reshape(-1, len(BOX))
    points = np.array([np.column_stack([face.keypoints, face.spread]) for face in faces]).reshape(-1, count, len(POINT))
    poses = np.array([_pose(face) for face in faces]).reshape(-1, len(POSE))
    return [
        arrow.array(numbers, arrow.int32()),
        arrow.array([face.score for face in faces], arrow.float32()),
        _struct(boxes, BOX, arrow),
        arrow.StructArray.from_arrays(
            [_struct(points[:, k], POINT, arrow) for k in range(count)], list(skeleton.names)
        ),
        _struct(poses, POSE, arrow),
    ]


def _struct(values: FloatArray, names: Sequence[str], arrow: Any) -> Any:
    """Return structs with the columns (N, C) as fields, px or degrees; NaN is null, and so is a struct of NaN."""
    unknown = np.isnan(values)
    columns = [
        arrow.array(values[:, k].astype(np.float32), mask=np.ascontiguousarray(unknown[:, k]))
        for k in range(len(names))
    ]
    return arrow.StructArray.from_arrays(columns, list(names), mask=arrow.array(unknown.all(1)))


def _pose(face: Prediction) -> list[float]:
    """Return the values of `POSE` of a face, degrees; NaN if they cannot be measured."""
    try:
        pose = face.pose
    except (MeasurementError, SkeletonError):
        return [np.nan] * len(POSE)
    return [value for angle in (pose.yaw, pose.pitch, pose.roll) for value in (angle.value, angle.error)]
