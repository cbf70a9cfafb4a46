"""How well cross-fitting measures the uncertainty of a network that was fine-tuned on few faces.

python bench/cross_fit.py IMM_DIR

Eight of the people 1 to 32, two faces each, train a network; four further trainings leave out two people each. The
other 24 people show which factor of the spreads would have been right.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from nasion import datasets
from nasion.cli.screen import REPORTER
from nasion.evaluation.evaluation import Evaluation, evaluate
from nasion.geometry import FloatArray
from nasion.predict.predictor import Predictor
from nasion.train import config
from nasion.train.checkpoint import load_weights
from nasion.train.cross_fit import PARTS, SCALE, faces_left_out
from nasion.train.data.faces import load_faces
from nasion.train.jobs import train_job
from nasion.train.network.spread import likeliest_factor
from nasion.train.runs.run_folder import open_run
from nasion.train.runs.warm_start import load_trained

PEOPLE, STEP = 32, 4
"""People 1 to 32 may train; every fourth does."""

VIEWS = "13"
"""The views of each person: neutral, and turned by 30 degrees."""

MULTIPLES = (1, 2, 3)

console = Console()


def main(
    imm: Annotated[Path, typer.Argument(help="folder of the IMM dataset")],
    model: Annotated[str, typer.Option(help="the network that is fine-tuned")] = "tiny",
    first: Annotated[int, typer.Option(help="the first of the people who train", min=1, max=STEP)] = 1,
    epochs: Annotated[int, typer.Option(help="length of each training")] = 100,
    runs: Annotated[Path, typer.Option(help="folder for the run; a finished run is reused")] = Path("runs/cross-fit"),
) -> None:
    """Train, measure, and print the factors and the shares of points within 1, 2 and 3 spreads."""
    chosen = range(first, PEOPLE + 1, STEP)
    few = linked(imm, runs / f"faces-{first}", chosen)
    others = linked(imm, runs / f"others-{first}", [each for each in range(1, PEOPLE + 1) if each not in chosen])
    folder = runs / f"{model}-{first}"
    if not (folder / "scores.json").exists():
        crop = load_trained(model).config.crop
        settings = [f"crop.height={crop.height}", f"crop.width={crop.width}", f"crop.margin={crop.margin}"]
        settings += ["data.validation_share=0", "data.cross_fit=4", f"init.model={model}", f"schedule.epochs={epochs}"]
        settings += ["schedule.batch=8", "precision=float32"]
        train_job(config.load("finetune", settings, [few]), folder, "bench/cross_fit.py", REPORTER)
    raw = errors(folder, evaluate(Predictor(folder), datasets.load(others), "points"))
    people: dict[str, list[FloatArray]] = {}
    for part in sorted((folder / PARTS).iterdir()):
        left_out = faces_left_out(load_faces(open_run(folder).config), load_faces(open_run(part).config))
        measured = evaluate(Predictor(part), left_out, "points")
        for face, distances in zip(measured.faces, errors(part, measured), strict=True):
            people.setdefault(face.subject, []).append(distances)
    together = likeliest_factor(np.concatenate([np.stack(each) for each in people.values()]))
    rows = {"none": 1.0, "all faces that were left out": together}
    rows |= {f"those of person {name}": likeliest_factor(np.stack(each)) for name, each in people.items()}
    table = Table("calibrated with", "factor", "within 1", "2", "3", title="24 other people, percent")
    for name, factor in [*rows.items(), ("these people themselves", likeliest_factor(raw))]:
        known = raw[np.isfinite(raw)] / factor
        table.add_row(name, f"{factor:.2f}", *(f"{100 * (known <= multiple).mean():.1f}" for multiple in MULTIPLES))
    console.print(table)


def linked(imm: Path, folder: Path, people: range | list[int]) -> str:
    """Return a dataset with links to the faces of some people."""
    folder.mkdir(parents=True, exist_ok=True)
    for person in people:
        for file in sorted(imm.glob(f"{person:02}-[{VIEWS}]*")):
            if not (folder / file.name).exists():
                (folder / file.name).symlink_to(file.resolve())
    return f"imm:{folder}?eyes=corrected"


def errors(folder: Path, measured: Evaluation) -> FloatArray:
    """Return the errors (N, K) of a run, in spreads without calibration."""
    return measured.mahalanobis * float(load_weights(open_run(folder).best)["weights"][SCALE])


if __name__ == "__main__":
    typer.run(main)
