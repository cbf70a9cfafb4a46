"""`BulkPredictor`: batches of image paths in, one row per image out; for Ray, Spark, Daft and plain Python."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from nasion import images
from nasion.bulk.reading import RETRY_S, FileReader
from nasion.bulk.schema import ImageRow, image_schema, image_table
from nasion.detect import Detector
from nasion.errors import ConfigError, ImageError, one_line
from nasion.predict.backends.backend import Backend
from nasion.predict.backends.devices import CPU
from nasion.predict.model_zoo import DEFAULT
from nasion.predict.predictor import Predictor

__all__ = ["BulkPredictor", "error_text", "id_path_pairs"]


class BulkPredictor:
    """Predicts the faces of batches of image paths in one thread, and returns Arrow tables with one row per image.

    An image that cannot be used becomes a row with its error, so that one broken file does not end a job.

    Args:
        model: a model's name in the package, an .onnx file, a run folder, or a `Backend`.
        detector: finds the faces, as in `Predictor`.
        min_score: detections with a lower score, 0 to 1, are dropped.
        max_spread: keypoints with a larger uncertainty, as a share of the face's size, become null; None keeps all.
        device: runs the network.
        retry_s: how long a file that cannot be read is tried again, seconds.

    Raises:
        ConfigError: pyarrow is not installed, or an argument is out of range.
        ModelError: there is no such model, or it is damaged.

    >>> import pyarrow                                                     # doctest: +SKIP
    >>> predict = BulkPredictor()                                          # doctest: +SKIP
    >>> table = predict(pyarrow.table({"id": ["a"], "path": ["s3://photos/a.jpg"]}))     # doctest: +SKIP
    >>> table["face_count"].to_pylist()                                    # doctest: +SKIP
    [1]
    """

    def __init__(
        self,
        model: str | Path | Backend = DEFAULT,
        detector: Detector | str | Path | None = None,
        min_score: float = 0.0,
        max_spread: float | None = None,
        device: str = CPU,
        retry_s: float = RETRY_S,
    ) -> None:
        cv2.setNumThreads(1)  # a job runs one process per core
        self.predictor = Predictor(model, detector, min_score=min_score, max_spread=max_spread, device=device)
        self.schema = image_schema(self.predictor.skeleton)
        self._read = FileReader(retry_s)

    def __call__(self, batch: Any) -> Any:
        """Return the Arrow table of a batch: an Arrow table with the columns id and path, strings.

        Raises:
            RefusedError: the storage refuses the credentials.
            ConfigError: the package for this kind of storage is not installed.
        """
        rows = [self.row(name, path) for name, path in id_path_pairs(batch)]
        return image_table(rows, self.predictor.skeleton, self.predictor.backend.name)

    def error_table(self, name: str, path: str, error: str) -> Any:
        """Return the Arrow table of an image, or of a video, that cannot be used."""
        row = ImageRow(name, path, error=error)
        return image_table([row], self.predictor.skeleton, self.predictor.backend.name)

    def row(self, name: str, path: str) -> ImageRow:
        """Return the row of one image; whatever goes wrong with this image alone is its error.

        Raises:
            RefusedError: the storage refuses the credentials.
            ConfigError: the package for this kind of storage is not installed.
        """
        size = None
        try:
            image = images.decode(self._read(path), path)
            size = image.shape[:2]
            return ImageRow(name, path, size, self.predictor(image))
        except ConfigError:
            raise
        except Exception as error:  # one image must not end a job of millions
            return ImageRow(name, path, size, error=error_text(error))


def error_text(error: Exception) -> str:
    """Return the text of the column "error"; the type of an exception is its start if it is not an error of the image.

    >>> error_text(ImageError("a.jpg: not an image")), error_text(ValueError("7"))
    ('a.jpg: not an image', 'ValueError: 7')
    """
    return str(error) if isinstance(error, ImageError) else f"{type(error).__name__}: {one_line(error)}"


def id_path_pairs(batch: Any) -> Iterator[tuple[str, str]]:
    """Yield the id and the path of each row of an Arrow table or record batch."""
    for name, path in zip(batch.column("id").to_pylist(), batch.column("path").to_pylist(), strict=True):
        yield str(name), str(path)
