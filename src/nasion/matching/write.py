"""A match as files: the pair with its points joined, B on A, the face between, the way there, and the numbers."""

import colorsys
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from nasion import images
from nasion.atomic import ensure_no_overwrite, ensure_writable, write_bytes, write_text
from nasion.draw import points as draw
from nasion.errors import ConfigError, ImageError, OutputError, SkeletonError
from nasion.geometry import Affine, FloatArray, box_around, box_to_aspect, scale_box
from nasion.matching import FEWEST, Match, match
from nasion.matching.morph import Pair, mean_face, upright
from nasion.matching.warp import bend, border_points, within
from nasion.predict.predictor import Predictor
from nasion.sample import Image, Prediction
from nasion.skeleton import mean_shape

__all__ = ["FORMS", "TURNED", "ChosenFace", "chosen_face", "write_match", "write_mean"]

FORMS = ("gif", "mp4")
"""What a morph is written as."""

PICTURES = ("matches.jpg", "aligned.jpg", "warped.jpg", "midway.jpg")
"""What a match is shown by."""

LARGEST_SIDE = 32_766
"""px, of pictures that OpenCV can bend."""

TURNED = 0.15
"""Residual above which two faces are turned too differently for a warp to be more than a trick."""

VIEW = 480, 480
"""(height, width) of each face in the drawn pair, px."""

VIEW_MARGIN = 1.6
"""Side of that view relative to the box around the points."""

FRAMES_A_SECOND = 15


@dataclass(frozen=True, eq=False)
class ChosenFace:
    """A face in a picture of a person's own: the picture, where it is from, and which face it is."""

    path: Path
    image: Image
    face: Prediction
    number: int = 0


def chosen_face(predictor: Predictor, path: Path, number: int | None = None) -> ChosenFace:
    """Return a picture's face `number`; else its largest.

    Raises:
        ImageError: the picture cannot be read, or has no such face.
    """
    image = images.read(path)
    faces = predictor(image)
    if not faces:
        raise ImageError(f"{path}: no face was found in it; choose another picture")
    if number is None:
        number = int(np.argmax([np.prod(np.ptp(face.keypoints, axis=0)) for face in faces]))
    if not 0 <= number < len(faces):
        raise ImageError(f"{path}: no face {number}; it has {len(faces)}, counted from 0")
    return ChosenFace(path, image, faces[number], number)


def write_match(
    a: ChosenFace, b: ChosenFace, out: Path, frames: int = 30, form: str = "gif"
) -> tuple[Match, list[Path]]:
    """Match two faces, write all that shows it, and return the match and the files.

    Args:
        a: the face that stays.
        b: the face that is moved onto it.
        out: the folder.
        frames: of the morph.
        form: of the morph, "gif" or "mp4".

    Raises:
        SkeletonError: they have too few points in common.
        ConfigError: the form is unknown, or the folder is the pictures' own and holds such files already.
        ImageError: a picture is too long to be warped.
        OutputError: the folder cannot be written to.
    """
    if form not in FORMS:
        raise ConfigError(f'a morph is written as {" or ".join(FORMS)}, not "{form}"')
    for each in (a, b):
        if max(each.image.shape[:2]) > LARGEST_SIDE:
            raise ImageError(f"{each.path}: longer than {LARGEST_SIDE:,} px, which cannot be warped; scale it down")
    found = match(a.face, b.face)
    ensure_writable(out)
    ensure_no_overwrite([a.path, b.path], [out / name for name in (*PICTURES, "match.json", f"morph.{form}")])
    pair = Pair(a.image, b.image, found)
    size = a.image.shape[:2]
    aligned = images.warp(b.image, found.similarity, size)
    views = matches_view(a, b, found), aligned, _warped(aligned, found, size), pair.at(0.5)
    pictures = dict(zip(PICTURES, views, strict=True))
    for name, picture in pictures.items():
        images.write(out / name, picture)
    write_text(out / "match.json", json.dumps(_table(a, b, found), indent=1) + "\n")
    write_bytes(out / f"morph.{form}", {"gif": _gif, "mp4": _mp4}[form](list(pair.frames(frames))))
    return found, [*(out / name for name in pictures), out / f"morph.{form}", out / "match.json"]


def _warped(aligned: Image, found: Match, size: tuple[int, int]) -> Image:
    """Return B, already moved onto A's picture, bent so that its points lie on A's."""
    source, target = within(found.similarity(found.b), size), within(found.a, size)
    edge = border_points(size)
    return bend(aligned, np.concatenate([source, edge]), np.concatenate([target, edge]), size)


def matches_view(a: ChosenFace, b: ChosenFace, found: Match) -> Image:
    """Return both faces side by side, each point in a color of its own, joined to itself in the other."""
    views, places = [], []
    for each, points in ((a, found.a), (b, found.b)):
        affine = Affine.crop(box_to_aspect(scale_box(box_around(points), VIEW_MARGIN), VIEW), VIEW)
        views.append(images.warp(each.image, affine, VIEW))
        places.append(affine(points))
    canvas = np.concatenate(views, axis=1)
    places[1] = places[1] + [VIEW[1], 0]
    colors = _colors(len(found.names))
    lines = canvas.copy()
    for first, second, color in zip(*places, colors, strict=True):
        cv2.line(lines, _fixed(first), _fixed(second), color, 1, cv2.LINE_AA, draw.SUBPIXEL)
    canvas = cv2.addWeighted(lines, 0.55, canvas, 0.45, 0)
    for points in places:
        for point, color in zip(points, colors, strict=True):
            canvas = draw.draw_points(np.asarray(canvas, np.uint8), point[None], color, radius_px=2.5)
    return np.asarray(canvas, np.uint8)


def _fixed(point: FloatArray) -> list[int]:
    return np.rint(point * (1 << draw.SUBPIXEL)).astype(int).tolist()


def _colors(count: int) -> list[tuple[int, int, int]]:
    """Return colors that run around the circle of hues."""
    shades = [colorsys.hsv_to_rgb(k / count, 0.85, 1.0) for k in range(count)]
    return [(round(r * 255), round(g * 255), round(b * 255)) for r, g, b in shades]


def _gif(frames: Sequence[Image]) -> bytes:
    """Return a GIF that goes there and back, at two thirds of the size: a GIF is large for what it shows."""
    height, width = frames[0].shape[:2]
    small = [cv2.resize(each, (2 * width // 3, 2 * height // 3), interpolation=cv2.INTER_AREA) for each in frames]
    first, *others = [*small, *small[-2:0:-1]]
    rest = (PillowImage.fromarray(each) for each in others)
    buffer = io.BytesIO()
    PillowImage.fromarray(first).save(
        buffer, "GIF", save_all=True, append_images=rest, duration=round(1000 / FRAMES_A_SECOND), loop=0
    )
    return buffer.getvalue()


def _mp4(frames: Sequence[Image]) -> bytes:
    """Return an MP4; OpenCV writes films only to files of its own opening."""
    height, width = frames[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "morph.mp4"
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(path), code, FRAMES_A_SECOND, (width, height))
        for each in frames:
            writer.write(cv2.cvtColor(each, cv2.COLOR_RGB2BGR))
        writer.release()
        if not path.is_file() or not path.stat().st_size:
            raise OutputError("this OpenCV cannot write MP4; ask for a GIF with --morph gif; all else is written")
        return path.read_bytes()


def _table(a: ChosenFace, b: ChosenFace, found: Match) -> dict[str, object]:
    return {
        "a": {"image": str(a.path), "face": a.number},
        "b": {"image": str(b.path), "face": b.number},
        "similarity": {
            "from": "b",
            "to": "a",
            "matrix": np.round(found.similarity.matrix, 6).tolist(),
            "scale": round(found.similarity.scale, 6),
            "rotation_deg": round(found.similarity.rotation_deg, 4),
            "residual_px": round(float(np.sqrt((found.residuals**2).mean())), 3),
            "residual": round(found.residual, 5),
        },
        "matches": [
            {"name": name, "a": first, "b": second, "residual_px": far}
            for name, first, second, far in zip(
                found.names,
                np.round(found.a, 3).tolist(),
                np.round(found.b, 3).tolist(),
                np.round(found.residuals, 3).tolist(),
                strict=True,
            )
        ],
    }


def write_mean(predictor: Predictor, found: Sequence[tuple[Path, Prediction]], out: Path) -> list[Path]:
    """Write the mean face of many as mean-face.jpg and its points as mean-face.json, and return both.

    Args:
        predictor: what found them.
        found: pictures, each with one face.
        out: the folder.

    Raises:
        SkeletonError: the model has too few points.
        OutputError: the folder cannot be written to.
        ConfigError: it is the pictures' own, and holds such files already.
    """
    ensure_no_overwrite([path for path, _ in found], [out / "mean-face.jpg", out / "mean-face.json"])
    if predictor.skeleton.count < FEWEST:
        raise SkeletonError(
            f"a mean face needs {FEWEST} points; {predictor.skeleton.name} has fewer; use another model"
        )
    shapes = [face.keypoints for _, face in found]
    mean = upright(mean_shape(shapes), predictor.skeleton)
    picture = mean_face(((images.read(path), face.keypoints) for path, face in found), mean)
    images.write(out / "mean-face.jpg", picture)
    table = {
        "faces": len(found),
        "images": [str(path) for path, _ in found],
        "skeleton": predictor.skeleton.name,
        "shape": np.round(mean, 5).tolist(),
    }
    write_text(out / "mean-face.json", json.dumps(table, indent=1) + "\n")
    return [out / "mean-face.jpg", out / "mean-face.json"]
