"""Batches of videos in, one row per frame and face out."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from nasion.bulk.predictor import BulkPredictor, error_text, id_path_pairs
from nasion.bulk.reading import FileReader, is_remote
from nasion.bulk.schema import FrameRow, frame_schema, frame_table
from nasion.errors import ConfigError
from nasion.video import FaceTracker, open_clip

__all__ = ["BulkVideoPredictor"]


class BulkVideoPredictor(BulkPredictor):
    """Tracks the faces of batches of video paths, and returns Arrow tables with one row per frame and face.

    A frame without a face has one row without a face. A video that cannot be read has one row with its error; one that
    ends early has a last row without a frame that gives the reason. The arguments are those of `BulkPredictor`.

    Raises:
        ConfigError: pyarrow or PyAV is not installed, or the model cannot track faces.
        ModelError: there is no such model, or it is damaged.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        FaceTracker(self.predictor)  # checks the model before the first video
        self.schema = frame_schema(self.predictor.skeleton)

    def __call__(self, batch: Any) -> Any:
        """Return the Arrow table of a batch: an Arrow table with the columns id and path, strings.

        Raises:
            RefusedError: the storage refuses the credentials.
            ConfigError: the package for this kind of storage is not installed.
        """
        rows = [row for name, path in id_path_pairs(batch) for row in self.rows(name, path)]
        return frame_table(rows, self.predictor.skeleton, self.predictor.backend.name)

    def error_table(self, name: str, path: str, error: str) -> Any:
        """Return the Arrow table of a video that cannot be used."""
        row = FrameRow(name, path, error=error)
        return frame_table([row], self.predictor.skeleton, self.predictor.backend.name)

    def rows(self, name: str, path: str) -> list[FrameRow]:
        """Return the rows of one video; whatever goes wrong with this video alone is its error.

        Raises:
            RefusedError: the storage refuses the credentials.
            ConfigError: the package for this kind of storage is not installed.
        """
        found: list[FrameRow] = []
        try:
            with _local_file(path, self._read) as file:
                found.extend(self._tracked(name, path, file))
        except ConfigError:
            raise
        except Exception as error:  # one video must not end a job of millions
            found.append(FrameRow(name, path, error=error_text(error).replace(str(Path(path)), path)))
        return found

    def _tracked(self, name: str, path: str, file: Path) -> Iterator[FrameRow]:
        tracker, clip, index = FaceTracker(self.predictor), open_clip(file), -1
        for index, (time_s, image) in enumerate(clip.frames()):
            faces = tracker(image, time_s)
            if not faces:
                yield FrameRow(name, path, index, time_s)
            for face in faces:
                yield FrameRow(name, path, index, time_s, face.number, face.prediction)
        if index < 0:
            yield FrameRow(name, path, error=f"{path}: it has no frame that can be read")
        elif clip.ended_early:
            yield FrameRow(name, path, error=f"{path}: it ends after {index + 1} frames ({clip.ended_early})")


@contextmanager
def _local_file(path: str, read: FileReader) -> Iterator[Path]:
    """Yield a video as a file on this machine; one from a bucket is downloaded for the time of the block."""
    if not is_remote(path):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / PurePosixPath(path).name
        file.write_bytes(read(path))
        yield file
