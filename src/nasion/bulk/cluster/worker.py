"""What a process of Ray does in a bulk job: it loads the model once, and predicts batches."""

import time
from contextlib import suppress
from typing import Any

from nasion.bulk.cluster.guard import CrashGuard
from nasion.bulk.output import Output
from nasion.bulk.packing import PackedModel
from nasion.bulk.predictor import BulkPredictor
from nasion.bulk.progress import ready_name
from nasion.bulk.video import BulkVideoPredictor
from nasion.errors import NasionError

__all__ = ["BulkWorker"]


class BulkWorker:
    """What an actor of Ray does: it loads the model once, says that it is ready, and predicts batches.

    Args:
        packed: the model.
        video: whether the paths are videos.
        address: the output.
        attempt: number of times that the job was started.
    """

    def __init__(self, packed: PackedModel, video: bool, address: str, attempt: int) -> None:
        self.predict = (BulkVideoPredictor if video else BulkPredictor)(**packed.arguments())
        output = Output(address)
        self.guard = CrashGuard(output)
        with suppress(NasionError):  # it is only the time of the progress
            if output.read_json(ready_name(attempt)) is None:
                output.write_json(ready_name(attempt), {"time": time.time()})

    def __call__(self, batch: Any) -> Any:
        """Return the table of a batch."""
        return self.guard(self.predict, batch)
