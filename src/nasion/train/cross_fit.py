"""Cross-fitting: the uncertainty of a network, measured on faces that none of several further trainings saw.

A network is more certain about faces that it was trained on. Where few faces are labeled, hardly any are left to
measure by how much. Each further training leaves out another part of the training people, so that together they
measure all. The faces that it leaves out choose nothing, not even the best epoch.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from nasion.evaluation.evaluation import evaluate
from nasion.geometry import FloatArray
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import DataSet
from nasion.train.checkpoint import load_weights
from nasion.train.config import RunConfig
from nasion.train.loop.fit import fit, resume
from nasion.train.network.spread import likeliest_factor
from nasion.train.runs.calibration import SCALE, scale_spreads
from nasion.train.runs.run_folder import Run

__all__ = ["PARTS", "cross_fit", "faces_left_out"]

PARTS = "parts"
"""Folder in a run folder with the runs of the further trainings."""


def cross_fit(run: Run, faces: DataSet, reporter: Reporter = SILENT) -> FloatArray | None:
    """Train without each part of the people, calibrate the run with their faces, and return these faces' errors.

    An interrupted training is resumed.

    Args:
        run: a finished run, whose `data.cross_fit` is the number of parts.
        faces: those of the run.
        reporter: shows the progress.

    Returns:
        The errors (N, K) of all faces that were left out, in spreads after the calibration; NaN where a point is
        missing. None if the user stopped a training.

    Raises:
        NasionError: the data or the folder is at fault.
    """
    distances: list[FloatArray] = []
    for folder, config in _parts(run):
        reporter.line(f"part {config.data.left_out} of {config.data.cross_fit}, to measure the uncertainty:")
        part, rest = (
            resume(folder, reporter) if (folder / "run.json").exists() else fit(config, folder, run.command, reporter)
        )
        if part.stopped:
            reporter.warn(f"the uncertainty is not measured yet; resume with: nasion train --resume {run.folder}")
            return None
        left_out = faces_left_out(faces, rest)
        measured = evaluate(Predictor(folder), left_out, config.crop.box, reporter=reporter)
        distances.append(measured.mahalanobis * float(load_weights(part.best)["weights"][SCALE]))
    together = np.concatenate(distances)
    factor = likeliest_factor(together)
    scale_spreads(run, torch.tensor(factor))
    return together / factor


def faces_left_out(faces: DataSet, rest: DataSet) -> DataSet:
    """Return the faces that `rest`, the faces of a part, lacks."""
    known = {(face.image, face.face) for face in rest.annotations}
    return faces.subset([face for face in faces.annotations if (face.image, face.face) not in known])


def _parts(run: Run) -> Iterator[tuple[Path, RunConfig]]:
    """Yield the folder and the configuration of each further training."""
    config = run.config.model_copy(update={"precision": run.precision})
    for part in range(1, config.data.cross_fit + 1):
        data = config.data.model_copy(update={"left_out": part})
        yield run.folder / PARTS / str(part), config.model_copy(update={"data": data})
