"""Commands that measure faces: aligned crops; pose, openings and distances as a table."""

import csv
import io
import json
import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from nasion.atomic import ensure_no_overwrite, ensure_writable, write_text
from nasion.cli.images import FEW
from nasion.cli.options import (
    BoxOption,
    DeviceOption,
    ImagesArgument,
    MinScoreOption,
    ModelOption,
    RecursiveOption,
    WeightsOption,
    choice,
    find_images,
    make_boxes,
    make_predictor,
)
from nasion.cli.screen import REPORTER, counted, notice, say
from nasion.errors import ConfigError, ImageError, MeasurementError
from nasion.predict import model_zoo
from nasion.predict.backends.devices import AUTO
from nasion.progress import SILENT

if TYPE_CHECKING:
    from nasion.measure import Measured, Template
    from nasion.predict.boxes import BoxSource
    from nasion.predict.predictor import Predictor
    from nasion.sample import Image, Prediction

__all__ = ["crop", "measure"]

COLUMNS = ("image", "face", "measurement", "value", "standard_error", "unit")
"""Columns of the table of measurements."""

KnownOption = Annotated[
    str | None, typer.Option("--known", help="the true length of one distance, for mm", metavar="NAME=MM")
]


class _Found(NamedTuple):
    """An image with its faces."""

    path: Path
    image: "Image"
    faces: "Sequence[Prediction]"


def _templates() -> Collection[str]:
    from nasion.measure import templates

    return templates.available()


def _borders() -> Collection[str]:
    from nasion.measure import BORDERS

    return BORDERS


def crop(
    images: ImagesArgument,
    template: Annotated[
        str, choice("--as", _templates, "where the points belong in the crops", other="FILE.toml")
    ] = "arcface",
    size: Annotated[
        int | None, typer.Option(min=1, help="side of the crops; default: the template's", metavar="PX")
    ] = None,
    border: Annotated[str | None, choice("--border", _borders, "beyond the edge of the image; default: black")] = None,
    out: Annotated[Path, typer.Option(help="folder for the crops and crops.json", metavar="FOLDER")] = Path("crops"),
    model: ModelOption = model_zoo.DEFAULT,
    box: BoxOption = None,
    min_score: MinScoreOption = 0.0,
    recursive: RecursiveOption = False,
    device: DeviceOption = AUTO,
    detector_weights: WeightsOption = None,
) -> None:
    """Cut an aligned crop of every face, for example for recognition.

    The file crops.json has the maps between crops and images.

    Examples:
        nasion crop friends/
        nasion crop me.jpg --as ffhq --size 256 --border reflect
    """
    from nasion import measure as measuring
    from nasion.measure.crops import check_size
    from nasion.outputs.records import file_version
    from nasion.predict.writers import unique_stems

    boxes = make_boxes(box, min_score)
    form = measuring.load_template(template)
    if size is not None:
        check_size(size)
    predictor = make_predictor(model, detector_weights, min_score, device=device)
    form.indices_in(predictor.skeleton)
    paths = find_images(images, recursive, out)
    stems = unique_stems(paths)
    ensure_writable(out)
    ensure_no_overwrite(paths, [out / "crops.json"])
    tables: list[dict[str, Any]] = []
    for found in _predicted(predictor, paths, boxes):
        table = _write_crops(found, form, size, border, out / stems[found.path])
        tables.append({"image": str(found.path), "faces": table})
    write_text(out / "crops.json", json.dumps({**file_version(), "images": tables}, indent=1) + "\n")
    count = sum(len(table["faces"]) for table in tables)
    say(f"{counted(count, 'crop')} from {counted(len(tables), 'image')} → {out / 'crops.json'}")


def _write_crops(
    found: _Found, form: "Template", size: int | None, border: str | None, stem: Path
) -> list[dict[str, Any]]:
    """Write the crops of the faces of an image, and return their maps, px."""
    from nasion import images as image_io
    from nasion import measure as measuring
    from nasion.measure.crops import DEFAULT_BORDER

    tables = []
    for number, face in enumerate(found.faces):
        path = stem.with_name(f"{stem.name}-{number}.png")
        ensure_no_overwrite([found.path], [path])
        try:
            cut = measuring.crop(face, found.image, form, size, border or DEFAULT_BORDER)
        except MeasurementError as error:
            notice(f"{found.path}: face {number} was left out: {error}")
            continue
        image_io.write(path, cut.image)
        tables.append({"face": number, "score": round(face.score, 4), "file": path.name, **cut.to_table()})
    return tables


def measure(
    images: ImagesArgument,
    definitions: Annotated[
        Path | None,
        typer.Option(help="distances, angles and ratios; default: those of the package", metavar="FILE.toml"),
    ] = None,
    known: KnownOption = None,
    out: Annotated[Path, typer.Option(help="the table to write", metavar="FILE.csv")] = Path("measurements.csv"),
    axes: Annotated[
        Path | None, typer.Option(help="folder for images with the axes of each head", metavar="FOLDER")
    ] = None,
    model: ModelOption = model_zoo.DEFAULT,
    box: BoxOption = None,
    min_score: MinScoreOption = 0.0,
    recursive: RecursiveOption = False,
    device: DeviceOption = AUTO,
    detector_weights: WeightsOption = None,
) -> None:
    """Measure pose, eyes, mouth and distances of every face.

    Each number has its standard error. The table has a row for each number, and one for an image without a face. Cells
    are empty where a point is missing or hidden.

    Examples:
        nasion measure me.jpg --known pupils=63
        nasion measure friends/ --definitions mine.toml --axes axes
    """
    from nasion import images as image_io
    from nasion import measure as measuring
    from nasion.predict.writers import unique_stems

    _check_table(out)
    boxes = make_boxes(box, min_score)
    predictor = make_predictor(model, detector_weights, min_score, device=device)
    defined = (
        measuring.default_definitions(predictor.skeleton)
        if definitions is None
        else measuring.read_definitions(definitions, predictor.skeleton)
    )
    known_mm = _known_length(known)
    measuring.check_known(known_mm, defined)
    paths = find_images(images, recursive, out.parent if axes is None else axes)
    stems = unique_stems(paths)
    ensure_writable(out.parent)
    table, faces, used = io.StringIO(), 0, 0
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for found in _predicted(predictor, paths, boxes):
        if not found.faces:
            writer.writerow([str(found.path), *[""] * (len(COLUMNS) - 1)])
        for number, face in enumerate(found.faces):
            writer.writerows(_rows(found.path, number, measuring.measurement_rows(face, defined, known_mm)))
        faces, used = faces + len(found.faces), used + 1
        if axes is not None:
            path = axes / f"{stems[found.path]}-axes.png"
            ensure_no_overwrite([found.path], [path])
            image_io.write(path, _with_axes(found))
    write_text(out, table.getvalue())
    say(f"{counted(faces, 'face')} in {counted(used, 'image')} → {out}")


def _check_table(out: Path) -> None:
    """Check the name of the table.

    Raises:
        ConfigError: it is a folder's, or does not end in .csv.
    """
    if out.suffix.lower() != ".csv" or out.is_dir():
        example = out / "measurements.csv" if out.is_dir() else out.with_suffix(".csv")
        raise ConfigError(f"--out {out}: the table needs a file name that ends in .csv, such as --out {example}")


def _rows(path: Path, number: int, measured: "Sequence[tuple[str, Measured]]") -> Iterator[list[str]]:
    for name, each in measured:
        yield [str(path), str(number), name, _cell(each.value, 6), _cell(each.error, 3), each.unit]


def _cell(number: float, digits: int) -> str:
    """Return a number with as many significant digits; empty for NaN."""
    return "" if math.isnan(number) else f"{number:.{digits}g}"


def _with_axes(found: _Found) -> "Image":
    """Return the image (H, W, 3) uint8 RGB with the axes of each head."""
    image = found.image
    for number, face in enumerate(found.faces):
        try:
            image = face.pose.draw(image)
        except MeasurementError as error:
            notice(f"{found.path}: face {number} has no axes: {error}")
    return image


def _known_length(text: str | None) -> dict[str, float]:
    if text is None:
        return {}
    name, _, millimeters = text.partition("=")
    try:
        return {name.strip(): float(millimeters)}
    except ValueError:
        raise ConfigError(
            f'--known must be the name of a distance and its length in mm, such as pupils=63, not "{text}"'
        ) from None


def _predicted(predictor: "Predictor", paths: Sequence[Path], boxes: "BoxSource") -> Iterator[_Found]:
    """Yield each image that can be read with its faces, in order; report skipped images and those without a face.

    Raises:
        ImageError: no image could be used.
    """
    from nasion.predict.image_files import each_image, predict_file

    def predict(path: Path, image: "Image") -> _Found:
        return _Found(path, image, predict_file(predictor, path, image, boxes))

    skipped: list[ImageError] = []
    reporter = SILENT if len(paths) <= FEW else REPORTER
    with reporter.task("predicting", len(paths)) as task:
        for path, found in each_image(predict, paths):
            if isinstance(found, ImageError):
                skipped.append(found)
            else:
                if not found.faces:
                    notice(f"{path}: no face found")
                yield found
            task.advance()
    for reason in skipped:
        notice(f"skipped {reason}")
