"""Commands for networks: train, sweep, compare, export, filters, recipes."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from nasion.cli.options import MinutesOption, SetOption, SourcesOption, require_training_extra
from nasion.cli.screen import REPORTER, say, typed_command
from nasion.errors import ConfigError
from nasion.progress import SILENT

__all__ = ["compare", "export", "filters", "recipes", "sweep", "train"]


def train(
    recipe: Annotated[str | None, typer.Argument(help="a recipe's name, or a .toml file")] = None,
    data: SourcesOption = None,
    out: Annotated[Path | None, typer.Option(help="run folder; default: runs/RECIPE-DATE-TIME")] = None,
    settings: SetOption = None,
    init: Annotated[
        str | None, typer.Option(metavar="MODEL", help="start from a run folder, an .onnx file or a model's name")
    ] = None,
    minutes: MinutesOption = None,
    devices: Annotated[int, typer.Option(min=1, help="processes or GPUs on each machine")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="machines")] = 1,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="resume this run")] = None,
) -> None:
    """Train a network and write its report."""
    require_training_extra()
    from nasion.train import config
    from nasion.train.jobs import new_folder, resume_job, train_job
    from nasion.train.loop.hardware import Devices, is_worker

    reporter = SILENT if is_worker() else REPORTER
    used = Devices(devices, nodes)
    if resume is not None:
        if recipe or data or settings or init or minutes or out:
            raise ConfigError(
                "--resume continues a run with its own settings; omit recipe, --data, --out, --set, --init, --minutes"
            )
        resume_job(resume, reporter, used)
        return
    if recipe is None:
        raise ConfigError(f"name a recipe ({', '.join(config.available())}) or --resume RUN")
    if nodes > 1 and out is None:
        raise ConfigError("with --nodes, all machines need the same run folder; name it with --out")
    start = [f"init.model={json.dumps(init)}"] if init else []
    resolved = config.load(recipe, [*(settings or ()), *start], data or ())
    train_job(resolved, out or new_folder(recipe), typed_command(), reporter, minutes, used)


def sweep(
    recipe: Annotated[str, typer.Argument(help="a recipe's name, or a .toml file")],
    data: SourcesOption = None,
    settings: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="folder for the runs; default: runs/sweep-RECIPE-DATE-TIME")] = None,
    minutes: MinutesOption = None,
) -> None:
    """Train one run per value of --set a.b=x,y,z, and compare them."""
    require_training_extra()
    from nasion.train.jobs import new_folder
    from nasion.train.sweep import sweep as run_sweep
    from nasion.train.sweep import sweep_jobs

    jobs = sweep_jobs(recipe, settings or (), data or ())
    run_sweep(recipe, jobs, out or new_folder(f"sweep-{recipe}"), REPORTER, minutes)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="run folders")],
    out: Annotated[Path, typer.Option(help="figure to write; the scores go beside it as .csv")] = Path("compare.png"),
) -> None:
    """Compare runs: curves in one figure, scores in one table."""
    require_training_extra()
    from nasion.train.sweep import compare as compare_runs

    compare_runs({str(run): run for run in runs}, out, REPORTER)


def export(
    run: Annotated[Path, typer.Argument(help="a run folder")],
    file: Annotated[Path, typer.Argument(help="the .onnx file to write", metavar="FILE.onnx")],
    precision: Annotated[
        Literal["single", "half", "int8"],
        typer.Option(help="half halves the size; int8 quarters it and is faster, with ranges from the run's data"),
    ] = "single",
) -> None:
    """Write a run as one file that predicts without torch, and verify it."""
    require_training_extra()
    from nasion.train.export import export as write

    difference_px, is_mean = write(run, file, precision)
    kind = "mean" if is_mean else "largest"
    say(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    say(f"{kind} difference from PyTorch: {difference_px:.1g} px of the crop")
    say(f"next: nasion predict IMAGE --model {file}")


def filters(
    model: Annotated[Path, typer.Argument(help="a run folder")],
    out: Annotated[Path | None, typer.Option(help="the image to write; default: RUN/filters.png")] = None,
) -> None:
    """Draw the first layer's kernels."""
    require_training_extra()
    from nasion.train.jobs import draw_filters

    say(f"kernels → {draw_filters(model, out or model / 'filters.png')}")


def recipes() -> None:
    """List the recipes with command, time and score."""
    from nasion.train import config

    for name in config.available():
        header = [line[1:].strip() for line in config.recipe_text(name).splitlines() if line.startswith("#")]
        say(f"{name}\n  " + "\n  ".join(header))
