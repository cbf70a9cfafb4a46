"""A clip's faces as files: the clip with its points drawn, and a table with a row for each face in each frame."""

import csv
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nasion.atomic import ensure_writable, new_mode
from nasion.draw import points as draw
from nasion.errors import ConfigError, ImageError, OutputError
from nasion.predict.predictor import Predictor
from nasion.sample import Image
from nasion.video.reader import Clip, Writer
from nasion.video.track import FaceTracker, Frame

__all__ = ["ClipSummary", "drawn", "followed", "write_clip"]


WRITABLE = 0o222


@dataclass
class ClipSummary:
    """What happened in a clip.

    Attributes:
        frames: how many.
        shown: frames in which each face was seen, by its number.
        looks: how often the detector looked at the whole picture.
        seconds: of work.
        lost_sound: what sound was left out and why, if any was.
    """

    frames: int = 0
    shown: dict[int, int] = field(default_factory=dict)
    looks: int = 0
    seconds: float = 0.0
    lost_sound: str = ""

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds if self.seconds else 0.0


def followed(pictures: Iterable[tuple[float, Image]], follower: FaceTracker, story: ClipSummary) -> Iterator[Frame]:
    """Yield frames with their faces and keep the story up to date."""
    for index, (time_s, image) in enumerate(pictures):
        faces = follower(image, time_s)
        story.frames, story.looks = index + 1, follower.looks
        for face in faces:
            story.shown[face.number] = story.shown.get(face.number, 0) + 1
        yield Frame(index, time_s, image, faces)


def write_clip(
    clip: Clip,
    predictor: Predictor,
    out: Path | None,
    table: Path | None,
    smooth: str = "light",
    tell: Callable[[ClipSummary], None] = lambda _story: None,
) -> ClipSummary:
    """Follow the faces of a clip; write it with the points drawn, and the points as a table.

    Args:
        clip: what to read.
        predictor: finds.
        out: the .mp4 to write; its sound is the clip's. None writes none.
        table: the .csv to write; None writes none.
        smooth: "none", "light" or "strong".
        tell: called after each frame.

    Raises:
        ConfigError: the smoothing or a file's ending is unknown, or a file would take the clip's own place.
        ImageError: the clip has no frame that can be read.
        OutputError: a file cannot be written.
    """
    _check_outputs(clip, out, table)
    follower, story, began = FaceTracker(predictor, smooth), ClipSummary(), time.perf_counter()
    with ExitStack() as stack:
        writer = stack.enter_context(Writer(out, clip.size, clip.rate, clip.pixel)) if out else None
        row = stack.enter_context(_table(table, story)) if table else None
        if row is not None:
            axes = [f"{axis}{k}" for k in range(predictor.skeleton.count) for axis in "xy"]
            row(["frame", "time_s", "face", "score", *axes])
        for frame in followed(clip.frames(writer), follower, story):
            if writer is not None:
                writer.add(frame.time_s, drawn(frame))
            for face in frame.faces if row is not None else ():
                points = [f"{value:.3f}" for value in face.found.keypoints.ravel()]
                assert row is not None
                row([frame.index, f"{frame.time_s:.4f}", face.number, f"{face.found.score:.4f}", *points])
            story.seconds = time.perf_counter() - began
            tell(story)
        story.lost_sound = writer.lost_sound if writer else ""
        if not story.frames:
            raise ImageError(f"{clip.path}: it has no frame that can be read")
    return story


@contextmanager
def _table(path: Path, story: ClipSummary) -> Iterator[Callable[[list[object]], object]]:
    """Give what writes a row beside the table's place; it is moved there at the end, or as far as Ctrl-C let it.

    Whatever else goes wrong leaves what was in that place before.

    Raises:
        OutputError: the disk is full.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
            try:
                yield csv.writer(file, lineterminator="\n").writerow
            except KeyboardInterrupt:
                if not story.frames:
                    raise
                file.flush()
                _put(Path(name), path)
                raise
        _put(Path(name), path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from None
    finally:
        Path(name).unlink(missing_ok=True)


def _put(part: Path, path: Path) -> None:
    part.chmod(new_mode())
    part.replace(path)


def _check_outputs(clip: Clip, out: Path | None, table: Path | None) -> None:
    for path, suffix in ((out, ".mp4"), (table, ".csv")):
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            raise ConfigError(f"{path}: this is written as {suffix}")
        if path.is_dir():
            raise ConfigError(f"{path} is a folder; name a file")
        if path.exists() and path.samefile(clip.path):
            raise ConfigError(f"{path} is the clip itself; choose another name")
        if path.exists() and not path.stat().st_mode & WRITABLE:
            raise ConfigError(f"{path} is write-protected; choose another name")
        ensure_writable(path.parent)


def drawn(frame: Frame) -> Image:
    """Return a frame with its faces' points; several faces, and any but the clip's first, show their numbers."""
    canvas = frame.image
    for face in frame.faces:
        canvas = draw.draw_face(canvas, face.found, str(face.number) if face.number or len(frame.faces) > 1 else "")
    return canvas
