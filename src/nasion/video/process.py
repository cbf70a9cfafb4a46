"""The faces of a clip as files: the clip with the keypoints drawn, and a table with a row per face and frame."""

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nasion import draw
from nasion.atomic import atomic_path, ensure_writable
from nasion.errors import ConfigError, ImageError
from nasion.measure.events import Event, EventDetector
from nasion.outputs.columns import BOX, FACE, MEASUREMENT_COLUMNS, SCORE, measurement_cells, point_columns
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import Image
from nasion.skeleton import Skeleton
from nasion.uncertainty import MEASURED_DECIMALS
from nasion.video.reader import Clip
from nasion.video.track import FaceTracker, Frame
from nasion.video.writer import ClipWriter

__all__ = ["ClipSummary", "draw_faces", "process_clip", "track_frames"]

WRITABLE = 0o222
"""Permission bits of which a writable file has at least one."""


@dataclass
class ClipSummary:
    """What happened in a clip.

    Attributes:
        frames: number of frames.
        frames_by_face: number of frames in which each face was visible, by its number.
        detector_runs: how often the detector searched a full frame.
        seconds: working time.
        lost_sound: which sound was left out, and why; empty if none was.
        events: the blinks and yawns, by their start, if they were wanted.
    """

    frames: int = 0
    frames_by_face: dict[int, int] = field(default_factory=dict)
    detector_runs: int = 0
    seconds: float = 0.0
    lost_sound: str = ""
    events: list[Event] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Processed frames per second of working time."""
        return self.frames / self.seconds if self.seconds else 0.0


def track_frames(images: Iterable[tuple[float, Image]], tracker: FaceTracker, summary: ClipSummary) -> Iterator[Frame]:
    """Yield each frame with its faces, and update the summary.

    Args:
        images: times in seconds and images (H, W, 3) uint8 RGB.
        tracker: tracks the faces.
        summary: counts the frames, faces and detector runs.
    """
    for index, (time_s, image) in enumerate(images):
        faces = tracker(image, time_s)
        summary.frames, summary.detector_runs = index + 1, tracker.detector_runs
        for face in faces:
            summary.frames_by_face[face.number] = summary.frames_by_face.get(face.number, 0) + 1
        yield Frame(index, time_s, image, faces)


def process_clip(
    clip: Clip,
    predictor: Predictor,
    out: Path | None,
    table: Path | None,
    smooth: str = "light",
    reporter: Reporter = SILENT,
    draw_regions: bool = False,
    events: Path | None = None,
    measure: bool = False,
    watch: Callable[[Frame, ClipSummary], None] | None = None,
) -> ClipSummary:
    """Track the faces of a clip; write the clip with the keypoints drawn, and the keypoints as a table.

    Args:
        clip: the clip to read.
        predictor: predicts the keypoints.
        out: the .mp4 file to write, with the sound of the clip; None writes no video.
        table: the .csv file to write; None writes no table.
        smooth: strength of the smoothing, "none", "light" or "strong".
        reporter: receives the progress after each frame.
        draw_regions: whether to draw each region in its own color.
        events: the .csv file for blinks and yawns; None detects none.
        measure: whether the table has columns with the measurements of each face.
        watch: called with each frame and the summary so far; what it raises ends the work, and nothing is written.

    Raises:
        SkeletonError: events are wanted, and the model predicts neither eyes nor lips.
        ConfigError: the smoothing or the suffix of a file is unknown, a file would replace the clip, or `measure` is
            True without a table.
        ImageError: the clip has no readable frame.
        OutputError: a file cannot be written.
    """
    _check_outputs(clip, out, table, events)
    if measure and table is None:
        raise ConfigError("measurements are written to the table of keypoints; name its file with --csv")
    tracker, summary, start = FaceTracker(predictor, smooth), ClipSummary(), time.perf_counter()
    with ExitStack() as stack:
        writer = stack.enter_context(ClipWriter(out, clip.size, clip.rate, clip.pixel)) if out else None
        write_rows = stack.enter_context(_open_table(table, predictor.skeleton, summary, measure)) if table else None
        add_events = stack.enter_context(_open_events(events, summary)) if events else None
        task = stack.enter_context(reporter.task("tracking", clip.count or None))
        for frame in track_frames(clip.frames(writer), tracker, summary):
            if writer:
                writer.add_frame(frame.time_s, draw_faces(frame, draw_regions))
            if write_rows:
                write_rows(frame)
            if add_events:
                add_events(frame)
            summary.seconds = time.perf_counter() - start
            task.update(summary.frames, text=f"{summary.rate:.0f} frames/s")
            if watch:
                watch(frame, summary)
        summary.lost_sound = writer.lost_sound if writer else ""
        if not summary.frames:
            raise ImageError(f"{clip.path}: it has no frame that can be read; convert it to another format")
    return summary


@contextmanager
def _open_table(
    path: Path, skeleton: Skeleton, summary: ClipSummary, measure: bool
) -> Iterator[Callable[[Frame], None]]:
    """Yield a function that writes the rows of a frame to a CSV file with the columns of the skeleton's keypoints.

    With `measure`, the measurements of these keypoints follow. After Ctrl-C the file holds the frames so far, if there
    are any.
    """
    with (
        atomic_path(path, keep_on_interrupt=lambda: summary.frames > 0) as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        measured = MEASUREMENT_COLUMNS if measure else ()
        writer.writerow(["frame", "time_s", FACE, SCORE, *BOX, *point_columns(skeleton), *measured])

        def write_rows(frame: Frame) -> None:
            for face in frame.faces:
                numbers = np.concatenate([face.prediction.box, face.prediction.keypoints.ravel()])
                cells = ["" if np.isnan(value) else f"{value:.3f}" for value in numbers]
                score = f"{face.prediction.score:.4f}"
                if measure:
                    numbers = measurement_cells(face.prediction.measurements)
                    cells += ["" if value is None else f"{value:.{MEASURED_DECIMALS}f}" for value in numbers]
                writer.writerow([frame.index, f"{frame.time_s:.4f}", face.number, score, *cells])

        yield write_rows


@contextmanager
def _open_events(path: Path, summary: ClipSummary) -> Iterator[Callable[[Frame], None]]:
    """Yield a function that detects the blinks and yawns of a frame's faces; they are written to a CSV file at the end.

    After Ctrl-C the file holds the events so far, if there was a frame.
    """
    detector, found = EventDetector(), []

    def add(frame: Frame) -> None:
        for face in frame.faces:
            found.extend(detector.add(frame.time_s, face.number, face.unsmoothed))

    with atomic_path(path, keep_on_interrupt=lambda: summary.frames > 0) as part:
        try:
            yield add
        finally:
            summary.events = sorted([*found, *detector.finish()], key=lambda event: (event.start_s, event.face))
            rows = [",".join(("face", "event", "start_s", "end_s", "opening", "standard_error"))]
            for each in summary.events:
                times = f"{each.start_s:.3f},{each.end_s:.3f}"
                rows.append(f"{each.face},{each.kind},{times},{each.extreme:.4f},{each.error:.4f}")
            part.write_text("\n".join(rows) + "\n", "utf-8")


def _check_outputs(clip: Clip, out: Path | None, table: Path | None, events: Path | None) -> None:
    if table is not None and events is not None and table.resolve() == events.resolve():
        raise ConfigError(f"{table} cannot hold both the keypoints and the events; choose two names")
    for path, suffix in ((out, ".mp4"), (table, ".csv"), (events, ".csv")):
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            raise ConfigError(f"{path}: this file is written as {suffix}; change its suffix")
        if path.is_dir():
            raise ConfigError(f"{path} is a folder; name a file")
        if path.exists() and path.samefile(clip.path):
            raise ConfigError(f"{path} is the clip itself; choose another name")
        if path.exists() and not path.stat().st_mode & WRITABLE:
            raise ConfigError(f"{path} is write-protected; choose another name")
        ensure_writable(path.parent)


def draw_faces(frame: Frame, draw_regions: bool = False) -> Image:
    """Return the frame's image (H, W, 3) uint8 RGB with the keypoints of its faces, optionally colored by region.

    The number of a face is shown unless it is face 0 and alone in the frame.
    """
    canvas = frame.image
    for face in frame.faces:
        name = str(face.number) if face.number or len(frame.faces) > 1 else ""
        canvas = draw.draw_face(canvas, face.prediction, name, with_regions=draw_regions)
    return canvas
