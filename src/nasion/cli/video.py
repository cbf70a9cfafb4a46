"""The command for videos and cameras."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasion.cli.options import DeviceOption, ModelOption, RegionsOption, WeightsOption, choice, make_predictor
from nasion.cli.screen import REPORTER, counted, notice, say
from nasion.errors import ConfigError
from nasion.predict import model_zoo
from nasion.predict.backends.devices import AUTO

if TYPE_CHECKING:
    from nasion.video.process import ClipSummary
    from nasion.video.reader import Clip

__all__ = ["video"]

CAMERA_DIGITS = 2
"""Digits of a camera's number at most; a longer number is a file name."""

LISTED_FACES = 8
"""Faces that the summary lists."""


def _strengths() -> Collection[str]:
    from nasion.video.smooth import STRENGTHS

    return STRENGTHS


def video(
    clip: Annotated[str, typer.Argument(help="a video file, or a camera's number, such as 0", metavar="CLIP")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="the .mp4 to write, with sound; default: CLIP-points.mp4, or none with --csv or --events",
            metavar="FILE.mp4",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="write every face's keypoints here", metavar="FILE.csv")] = None,
    events: Annotated[Path | None, typer.Option(help="write blinks and yawns here", metavar="FILE.csv")] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="also write pose, eyes, mouth and symmetry into the table of --csv")
    ] = False,
    smooth: Annotated[str, choice("--smooth", _strengths, "smoothing of the keypoints over time")] = "light",
    draw_regions: RegionsOption = False,
    model: ModelOption = model_zoo.DEFAULT,
    device: DeviceOption = AUTO,
    detector_weights: WeightsOption = None,
) -> None:
    """Track the faces of a video or camera, and draw the keypoints.

    Each face keeps its number. A camera is shown in a window.

    Examples:
        nasion video clip.mp4
        nasion video clip.mp4 --csv points.csv --measure --events events.csv
        nasion video 0
    """
    from nasion.images import SUFFIXES
    from nasion.video.process import process_clip
    from nasion.video.reader import open_clip

    if Path(clip).suffix.lower() in SUFFIXES and Path(clip).is_file():
        raise ConfigError(f"{clip} is an image, not a video; use: nasion predict {clip}")
    if clip.isdecimal() and len(clip) <= CAMERA_DIGITS:
        from nasion.video.camera import show_camera

        if out or csv or events or measure:
            raise ConfigError(
                "a camera is shown in a window; to write keypoints, events or measurements, record a video first"
            )
        predictor = make_predictor(model, detector_weights, device=device)
        say(_format_summary(show_camera(int(clip), predictor, smooth, draw_regions)))
        return
    source = open_clip(Path(clip))
    out = out or (None if csv or events else Path(f"{Path(clip).stem}-points.mp4"))
    predictor = make_predictor(model, detector_weights, device=device)
    summary = process_clip(source, predictor, out, csv, smooth, REPORTER, draw_regions, events, measure)
    _report_damage(source, summary)
    say(_format_summary(summary))
    for path in (out, csv, events):
        if path is not None:
            say(f"  {path}")


def _report_damage(clip: "Clip", summary: "ClipSummary") -> None:
    if clip.ended_early:
        notice(
            f"{clip.path}: it ends after {counted(summary.frames, 'frame')} ({clip.ended_early}); "
            "the frames before are written"
        )
    if clip.damaged:
        notice(f"{clip.path}: skipped {counted(clip.damaged, 'damaged part')}")
    if summary.lost_sound:
        notice(f"{clip.path}: {summary.lost_sound}")


def _format_summary(summary: "ClipSummary") -> str:
    counts = sorted(summary.frames_by_face.items())
    faces = ", ".join(f"face {number} in {frames}" for number, frames in counts[:LISTED_FACES])
    more = f" and {len(counts) - LISTED_FACES} more" if len(counts) > LISTED_FACES else ""
    kinds = Counter(event.kind for event in summary.events)
    events = "".join(f"; {kind}: {count}" for kind, count in sorted(kinds.items()))
    return (
        f"{counted(summary.frames, 'frame')}, {summary.rate:.0f} frames/s; {faces or 'no face found'}{more}; "
        f"detector ran {counted(summary.detector_runs, 'time')}{events}"
    )
