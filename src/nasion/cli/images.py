"""A person's own pictures: find points, match two faces, see which models there are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, track

from nasion.cli.screen import console, notice, say
from nasion.detect.yunet import best_detector
from nasion.errors import ConfigError, ImageError
from nasion.predict import image_files as find
from nasion.predict import model_zoo as models
from nasion.predict.predictor import Predictor

__all__ = ["COMMANDS", "Weights", "make_predictor"]

FEW = 12
"""Pictures up to which each gets a line of its own; of more, a bar shows the progress."""

CAMERA_DIGITS = 3
"""A name of as many digits, or more, is a file's."""

ModelOption = Annotated[str, typer.Option("--model", help="a model's name, an .onnx file or a run folder")]
Weights = Annotated[Path | None, typer.Option(help="YuNet's file, instead of its download")]


def make_predictor(
    model: str, weights: Path | None, min_score: float = 0.0, max_spread: float | None = None
) -> Predictor:
    """Return what finds points; a person is told what they should know."""
    detector = None if weights is None else best_detector(weights)
    return Predictor(model, detector, notice, min_score, max_spread)


def predict(
    pictures: Annotated[list[str], typer.Argument(help='pictures, folders, patterns, or "-"')],
    model: ModelOption = models.DEFAULT,
    out: Annotated[Path, typer.Option(help="folder for the drawn pictures and the points")] = Path("predictions"),
    form: Annotated[str, typer.Option("--format", help="json, csv or pts")] = "json",
    box: Annotated[
        str | None, typer.Option(help='x0,y0,x1,y1, px, around the face; a CSV file of boxes; or "picture"')
    ] = None,
    min_score: Annotated[
        float, typer.Option(min=0, max=1, help="leave out faces that the detector is less sure of")
    ] = 0.0,
    max_spread: Annotated[
        float | None,
        typer.Option(min=0.001, help="leave out points that may be further off, as a share of the face's size"),
    ] = None,
    draw_spread: Annotated[bool, typer.Option("--spread", help="draw how far each point may be off")] = False,
    require_face: Annotated[bool, typer.Option(help="exit with 1 if a picture has no face")] = False,
    detector_weights: Weights = None,
) -> None:
    """Find the points of every face in your own pictures; draw them and write them."""
    boxes = (lambda _path: None) if box is None else find.read_boxes(box)
    if form == "pts" and max_spread is not None:
        raise ConfigError("a .pts file has no place for points that are left out; use --format json or csv")
    if box is not None and min_score:
        raise ConfigError("--min-score is of faces that a detector finds; with --box none is asked")
    predictor = make_predictor(model, detector_weights, min_score, max_spread)
    paths = find.listed(pictures)
    several = len(paths) > 1

    def tell(path: Path, so_far: find.Summary) -> None:
        faces = so_far.found.get(path)
        if faces is None:
            if several:
                notice(f"skipped {so_far.skipped[-1].reason}")
        elif len(paths) <= FEW or not faces:
            say(f"{path}: {_told(faces, predictor.skeleton.count)} → {so_far.drawn[path]}")

    def progress(each: Iterable[Path]) -> Iterable[Path]:
        return track(each, "finding", total=len(paths), console=console, transient=True, disable=len(paths) <= FEW)

    summary = find.find(predictor, paths, out, form, boxes, tell, progress, with_spread=draw_spread)
    faces = sum(summary.found.values())
    where = summary.files[0] if len(summary.files) == 1 else out
    pictures_word = f"{len(summary.found)} picture{'s' * (len(summary.found) != 1)}"
    say(f"{faces} face{'s' * (faces != 1)} in {pictures_word} → {where}")
    if summary.skipped:
        console.print(f"[yellow]{len(summary.skipped)} of {len(paths)} pictures were skipped[/]")
    if require_face and not all(summary.found.values()):
        raise typer.Exit(1)


def _told(faces: int, count: int) -> str:
    if not faces:
        return "no face was found"
    points = f"{count} point{'s' * (count > 1)}"
    return points if faces == 1 else f"{faces} faces of {points}"


def video(
    clip: Annotated[str, typer.Argument(help="a video file, or a camera's number, such as 0")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="the .mp4 to write, sound kept; else CLIP-points.mp4, or none if there is a table", metavar="FILE.mp4"
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="write every face's points here", metavar="FILE.csv")] = None,
    smooth: Annotated[str, typer.Option(help="none, light or strong")] = "light",
    model: ModelOption = models.DEFAULT,
    detector_weights: Weights = None,
) -> None:
    """Follow the faces of a video: draw their points, write them, or watch a camera."""
    from nasion.video import open_clip
    from nasion.video.process import ClipSummary, write_clip
    from nasion.video.smooth import check_strength

    check_strength(smooth)
    if clip.isdecimal() and len(clip) < CAMERA_DIGITS:
        from nasion.video.camera import show_camera

        if out or csv:
            raise ConfigError("a camera is shown in a window; record it first to write its points")
        story = show_camera(int(clip), make_predictor(model, detector_weights), smooth)
        say(_format_summary(story))
        return
    source = open_clip(Path(clip))
    out = out or (None if csv else Path(f"{Path(clip).stem}-points.mp4"))
    predictor = make_predictor(model, detector_weights)
    columns = BarColumn(24), TextColumn("{task.fields[rate]:.0f} frames/s ·"), TimeRemainingColumn(compact=True)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("following", total=source.count or None, rate=0.0)

        def tell(story: ClipSummary) -> None:
            bar.update(task, completed=story.frames, rate=story.rate)

        story = write_clip(source, predictor, out, csv, smooth, tell)
    if source.ended_early:
        notice(f"{clip}: it broke off after {story.frames} frames ({source.ended_early}); what came before is written")
    if source.damaged:
        notice(f"{clip}: {source.damaged} damaged parts were left out")
    if story.lost_sound:
        notice(f"{clip}: {story.lost_sound}")
    say(_format_summary(story))
    for path in (out, csv):
        if path is not None:
            say(f"  {path}")


def _format_summary(story: Any) -> str:
    faces = ", ".join(f"face {number} in {frames}" for number, frames in sorted(story.shown.items())[:8])
    more = f" and {len(story.shown) - 8} more" if len(story.shown) > 8 else ""
    return (
        f"{story.frames} frames, {story.rate:.0f} a second; {faces or 'no face was found'}{more}; "
        f"the detector looked {story.looks} times"
    )


def match(
    a: Annotated[Path, typer.Argument(help="a picture; or a folder, alone, for its mean face")],
    b: Annotated[Path | None, typer.Argument(help="the picture that is moved onto A")] = None,
    model: ModelOption = models.DEFAULT,
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("match"),
    face: Annotated[
        str | None, typer.Option(help="which face of each picture, such as 0,2; else the largest", metavar="I,J")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, max=600, help="of the morph")] = 30,
    morph: Annotated[str, typer.Option(help="gif or mp4")] = "gif",
    detector_weights: Weights = None,
) -> None:
    """Match two faces by their points: joined, aligned, warped, midway, as a morph and as numbers."""
    from nasion.matching import write as files

    if a.is_dir():
        if b is not None:
            raise ConfigError(f"{a} is a folder: alone it gives its mean face; to match, name two pictures")
        _mean(a, make_predictor(model, detector_weights), out)
        return
    if b is None:
        raise ConfigError("name two pictures to match, or one folder for its mean face")
    predictor = make_predictor(model, detector_weights)
    first, second = _numbers(face)
    one, two = files.chosen_face(predictor, a, first), files.chosen_face(predictor, b, second)
    found, written = files.write_match(one, two, out, frames, morph)
    say(
        f"{len(found.names)} points matched; B → A: scale {found.similarity.scale:.3f}, "
        f"turned {found.similarity.rotation_deg:+.1f}°, residual {100 * found.residual:.1f} % of the face's size"
    )
    if found.residual > files.TURNED:
        notice("the two faces are turned differently: hidden parts are stretched in the warp and the morph")
    for path in written:
        say(f"  {path}")


def _numbers(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    try:
        words = [int(word) for word in text.split(",")]
        first, second = words if len(words) == 2 else words * 2
    except ValueError:
        raise ConfigError(f'--face is a number or two, such as 0 or 0,2, not "{text}"') from None
    return first, second


def _mean(folder: Path, predictor: Predictor, out: Path) -> None:
    from nasion.atomic import ensure_writable
    from nasion.matching import write as files

    ensure_writable(out)
    found, paths = [], find.listed([str(folder)])
    for path in track(paths, "finding", console=console, transient=True):
        try:
            found.append((path, files.chosen_face(predictor, path).face))
        except ImageError as error:
            notice(f"skipped {error}")
    if len(found) < 2:
        raise ImageError(f"{folder}: a mean needs two pictures with a face; it has {len(found)}")
    written = files.write_mean(predictor, found, out)
    say(f"the mean of {len(found)} faces of {len(paths)} pictures → {written[0]}")


def list_models() -> None:
    """List the models in the package: what each finds, its terms and scores."""
    for name in models.available():
        table = models.card(name)
        console.print(f"[bold]{name}[/]", soft_wrap=True)
        for key, value in table.items():
            for row, line in enumerate(_lines(value)):
                say(f"  {key if row == 0 else '':<12}{line}")


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}: {each}" for key, each in value.items()]
    return [str(each) for each in value] if isinstance(value, list) else str(value).strip().splitlines()


list_models.__name__ = "models"

COMMANDS = (predict, video, match, list_models)
