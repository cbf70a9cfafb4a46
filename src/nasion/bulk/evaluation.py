"""Evaluation on Ray: each worker loads the labels and the model once, and measures chunks of faces."""

import pickle
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasion.bulk.cluster.ray_errors import one_line_errors
from nasion.bulk.cluster.session import ONE_AT_A_TIME, WORKER_CPUS, check_ray, ray_session
from nasion.bulk.packing import PackedModel, pack
from nasion.datasets import load
from nasion.evaluation.box_modes import BoxFunction, box_function
from nasion.evaluation.evaluation import Evaluation, MeasuredChunk, evaluate, run_here, select_split
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import DataSet

__all__ = ["evaluate_bulk"]


class _Work(NamedTuple):
    """What a worker measures: a model on the faces of a split, from boxes."""

    packed: PackedModel
    data: str
    split: str
    boxes: str


def evaluate_bulk(
    predictor: Predictor,
    model: str | Path,
    data: str,
    boxes: str | None = None,
    split: str = "all",
    address: str | None = None,
    workers: int | None = None,
    reporter: Reporter = SILENT,
) -> Evaluation:
    """Return what `nasion.evaluate` returns, measured by processes of Ray on one or several machines.

    Args:
        predictor: predicts.
        model: the name, file or run folder from which it was loaded.
        data: the faces, such as "imm:DIR"; all machines must have them at this place.
        boxes: "points", "image", "detector" or a CSV file; default: as the model was trained.
        split: which faces.
        address: of a Ray cluster, "auto" or HOST:PORT; None starts Ray on this machine.
        workers: processes; default: one per core of this machine or of the cluster.
        reporter: shows the progress.

    Raises:
        NasionError: as `nasion.evaluate`, or Ray is not installed or cannot be reached.
    """
    check_ray(address)
    boxes = boxes or predictor.backend.crop.box
    options = {"min_score": predictor.min_score, "max_spread": predictor.max_spread}
    work = _Work(pack(predictor, str(model), options), data, split, boxes)
    return evaluate(predictor, data, boxes, split, reporter, partial(_run_on_ray, work, address, workers))


def _run_on_ray(
    work: _Work,
    address: str | None,
    workers: int | None,
    _predictor: Predictor,
    _faces: DataSet,
    _box_of: BoxFunction,
    chunks: list[range],
) -> Iterator[MeasuredChunk]:
    with ray_session(address, workers) as (_, count), one_line_errors(""):
        data = import_module("ray.data")
        data.DataContext.get_current().enable_progress_bars = False
        bounds = [{"start": each.start, "stop": each.stop} for each in chunks]
        found = data.from_items(bounds, override_num_blocks=len(bounds)).map_batches(
            EvaluationWorker,
            fn_constructor_args=(work,),
            batch_size=None,
            compute=data.ActorPoolStrategy(size=min(count, len(bounds)), **ONE_AT_A_TIME),
            num_cpus=WORKER_CPUS,
        )
        for row in found.iter_rows():
            yield pickle.loads(row["chunk"])  # noqa: S301  # a worker of this job wrote it


class EvaluationWorker:
    """What an actor of Ray does: it loads the model and the labels once, and measures chunks."""

    def __init__(self, work: _Work) -> None:
        self.predictor = Predictor(**work.packed.arguments())
        faces = select_split(load(work.data), work.split, self.predictor)
        self.faces = faces.reduced_to(self.predictor.skeleton)
        self.box_of = box_function(work.boxes, self.predictor)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the pickled chunks of a batch with the columns start and stop."""
        chunks = [range(int(a), int(b)) for a, b in zip(batch["start"], batch["stop"], strict=True)]
        found = run_here(self.predictor, self.faces, self.box_of, chunks)
        return {"chunk": np.array([pickle.dumps(each) for each in found], object)}
