"""Commands for the user's own images: predict, match, models."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasion.cli.options import (
    BoxOption,
    DeviceOption,
    ImagesArgument,
    MinScoreOption,
    ModelOption,
    RecursiveOption,
    RegionsOption,
    WeightsOption,
    choice,
    find_images,
    make_boxes,
    make_predictor,
)
from nasion.cli.screen import REPORTER, counted, notice, say
from nasion.errors import ConfigError, ImageError
from nasion.predict import model_zoo
from nasion.predict.backends.devices import AUTO
from nasion.progress import SILENT, track

if TYPE_CHECKING:
    from nasion.matching import Match
    from nasion.predict.boxes import BoxSource
    from nasion.predict.image_files import ImageResult
    from nasion.predict.predictor import Predictor
    from nasion.predict.shards import Shard
    from nasion.predict.writers import ResultWriter

__all__ = ["FEW", "list_models", "match", "predict"]

OUT = Path("predictions")
"""The folder of the results of `nasion predict`."""

DrawingOption = Annotated[
    bool | None, typer.Option("--draw/--no-draw", help="write drawn images; default: yes, but not for a shard")
]
ShardOption = Annotated[
    str | None, typer.Option("--shard", help="predict one of N parts of the images, such as 3/64", metavar="K/N")
]

FEW = 12
"""Number of images up to which each gets its own line; more get a progress bar."""


def _output_formats() -> Collection[str]:
    from nasion.predict.writers import FORMATS

    return FORMATS


def _morphs() -> Collection[str]:
    from nasion.matching import MORPHS

    return MORPHS


def predict(
    images: ImagesArgument,
    model: ModelOption = model_zoo.DEFAULT,
    out: Annotated[Path, typer.Option(help="folder for drawn images and keypoints", metavar="FOLDER")] = OUT,
    form: Annotated[str, choice("--format", _output_formats, "how the keypoints are written")] = "json",
    box: BoxOption = None,
    min_score: MinScoreOption = 0.0,
    max_spread: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="drop keypoints with a larger uncertainty, share of the face's size", metavar="SHARE"
        ),
    ] = None,
    draw_spread: Annotated[
        bool, typer.Option("--spread", help="draw the uncertainty of each keypoint: two spreads")
    ] = False,
    confidence: Annotated[
        float | None,
        typer.Option(help="draw ellipses that contain this share of keypoints, such as 0.9", metavar="SHARE"),
    ] = None,
    draw_regions: RegionsOption = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="also write pose, eyes, mouth and symmetry (json, csv, parquet)")
    ] = False,
    require_face: Annotated[
        bool, typer.Option("--require-face", help="exit with code 1 if an image has no face")
    ] = False,
    recursive: RecursiveOption = False,
    part: ShardOption = None,
    drawing: DrawingOption = None,
    device: DeviceOption = AUTO,
    detector_weights: WeightsOption = None,
) -> None:
    """Predict and draw the keypoints of every face in your images.

    The keypoints of all images are written as one file, in the format of --format; pts writes a file for each face. An
    image from standard input is also saved, so that the results can be read back. With --shard, several processes
    divide the images by a hash of their paths; each writes one file when it is done, and does nothing if it exists.

    Examples:
        nasion predict me.jpg
        nasion predict friends/ "holiday/*.jpg" --format csv --out found
        nasion predict me.jpg --box 200,120,440,400
        cat me.jpg | nasion predict -
        nasion predict /data/photos -r --shard 3/64 --format parquet --out found
    """
    from nasion.predict.writers import ResultWriter

    boxes = make_boxes(box, min_score)
    _check_form(form, max_spread)
    shard = _open_shard(part, out, form)
    predictor = make_predictor(model, detector_weights, min_score, max_spread, device)
    paths = find_images(images, recursive, out)
    paths = shard.select(paths) if shard else paths
    drawing = not shard if drawing is None else drawing
    if box is None and not predictor.uses_full_image:
        _ = predictor.detector  # loaded before anything is written
    ellipses = _ellipse_size(predictor, draw_spread, confidence)
    name, skeleton = predictor.backend.name, predictor.skeleton
    writer = ResultWriter(out, form, paths, skeleton, ellipses, draw_regions, name, measure, drawing, shard)
    _report_total(writer, out, _predict_all(predictor, paths, writer, boxes), len(paths), predictor.backend.device)
    if require_face and not all(writer.counts.values()):
        raise typer.Exit(1)


def _predict_all(predictor: "Predictor", paths: list[Path], writer: "ResultWriter", boxes: "BoxSource") -> int:
    """Predict and write all images, report each, and return how many were skipped."""
    from nasion.predict.image_files import predict_images

    skipped = 0
    with writer, (SILENT if len(paths) <= FEW else REPORTER).task("predicting", len(paths)) as task:
        for result in predict_images(predictor, paths, writer, boxes):
            skipped += bool(result.skipped)
            _report_image(result, writer, predictor, len(paths))
            task.advance()
    return skipped


def _open_shard(text: str | None, out: Path, form: str) -> "Shard | None":
    """Return the shard of --shard; end the command if its file exists.

    Raises:
        ConfigError: there is no such shard, or the format writes several files.
    """
    from nasion.predict.shards import parse_shard
    from nasion.predict.writers import shard_file

    if text is None:
        return None
    shard = parse_shard(text)
    file = out / shard_file(shard, form)
    if file.exists():
        say(f"{file} exists; nothing to do")
        raise typer.Exit
    return shard


def _check_form(form: str, max_spread: float | None) -> None:
    """Check that a format can be written and can store what is requested.

    Raises:
        ConfigError: it cannot.
    """
    from nasion.predict.writers import check_format

    if form == "pts" and max_spread is not None:
        raise ConfigError(
            "a .pts file cannot store missing keypoints; with --max-spread use another --format, such as json or csv"
        )
    check_format(form)


def _ellipse_size(predictor: "Predictor", draw_spread: bool, confidence: float | None) -> float:
    """Return the half axes of the ellipses to draw, in spreads, and print their basis; 0 for none."""
    from nasion.draw.faces import ELLIPSE_SPREADS

    if confidence is None:
        return ELLIPSE_SPREADS if draw_spread else 0.0
    found = predictor.backend.confidence
    multiple = found.multiple(confidence)
    notice(f"ellipses of {multiple:.2f} spreads contain {100 * confidence:g} % of points: {found.basis()}")
    return multiple


def _report_image(result: "ImageResult", writer: "ResultWriter", predictor: "Predictor", images: int) -> None:
    if result.skipped:
        if images > 1 or writer.shard:  # for a single image, the error says it
            notice(f"skipped {result.skipped}")
    elif images <= FEW or not result.faces:
        drawn = writer.drawn[result.path]
        arrow = "" if drawn is None else f" → {drawn}"
        say(f"{result.path}: {_describe(result, predictor.skeleton.count)}{arrow}")


def _report_total(writer: "ResultWriter", out: Path, skipped: int, images: int, device: str) -> None:
    faces, used = sum(writer.counts.values()), len(writer.counts)
    target = writer.files[0] if len(writer.files) == 1 else out
    say(f"{counted(faces, 'face')} in {counted(used, 'image')}, on {device} → {target}")
    if skipped:
        REPORTER.warn(f"skipped {skipped} of {images} images")
    if writer.stale:
        notice(
            f"{out} also has {counted(len(writer.stale), '.pts file')} of earlier runs, such as "
            f"{writer.stale[0].name}; delete them, or choose another folder with --out"
        )


def _describe(result: "ImageResult", count: int) -> str:
    if not result.faces:
        return "no face found"
    points = counted(count, "point")
    described = points if result.faces == 1 else f"{result.faces} faces with {points}"
    missing = result.faces * count - result.points
    return f"{described}, {counted(missing, 'point')} dropped by --max-spread" if missing else described


def match(
    a: Annotated[Path, typer.Argument(help="an image, or one folder to average", metavar="A")],
    b: Annotated[Path | None, typer.Argument(help="the image that is aligned to A", metavar="B")] = None,
    model: ModelOption = model_zoo.DEFAULT,
    out: Annotated[Path, typer.Option(help="folder for the results", metavar="FOLDER")] = Path("match"),
    face: Annotated[
        str | None, typer.Option(help="face of each image, such as 0,2; default: the largest", metavar="I,J")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, max=600, help="frames of the morph", metavar="COUNT")] = 30,
    morph: Annotated[str, choice("--morph", _morphs, "file format of the morph")] = "gif",
    box: BoxOption = None,
    min_score: MinScoreOption = 0.0,
    device: DeviceOption = AUTO,
    detector_weights: WeightsOption = None,
) -> None:
    """Match two faces: aligned, warped, averaged, and as a morph.

    A single folder gives the mean face of its images.

    Examples:
        nasion match a.jpg b.jpg
        nasion match group.jpg me.jpg --face 2,0 --morph mp4
        nasion match friends/
    """
    from nasion.matching import write

    boxes = make_boxes(box, min_score)
    if a.is_dir():
        if b is not None:
            raise ConfigError(f"{a} is a folder, which is averaged alone; to match, name two images")
        _average(a, make_predictor(model, detector_weights, min_score, device=device), boxes, out)
        return
    if b is None:
        raise ConfigError("name two images to match, or one folder to average")
    first, second = _face_numbers(face)
    predictor = make_predictor(model, detector_weights, min_score, device=device)
    chosen = write.chosen_face(predictor, a, first, boxes(a)), write.chosen_face(predictor, b, second, boxes(b))
    _report_match(*write.write_match(*chosen, out, frames, morph))


def _report_match(matched: "Match", written: list[Path]) -> None:
    from nasion.matching.write import LARGE_RESIDUAL

    say(
        f"{len(matched.names)} points matched; B → A: scale {matched.similarity.scale:.3f}, "
        f"rotation {matched.similarity.rotation_deg:+.1f}°, residual {100 * matched.residual:.1f} % of the face's size"
    )
    if matched.residual > LARGE_RESIDUAL:
        notice("the faces have different poses: hidden parts are stretched in the warp and the morph")
    for path in written:
        say(f"  {path}")


def _face_numbers(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    try:
        words = [int(word) for word in text.split(",")]
        first, second = words if len(words) == 2 else words * 2
    except ValueError:
        raise ConfigError(f'--face is one or two numbers, such as 0 or 0,2, not "{text}"') from None
    return first, second


def _average(folder: Path, predictor: "Predictor", boxes: "BoxSource", out: Path) -> None:
    """Write the mean face of a folder."""
    from nasion.atomic import ensure_writable
    from nasion.matching import write
    from nasion.predict.image_files import list_images

    ensure_writable(out)
    found, paths = [], list_images([str(folder)])
    for path in track(paths, "predicting", REPORTER):
        try:
            found.append((path, write.chosen_face(predictor, path, None, boxes(path)).face))
        except ImageError as error:
            notice(f"skipped {error}")
    if len(found) < 2:
        raise ImageError(f"{folder}: a mean face needs two images with a face; it has {len(found)}; add images")
    written = write.write_mean(predictor, found, out)
    say(f"mean of {len(found)} faces from {len(paths)} images → {written[0]}")


def list_models() -> None:
    """List the models with their terms and scores.

    Examples:
        nasion models
    """
    usable = model_zoo.available()
    for name in model_zoo.names():
        say(name if name in usable else f"{name} (not in the package; download it with: nasion get {name})")
        for key, value in model_zoo.card(name).items():
            for row, line in enumerate(_lines(value)):
                say(f"  {key if row == 0 else '':<12}{line}")


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}: {each}" for key, each in value.items()]
    return [str(each) for each in value] if isinstance(value, list) else str(value).strip().splitlines()
