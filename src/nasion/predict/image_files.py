"""Prediction for files, folders, patterns and standard input."""

import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from nasion import images
from nasion.datasets.folders import files_below
from nasion.errors import ImageError
from nasion.geometry import is_present
from nasion.predict.boxes import BoxSource, detect_boxes
from nasion.predict.parallel import cores, map_in_order
from nasion.predict.predictor import Predictor
from nasion.predict.writers import STDIN, ResultWriter
from nasion.sample import Image, Prediction

__all__ = ["ImageResult", "each_image", "folders_left_out", "list_images", "predict_file", "predict_images"]

Result = TypeVar("Result")


class ImageResult(NamedTuple):
    """What `predict_images` did with one image.

    Attributes:
        path: the image.
        faces: number of faces; 0 if it was skipped.
        skipped: why it was skipped; empty if it was not.
        points: number of keypoints of all faces that are not NaN.
    """

    path: Path
    faces: int
    skipped: str = ""
    points: int = 0


class _Predicted(NamedTuple):
    """(height, width) of an image, px, its faces, and the drawn image, if there is one."""

    size: tuple[int, int]
    faces: list[Prediction]
    drawn: Path | None


def list_images(sources: Sequence[str], recursive: bool = False, results: Path | None = None) -> list[Path]:
    """Return the images that the words of a command line name: files, folders, patterns such as "*.jpg", and "-".

    Args:
        sources: the words.
        recursive: whether the folders inside folders are searched.
        results: a folder that is not searched, because it may contain results of earlier runs.

    Raises:
        ImageError: a folder or a pattern contains no image.
    """
    found: list[Path] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            inside = _images_below(path, results) if recursive else _images_in(path)
            if not inside:
                raise _no_images(path)
        elif not path.exists() and glob.has_magic(source):
            inside = sorted(_matching(source))
            if not inside:
                raise ImageError(f'"{source}": no file matches; check the pattern')
        else:
            inside = [path]
        found += inside
    return list(dict.fromkeys(found))


def folders_left_out(sources: Sequence[str]) -> list[Path]:
    """Return the folders with images directly inside the folders among `sources`; other words are ignored."""
    folders = (path for path in map(Path, sources) if path.is_dir())
    inside = (each for folder in folders for each in sorted(folder.iterdir()) if each.is_dir())
    return [each for each in inside if os.access(each, os.R_OK | os.X_OK) and _images_in(each)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in images.SUFFIXES and path.is_file()


def _images_in(folder: Path) -> list[Path]:
    return sorted(filter(_is_image, folder.iterdir()))


def _images_below(folder: Path, results: Path | None) -> list[Path]:
    left_out = None if results is None else results.resolve()
    return [path for path in files_below(folder) if _is_image(path) and left_out not in path.resolve().parents]


def _no_images(folder: Path) -> ImageError:
    """Return the error for a folder without images, with the remedy."""
    kinds = f"{', '.join(images.SUFFIXES[:4])}, …"
    below = any(map(_is_image, files_below(folder)))
    remedy = "search the folders in it with --recursive" if below else "name another one"
    return ImageError(f"{folder}: no images in this folder ({kinds}); {remedy}")


def _matching(pattern: str) -> list[Path]:
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207  # Path.glob does not accept absolute patterns
    return [Path(name) for name in names if Path(name).is_file()]


def predict_images(
    predictor: Predictor,
    paths: Sequence[Path],
    writer: ResultWriter,
    boxes: BoxSource = detect_boxes,
    stdin: IO[bytes] | None = None,
    threads: int | None = None,
) -> Iterator[ImageResult]:
    """Predict the keypoints of images, pass them to `writer`, and yield what happened, in the order of the images.

    Several threads read, predict and draw; the results are those of one thread. An image that cannot be read is skipped
    with the reason.

    Args:
        predictor: predicts.
        paths: the images; "-" is read from `stdin`.
        writer: receives each image with its faces.
        boxes: maps an image's path to its boxes; default: the detector finds the faces.
        stdin: the bytes of the image "-"; default: the program's standard input.
        threads: images at a time; default: one more than cores, because a thread may wait for the disk.

    Raises:
        ImageError: no image could be used; a shard may have none.
        OutputError: the disk is full.
    """

    def predict(path: Path, image: Image) -> _Predicted:
        faces = predict_file(predictor, path, image, boxes)
        return _Predicted(image.shape[:2], faces, writer.draw(path, image, faces))

    for path, result in each_image(predict, paths, stdin, threads, needs_one=writer.shard is None):
        if isinstance(result, ImageError):
            yield ImageResult(path, 0, str(result))
        else:
            writer.add(path, result.size, result.faces, result.drawn)
            points = sum(int(is_present(face.keypoints).sum()) for face in result.faces)
            yield ImageResult(path, len(result.faces), points=points)


def predict_file(predictor: Predictor, path: Path, image: Image, boxes: BoxSource = detect_boxes) -> list[Prediction]:
    """Return the faces of an image that was read from a file.

    Args:
        predictor: predicts.
        path: the file, for messages.
        image: (H, W, 3) uint8 RGB.
        boxes: maps an image's path to its boxes; default: the detector finds the faces.

    Raises:
        ImageError: the image has no boxes, or one lies outside it.
    """
    given = boxes(path)
    try:
        return predictor(image, given)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def each_image(
    function: Callable[[Path, Image], Result],
    paths: Sequence[Path],
    stdin: IO[bytes] | None = None,
    threads: int | None = None,
    needs_one: bool = True,
) -> Iterator[tuple[Path, Result | ImageError]]:
    """Read images, and yield each path with what a function returns for the image, in the order of the images.

    Args:
        function: called with the path and the image (H, W, 3) uint8 RGB, in several threads; if it raises an
            `ImageError`, or the image cannot be read, that error is yielded instead.
        paths: the images; "-" is read from `stdin`.
        stdin: the bytes of the image "-"; default: the program's standard input.
        threads: images at a time; default: one more than cores, because a thread may wait for the disk.
        needs_one: whether it is an error if no image could be used.

    Raises:
        ImageError: no image could be used.
    """

    def call(path: Path) -> Result | ImageError:
        try:
            return function(path, _read(path, stdin))
        except ImageError as error:
            return error

    skipped: list[ImageError] = []
    found = map_in_order(call, paths, cores() + 1 if threads is None else threads)
    for path, result in zip(paths, found, strict=True):
        if isinstance(result, ImageError):
            skipped.append(result)
        yield path, result
    if needs_one and len(skipped) == len(paths):
        raise ImageError(str(skipped[0]) if len(skipped) == 1 else f"none of {len(skipped)} images could be used")


def _read(path: Path, stdin: IO[bytes] | None) -> Image:
    if str(path) != STDIN:
        return images.read(path)
    content = (stdin or sys.stdin.buffer).read()
    if not content:
        raise ImageError('standard input is empty; "-" reads an image from it, such as: cat me.jpg | nasion predict -')
    return images.decode(content, "standard input")
