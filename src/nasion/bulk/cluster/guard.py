"""Images that kill their worker: they become rows with an error, so that a job does not repeat them forever.

While a worker predicts a batch, the output has a file that says so, `_nasion/started/KEY.json`. A worker that dies
leaves it there, and Ray gives the batch to another worker. That one predicts image by image, and first writes the id of
each image into the file. An image at which two workers died in this way is not predicted again.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from nasion.bulk.output import Output
from nasion.bulk.predictor import BulkPredictor, id_path_pairs
from nasion.datasets.formats.outputs.parquet import load_arrow
from nasion.errors import NasionError

__all__ = ["MAX_DEATHS", "CrashGuard"]

MAX_DEATHS = 3
"""Workers that an image may kill: the first one with its batch, the others while it is the only image."""

KEY_LENGTH = 16
"""Digits of the name of a batch."""


class CrashGuard:
    """Predicts batches, and finds the images that kill the worker.

    Args:
        output: where the job writes; if it cannot be reached for a while, the batch is predicted without the guard.
    """

    def __init__(self, output: Output) -> None:
        self.output = output

    def __call__(self, predict: BulkPredictor, batch: Any) -> Any:
        """Return the table of a batch, an Arrow table with the columns id and path, strings.

        Raises:
            RefusedError: the storage refuses the credentials.
            ConfigError: the package for this kind of storage is not installed.
        """
        names = batch.column("id")
        if not len(names):
            return predict(batch)
        file = f"started/{hashlib.sha256(str(names[0]).encode()).hexdigest()[:KEY_LENGTH]}.json"
        deaths = self._deaths(file)
        self._write(file, None, deaths or {})
        try:
            if deaths is None:
                return predict(batch)
            tables = list(self._one_by_one(predict, batch, file, deaths))
            return load_arrow().concat_tables(tables).combine_chunks()
        finally:  # also after an exception, which is not a death
            with suppress(NasionError):
                self.output.remove_json(file)

    def _one_by_one(self, predict: BulkPredictor, batch: Any, file: str, deaths: dict[str, int]) -> Iterator[Any]:
        for place, (name, path) in enumerate(id_path_pairs(batch)):
            if deaths.get(name, 0) >= MAX_DEATHS - 1:
                yield predict.error_table(name, path, f"{path}: the worker died {MAX_DEATHS} times at this image")
            else:
                self._write(file, name, deaths)
                yield predict(batch.slice(place, 1))

    def _deaths(self, file: str) -> dict[str, int] | None:
        """Return at which images, by id, how many workers died; None if none died with this batch."""
        stored = None
        with suppress(NasionError):
            stored = self.output.read_json(file)
        if stored is None:
            return None
        deaths, last = dict(stored["deaths"]), stored["id"]
        return deaths if last is None else {**deaths, last: deaths.get(last, 0) + 1}

    def _write(self, file: str, name: str | None, deaths: dict[str, int]) -> None:
        with suppress(NasionError):
            self.output.write_json(file, {"id": name, "deaths": deaths})
