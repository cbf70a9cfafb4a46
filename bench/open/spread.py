"""Fit the uncertainty of a run to manual points on photographs, after a training on rendered heads.

    python bench/open/spread.py RUN_FOLDER 'csv:ibug.csv?images=WEBMORPH_DIR/images&skeleton=ibug-68'

All spreads are multiplied by one factor, so that the expected share of points lies within two of them; then the sizes
of the ellipses are measured again. A limit above which the export rejects detections must be multiplied by it, too.
"""

import json
import sys
from pathlib import Path

import numpy as np

from nasion import datasets
from nasion.atomic import write_text
from nasion.evaluation.evaluation import evaluate
from nasion.predict.backends.confidence import measure_confidence
from nasion.predict.predictor import Predictor
from nasion.train.checkpoint import load_weights
from nasion.train.runs.calibration import SCALE, scale_spreads
from nasion.train.runs.run_folder import CONFIDENCE, MAX_RELATIVE_SPREAD, open_run, read_scores
from nasion.uncertainty import nominal_share

MULTIPLE = 2
"""Number of spreads within which the share of points becomes the expected one."""


def main(folder: Path, data: str) -> None:
    """Change the run's spreads and its scores.json, and print the factor."""
    distances = evaluate(Predictor(folder), datasets.load(data), "points").mahalanobis
    factor = float(np.nanquantile(distances, float(nominal_share(MULTIPLE)))) / MULTIPLE
    run, scores = open_run(folder), read_scores(folder)
    scale_spreads(run, load_weights(run.best)["weights"][SCALE] * factor)
    scores[CONFIDENCE] = measure_confidence(distances / factor)._asdict()
    scores[MAX_RELATIVE_SPREAD] *= factor
    write_text(folder / "scores.json", json.dumps(scores, indent=1) + "\n")
    print(f"all spreads are now {factor:.3f} times as large")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
