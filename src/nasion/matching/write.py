"""A match as files: the joined keypoints, B on A, the warp, the blend, the morph, and the numbers as JSON."""

import colorsys
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image as PillowImage

from nasion import draw, images
from nasion.atomic import ensure_no_overwrite, ensure_writable, write_bytes, write_text
from nasion.errors import ConfigError, ImageError, OutputError, SkeletonError
from nasion.geometry import Affine, FloatArray, box_around, box_to_aspect, scale_box
from nasion.matching import MIN_POINTS, MORPHS, Match, match
from nasion.matching.largest import largest
from nasion.matching.morph import Pair, level_shape, mean_face
from nasion.matching.warp import border_points, clamp_to_canvas, piecewise_warp
from nasion.outputs.records import file_version
from nasion.predict.predictor import Predictor
from nasion.sample import Image, Prediction
from nasion.shapes import mean_shape

__all__ = [
    "LARGE_RESIDUAL",
    "ChosenFace",
    "chosen_face",
    "match_values",
    "matches_view",
    "morph_gif",
    "write_match",
    "write_mean",
]

MATCH_IMAGES = ("matches.jpg", "aligned.jpg", "warped.jpg", "midway.jpg")
"""The image files of a match."""

LARGEST_SIDE = 32_766
"""Longest side of an image that OpenCV can warp, px."""

LARGE_RESIDUAL = 0.15
"""Residual above which two faces differ so much in pose that a warp stretches hidden parts."""

VIEW = 480, 480
"""(height, width) of each face in the view of the matches, px."""

VIEW_MARGIN = 1.6
"""Side of that view relative to the box around the keypoints."""

LINE_OPACITY = 0.55
"""Opacity of the lines between matched keypoints, 0 to 1."""

GIF_COLORS = 256
"""Colors of a GIF file, at most 256."""

FRAME_RATE = 15
"""Frames per second of a morph."""


@dataclass(frozen=True, eq=False)
class ChosenFace:
    """One face in an image file of the user.

    Attributes:
        path: the image file.
        image: (H, W, 3) uint8 RGB.
        face: the predicted face.
        number: its number among the faces of the image, from 0.
    """

    path: Path
    image: Image
    face: Prediction
    number: int = 0


def chosen_face(
    predictor: Predictor, path: Path, number: int | None = None, boxes: Sequence[ArrayLike | None] | None = None
) -> ChosenFace:
    """Return one face of an image.

    Args:
        predictor: predicts the faces.
        path: the image file.
        number: which face, from 0; default: the largest.
        boxes: (4,) xyxy each, image px, around the faces; default: the detector finds them.

    Raises:
        ImageError: the image cannot be read, or has no such face.
    """
    image = images.read(path)
    faces = predictor(image, boxes)
    if not faces:
        raise ImageError(f"{path}: no face was found in it; choose another image")
    if number is None:
        number = largest(faces)
    if not 0 <= number < len(faces):
        raise ImageError(f"{path}: no face {number}; it has {len(faces)}, counted from 0")
    return ChosenFace(path, image, faces[number], number)


def write_match(
    a: ChosenFace, b: ChosenFace, out: Path, frames: int = 30, form: str = "gif"
) -> tuple[Match, list[Path]]:
    """Match two faces, write the images, the morph and the numbers, and return the match and the files.

    Args:
        a: the face that keeps its pose.
        b: the face that is moved onto A.
        out: the folder of the files.
        frames: number of frames of the morph.
        form: file format of the morph, "gif" or "mp4".

    Raises:
        SkeletonError: the faces have too few keypoints in common.
        ConfigError: the format is unknown, or the folder holds the input images and already has such files.
        ImageError: an image is too long to be warped.
        OutputError: the folder cannot be written to.
    """
    _check_request(a, b, form)
    matched = match(a.face, b.face)
    ensure_writable(out)
    files = [out / name for name in (*MATCH_IMAGES, f"morph.{form}", "match.json")]
    ensure_no_overwrite([a.path, b.path], files)
    pair, size = Pair(a.image, b.image, matched), a.image.shape[:2]
    aligned = images.warp(b.image, matched.similarity, size, cv2.BORDER_CONSTANT)
    views = matches_view(a, b, matched), aligned, _warp_onto_a(aligned, matched), pair.at(0.5)
    *image_files, morph_file, table_file = files
    for file, view in zip(image_files, views, strict=True):
        images.write(file, view)
    write_text(table_file, json.dumps(match_values(a, b, matched), indent=1) + "\n")
    write_bytes(morph_file, {"gif": morph_gif, "mp4": _mp4}[form](list(pair.frames(frames))))
    return matched, files


def _check_request(a: ChosenFace, b: ChosenFace, form: str) -> None:
    if form not in MORPHS:
        raise ConfigError(f'a morph is written as {" or ".join(MORPHS)}, not "{form}"')
    for each in (a, b):
        if max(each.image.shape[:2]) > LARGEST_SIDE:
            raise ImageError(f"{each.path}: longer than {LARGEST_SIDE:,} px, which cannot be warped; scale it down")


def _warp_onto_a(aligned: Image, matched: Match) -> Image:
    """Return B's image, already aligned with A's (H, W, 3) uint8 RGB, warped so that its keypoints land on A's."""
    size = aligned.shape[:2]
    edge = border_points(size)
    source = np.concatenate([clamp_to_canvas(matched.similarity(matched.b), size), edge])
    target = np.concatenate([clamp_to_canvas(matched.a, size), edge])
    return piecewise_warp(aligned, source, target, size)


def matches_view(a: ChosenFace, b: ChosenFace, matched: Match) -> Image:
    """Return both faces side by side (480, 960, 3) uint8 RGB, with colored lines between matched keypoints."""
    views, places = [], []
    for each, points, left in ((a, matched.a, 0), (b, matched.b, VIEW[1])):
        affine = to_view(points)
        views.append(images.warp(each.image, affine, VIEW, cv2.BORDER_CONSTANT))
        places.append(affine(points) + np.array([left, 0]))
    canvas = np.concatenate(views, axis=1)
    colors = _rainbow(len(matched.names))
    lines = canvas.copy()
    ends = (draw.to_subpixels(each) for each in places)
    for start, end, color in zip(*ends, colors, strict=True):
        cv2.line(lines, start, end, color, 1, cv2.LINE_AA, draw.SUBPIXEL)
    canvas = np.asarray(cv2.addWeighted(lines, LINE_OPACITY, canvas, 1 - LINE_OPACITY, 0), np.uint8)
    for points in places:
        for point, color in zip(points, colors, strict=True):
            canvas = draw.draw_points(canvas, point[None], color, radius_px=2.5)
    return canvas


def to_view(points: FloatArray) -> Affine:
    """Return the map to the view of one face that fills it with the points (M, 2), image px."""
    return Affine.crop(box_to_aspect(scale_box(box_around(points), VIEW_MARGIN), VIEW), VIEW)


def _rainbow(count: int) -> list[draw.Color]:
    """Return `count` saturated colors with evenly spaced hues."""
    shades = [colorsys.hsv_to_rgb(k / count, 0.85, 1.0) for k in range(count)]
    return [(round(r * 255), round(g * 255), round(b * 255)) for r, g, b in shades]


def morph_gif(frames: Sequence[Image]) -> bytes:
    """Return a GIF file that plays the frames (H, W, 3) uint8 RGB forwards and backwards, at two thirds of the size.

    All frames have one palette, made from the first, the middle and the last one: a palette for each frame would take
    most of the time.
    """
    height, width = frames[0].shape[:2]
    small = [cv2.resize(each, (2 * width // 3, 2 * height // 3), interpolation=cv2.INTER_AREA) for each in frames]
    sample = PillowImage.fromarray(np.concatenate([small[0], small[len(small) // 2], small[-1]]))
    palette = sample.quantize(GIF_COLORS)
    drawn = [PillowImage.fromarray(each).quantize(palette=palette, dither=PillowImage.Dither.NONE) for each in small]
    first, *rest = [*drawn, *drawn[-2:0:-1]]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=round(1000 / FRAME_RATE), loop=0)
    return buffer.getvalue()


def _mp4(frames: Sequence[Image]) -> bytes:
    """Return an MP4 file of the frames (H, W, 3) uint8 RGB, from a temporary file: OpenCV needs a path."""
    height, width = frames[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "morph.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FRAME_RATE, (width, height))
        for each in frames:
            writer.write(cv2.cvtColor(each, cv2.COLOR_RGB2BGR))
        writer.release()
        if not path.is_file() or not path.stat().st_size:
            raise OutputError("this OpenCV cannot write MP4; use --morph gif; all other files are written")
        return path.read_bytes()


def match_values(a: ChosenFace, b: ChosenFace, matched: Match) -> dict[str, object]:
    """Return the values of `schema.MatchFile`."""
    columns = (np.round(each, 3).tolist() for each in (matched.a, matched.b, matched.residuals))
    return {
        **file_version(),
        "a": {"image": str(a.path), "face": a.number},
        "b": {"image": str(b.path), "face": b.number},
        "similarity": {
            "from": "b",
            "to": "a",
            "matrix": np.round(matched.similarity.matrix, 6).tolist(),
            "scale": round(matched.similarity.scale, 6),
            "rotation_deg": round(matched.similarity.rotation_deg, 4),
            "residual_px": round(matched.residual_px, 3),
            "residual": round(matched.residual, 5),
        },
        "matches": [
            {"name": name, "a": place_a, "b": place_b, "residual_px": residual}
            for name, place_a, place_b, residual in zip(matched.names, *columns, strict=True)
        ],
    }


def write_mean(predictor: Predictor, faces: Sequence[tuple[Path, Prediction]], out: Path) -> list[Path]:
    """Write the mean face as mean-face.jpg and its shape as mean-face.json, and return both paths.

    Args:
        predictor: predicted the faces.
        faces: image files, each with one face.
        out: the folder of the files.

    Raises:
        SkeletonError: the model has too few keypoints.
        OutputError: the folder cannot be written to.
        ConfigError: the folder holds the input images and already has such files.
    """
    image_file, table_file = out / "mean-face.jpg", out / "mean-face.json"
    ensure_no_overwrite([path for path, _ in faces], [image_file, table_file])
    skeleton = predictor.skeleton
    if skeleton.count < MIN_POINTS:
        raise SkeletonError(f"a mean face needs {MIN_POINTS} points; {skeleton.name} has fewer; use another model")
    mean = level_shape(mean_shape([face.keypoints for _, face in faces]), skeleton)
    images.write(image_file, mean_face(((images.read(path), face.keypoints) for path, face in faces), mean))
    table = {
        **file_version(),
        "faces": len(faces),
        "images": [str(path) for path, _ in faces],
        "skeleton": skeleton.name,
        "point_names": list(skeleton.names),
        "shape": np.round(mean, 5).tolist(),
    }
    write_text(table_file, json.dumps(table, indent=1) + "\n")
    return [image_file, table_file]
