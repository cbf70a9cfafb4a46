"""Keypoints in a person's own pictures: files, folders, patterns and standard input → drawn pictures and points."""

import csv
import glob
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from nasion import images
from nasion.atomic import ensure_no_overwrite, ensure_writable
from nasion.draw import points as draw
from nasion.errors import AnnotationError, ConfigError, ImageError
from nasion.predict.predictor import Predictor, check_box
from nasion.predict.writers import STDIN, Spool, check_format, may_be_written, unique_stems, write_predictions
from nasion.sample import Image, Problem

__all__ = ["Boxes", "Summary", "find", "listed", "read_boxes"]

Boxes = Callable[[Path], Sequence[Sequence[float] | None] | None]
"""A picture's boxes; None has its faces looked for, a box None is the whole picture. ImageError: it has none."""


@dataclass
class Summary:
    """What came of a job.

    Attributes:
        found: how many faces were found, by picture, in order.
        drawn: the drawn pictures.
        skipped: pictures that could not be read, or have no box.
        files: the files with the points.
    """

    found: dict[Path, int] = field(default_factory=dict)
    drawn: dict[Path, Path] = field(default_factory=dict)
    skipped: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def listed(sources: Sequence[str]) -> list[Path]:
    """Return the pictures that words of a command line name: files, folders, patterns such as "*.jpg", "-".

    Raises:
        ImageError: a folder or a pattern holds none.
    """
    found: list[Path] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix.lower() in images.SUFFIXES)
            if not inside:
                raise ImageError(f"{path}: no pictures in this folder ({', '.join(images.SUFFIXES[:4])}, …)")
        elif not path.exists() and glob.has_magic(source):
            inside = sorted(_matching(source))
            if not inside:
                raise ImageError(f'"{source}": no file has such a name')
        else:
            inside = [path]
        found += inside
    return list(dict.fromkeys(found))


def read_boxes(text: str) -> Boxes:
    """Return the boxes that "x0,y0,x1,y1", "picture" or a CSV file (image, x0, y0, x1, y1) give.

    Raises:
        ConfigError: a box is none, or the file has other columns.
        AnnotationError: the file cannot be read.
    """
    if text == "picture":
        return lambda _path: [None]
    if text.lower().endswith(".csv"):
        return _table_boxes(Path(text))
    try:
        box = [float(word) for word in text.split(",")]
    except ValueError:
        raise ConfigError(
            f'a box is x0,y0,x1,y1 in px, such as 200,120,440,400, "picture" or a CSV file, not "{text}"'
        ) from None
    check_box(box)
    return lambda _path: [box]


def _matching(pattern: str) -> list[Path]:
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207  # Path.glob knows no absolute patterns
    return [Path(name) for name in names if Path(name).is_file()]


BOX_COLUMNS = ("image", "x0", "y0", "x1", "y1")


def _table_boxes(table: Path) -> Boxes:
    found = _box_table(table)

    def boxes(path: Path) -> Sequence[Sequence[float] | None]:
        if str(path) not in found and path.name not in found:
            raise ImageError(f"{path}: {table} has no box for it")
        return found.get(str(path), found.get(path.name, []))

    return boxes


def _box_table(path: Path) -> dict[str, list[list[float] | None]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(f"{path}: the boxes cannot be read: {error}") from None
    if not set(BOX_COLUMNS) <= set(columns):
        raise ConfigError(f"{path}: boxes need the columns {','.join(BOX_COLUMNS)}; it has {','.join(columns)}")
    found: dict[str, list[list[float] | None]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            name, box = str(Path(row["image"])), [float(row[name]) for name in BOX_COLUMNS[1:]]
            check_box(box)
        except (ValueError, TypeError, ConfigError):
            raise ConfigError(f"{path}, line {number}: not a box with x0 < x1 and y0 < y1, px") from None
        found.setdefault(name, []).append(box)
    return found


def find(
    predictor: Predictor,
    pictures: Sequence[Path],
    out: Path,
    form: str = "json",
    boxes: Boxes = lambda _path: None,
    tell: Callable[[Path, Summary], None] = lambda _path, _summary: None,
    progress: Callable[[Iterable[Path]], Iterable[Path]] = lambda paths: paths,
    stdin: IO[bytes] | None = None,
    with_spread: bool = False,
) -> Summary:
    """Find the points in pictures, draw them, and write them; what cannot be read is skipped and named.

    Args:
        predictor: finds.
        pictures: their paths; "-" is read from `stdin`.
        out: folder for the drawn pictures and the points.
        form: of the points: json, csv or pts.
        boxes: where to look.
        tell: called after each picture.
        progress: wraps the pictures, such as by a bar.
        stdin: the bytes of the picture "-"; else the program's own.
        with_spread: whether pictures show how far points may be off.

    Raises:
        ImageError: no picture can be read.
        ConfigError: the format is unknown.
        OutputError: the folder cannot be written to.
    """
    check_format(form)
    ensure_writable(out)
    summary = Summary()
    names = unique_stems(pictures)
    drawn = {path: out / f"{names[path]}-points.jpg" for path in pictures}
    own = [path for path in pictures if str(path) != STDIN]
    ensure_no_overwrite(own, [*drawn.values(), *may_be_written(out, form, names)])
    spool = Spool(out)
    try:
        for path in progress(pictures):
            try:
                image = _read(path, stdin)
                where = boxes(path)
            except ImageError as error:
                summary.skipped.append(Problem(str(path), str(error)))
                tell(path, summary)
                continue
            faces = predictor(image, where)
            spool.add(path, faces)
            summary.found[path] = len(faces)
            fits = max(image.shape[:2]) <= images.JPEG_SIDE
            summary.drawn[path] = drawn[path] if fits else drawn[path].with_suffix(".png")
            images.write(summary.drawn[path], draw.draw_predictions(image, faces, with_spread))
            tell(path, summary)
    finally:  # what was found until an end by Ctrl-C is not lost
        if spool.count:
            summary.files = write_predictions(out, spool, form, names, predictor.skeleton)
        spool.file.close()
    if not summary.found:
        skipped = summary.skipped
        reason = skipped[0].reason if len(skipped) == 1 else f"none of {len(skipped)} pictures could be used"
        raise ImageError(reason)
    return summary


def _read(path: Path, stdin: IO[bytes] | None) -> Image:
    if str(path) != STDIN:
        return images.read(path)
    return images.decode((stdin or sys.stdin.buffer).read(), "standard input")
