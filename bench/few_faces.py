"""How many labeled faces a new network needs: the IMM dataset, from trained networks and from scratch.

python bench/few_faces.py imm:DIR --heads runs/heads --out docs/few_faces.png
"""

import csv
from pathlib import Path
from typing import Annotated

import typer
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from rich.console import Console

from nasion import datasets
from nasion.evaluation.evaluation import evaluate
from nasion.predict.predictor import Predictor
from nasion.train import config
from nasion.train.jobs import train_job
from nasion.train.runs.run_folder import open_run

FACES = (8, 32, 0)
"""Numbers of training faces; 0 is all faces of people 1 to 32."""

STEPS = 800
"""Approximate optimizer steps of each training: fewer faces do not get less time."""

ALL = 192
"""Number of training faces of people 1 to 32."""

TICKS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30)
"""Tick labels of the error axis, percent."""

STARTS = {
    "from default": ["init.model=default"],
    "from open": ["init.model=open"],
    "from scratch": ["init.freeze_share=0", "init.backbone_lr_factor=1.0"],
}
"""Settings of each start, by its name in the figure."""

PLACES = {3: ((-5, -13), (8, -3), (-5, 7)), 4: ((-5, -13), (-23, -3), (8, -3), (-5, 7))}
"""Where the 3 or 4 numbers of a column stand beside their marks, points: the smallest below, the largest above."""

PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
"""Behind the numbers, so that lines do not cross them."""

console = Console()


def main(
    data: Annotated[str, typer.Argument(help="the IMM dataset, imm:DIR")],
    out: Annotated[Path, typer.Option(help="figure to write; a .csv with its numbers goes beside it")] = Path(
        "few_faces.png"
    ),
    runs: Annotated[Path, typer.Option(help="folder for the runs; finished runs are reused")] = Path("runs/few"),
    heads: Annotated[str, typer.Option(help="also start from this run on rendered heads alone", metavar="RUN")] = "",
) -> None:
    """Train, measure on people 33 to 40, and draw the figure."""
    test = datasets.load(data).of_split("test")
    starts = STARTS | ({"from heads alone": [f"init.model={heads}"]} if heads else {})
    found: dict[str, list[tuple[int, float, float]]] = {name: [] for name in starts}
    for count in FACES:
        for name, start in starts.items():
            folder = runs / f"{name.replace(' ', '-')}-{count or 'all'}"
            if not (folder / "scores.json").exists():
                learn(data, count, start, folder)
            measured = evaluate(Predictor(folder), test, "points")
            nme, seconds = float(measured.nme("inter_ocular").mean()), _seconds(folder)
            faces = open_run(folder).data["faces"]["train"]
            found[name].append((faces, nme, seconds))
            console.print(f"{faces} faces, {name}: NME {100 * nme:.2f} %, {seconds / 60:.1f} min")
    rows = [(name, *row) for name, each in found.items() for row in each]
    with out.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["start", "faces", "nme", "seconds"])
        writer.writerows(rows)
    figure(found).savefig(out, dpi=130)


def learn(data: str, count: int, start: list[str], folder: Path) -> None:
    """Train on `count` faces; 0 is all."""
    settings = [f"data.faces={count}", "data.validation_share=0", "schedule.batch=8", *start]
    resolved = config.load("finetune", [*settings, f"schedule.epochs={max(1, STEPS * 8 // (count or ALL))}"], [data])
    train_job(resolved, folder, "bench/few_faces.py")


def _seconds(folder: Path) -> float:
    with (folder / "epochs.csv").open(newline="", encoding="utf-8") as file:
        return float(list(csv.DictReader(file))[-1]["seconds"])


def figure(found: dict[str, list[tuple[int, float, float]]]) -> Figure:
    """Return the figure of the error against the number of training faces."""
    drawn = Figure(figsize=(6, 4), layout="constrained")
    axis = drawn.subplots()
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    for name, each in found.items():
        axis.plot([count for count, *_ in each], [100 * nme for _, nme, _ in each], "o-", label=name)
    for same_count in zip(*found.values(), strict=True):
        places = PLACES[len(same_count)]
        for (count, nme, _), place in zip(sorted(same_count, key=lambda each: each[1]), places, strict=True):
            axis.annotate(
                f"{100 * nme:.1f}", (count, 100 * nme), xytext=place, textcoords="offset points", fontsize=8, bbox=PAPER
            )
    axis.margins(0.1)
    axis.set(xscale="log", yscale="log", xlabel="labeled training faces", ylabel="NME, inter-ocular (%)")
    counts = [count for count, *_ in next(iter(found.values()))]
    axis.set_xticks(counts, [str(count) for count in counts])
    axis.set_yticks([tick for tick in TICKS if axis.get_ylim()[0] <= tick <= axis.get_ylim()[1]])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_title("IMM dataset, 58 points, people 33 to 40, boxes from the points", fontsize=10)
    axis.legend(frameon=False)
    return drawn


if __name__ == "__main__":
    typer.run(main)
