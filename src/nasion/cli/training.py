"""Commands for networks: train, sweep, compare, average, export, filters, recipes, settings, and new recipes."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from nasion.atomic import no_empty_folders
from nasion.cli.options import (
    MinutesOption,
    SetOption,
    SourcesOption,
    WeightsOption,
    require_training_extra,
    write_new,
)
from nasion.cli.screen import REPORTER, counted, say, typed_command
from nasion.errors import ConfigError
from nasion.progress import SILENT

__all__ = [
    "average",
    "compare",
    "export",
    "filters",
    "new_recipe",
    "recipes",
    "settings",
    "sweep",
    "train",
    "train_detector",
]


def _recipe_names() -> list[str]:
    from nasion.train import config

    return config.available()


RECIPE = typer.Argument(help="a recipe's name, or a .toml file", metavar="RECIPE", autocompletion=_recipe_names)

UnlabeledOption = Annotated[
    list[str] | None,
    typer.Option(
        "--unlabeled",
        "--unlabelled",
        help="faces that the network labels for its own training: images, or data whose points are means of its points",
        metavar="DATA",
    ),
]


def train(
    recipe: Annotated[str | None, RECIPE] = None,
    data: SourcesOption = None,
    out: Annotated[Path | None, typer.Option(help="run folder; default: runs/RECIPE-DATE-TIME", metavar="RUN")] = None,
    settings: SetOption = None,
    init: Annotated[
        str | None, typer.Option(metavar="MODEL", help="start from a run folder, an .onnx file or a model's name")
    ] = None,
    minutes: MinutesOption = None,
    devices: Annotated[int, typer.Option(min=1, help="processes or GPUs on each machine", metavar="COUNT")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="machines", metavar="COUNT")] = 1,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="resume this run")] = None,
    unlabeled: UnlabeledOption = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=100, help="trainings with --unlabeled faces; default: 1", metavar="COUNT")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="the model that first labels the --unlabeled faces", metavar="MODEL")
    ] = None,
    detector_weights: WeightsOption = None,
) -> None:
    """Train a network and write its report.

    Ctrl-C stops after the current epoch with everything saved.

    Examples:
        nasion train nose --data synthetic:400 --minutes 1
        nasion train finetune --data csv:faces.csv --init default --minutes 5
        nasion train finetune --data csv:faces.csv --init default --unlabeled photos --rounds 2
        nasion train tiny --data csv:faces.csv --unlabeled photos --teacher default
        nasion train --resume runs/nose
    """
    require_training_extra()
    from nasion.train import config
    from nasion.train.jobs import new_folder, resume_job, train_job
    from nasion.train.loop.hardware import Devices, is_worker

    reporter = SILENT if is_worker() else REPORTER
    used = Devices(devices, nodes)
    if resume is not None:
        _check_resume(recipe, data, settings, init, minutes, out, unlabeled)
        resume_job(resume, reporter, used)
        return
    _check_unlabeled(bool(unlabeled), bool(rounds or teacher or detector_weights), used.world)
    if recipe is None:
        raise ConfigError(f"name a recipe ({', '.join(config.available())}) or --resume RUN")
    if nodes > 1 and out is None:
        raise ConfigError("with --nodes, all machines need the same run folder; name it with --out")
    start = [f"init.model={json.dumps(init)}"] if init else []
    resolved = config.load(recipe, [*(settings or ()), *start], data or ())
    folder = out or new_folder(recipe)
    with no_empty_folders(folder):
        if unlabeled:
            from nasion.train.rounds import train_rounds

            labeled_by = teacher, detector_weights
            train_rounds(resolved, folder, unlabeled, rounds or 1, typed_command(), reporter, minutes, *labeled_by)
        else:
            train_job(resolved, folder, typed_command(), reporter, minutes, used)


def _check_resume(*given: object) -> None:
    """Reject options that a resumed run already has.

    Raises:
        ConfigError: one of the options is given.
    """
    if any(given):
        raise ConfigError(
            "--resume continues a run with its own settings; omit recipe, --data, --out, --set, --init, --minutes, "
            "--unlabeled"
        )


def _check_unlabeled(given: bool, used: bool, processes: int) -> None:
    """Reject options for unlabeled faces without such faces, and such faces in a training with several processes.

    Raises:
        ConfigError: the options do not fit.
    """
    if used and not given:
        raise ConfigError("--rounds, --teacher and --detector-weights need faces to label; name them with --unlabeled")
    if given and processes > 1:
        raise ConfigError("--unlabeled trains on one device; omit --devices and --nodes")


def train_detector(
    out: Annotated[Path, typer.Argument(help="folder for the checkpoint and detector.onnx", metavar="OUT")],
    data: Annotated[
        list[str], typer.Option(help="faces with keypoints, such as rendered heads; may be repeated", metavar="DATA")
    ],
    backgrounds: Annotated[
        Path | None, typer.Option(help="a folder of photographs that show no faces", metavar="FOLDER")
    ] = None,
    init: Annotated[Path | None, typer.Option(help="the folder of a training to start from", metavar="OUT")] = None,
    steps: Annotated[int, typer.Option(help="number of batches of 16 scenes", metavar="N", min=1)] = 6000,
    lr: Annotated[float, typer.Option(help="highest learning rate", metavar="RATE", min=1e-6, max=1)] = 2e-3,
    seed: Annotated[int, typer.Option(help="of the weights and the scenes", metavar="N", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="processes that compose scenes", metavar="N", min=0)] = 1,
) -> None:
    """Train a face detector; an interrupted training is resumed.

    It learns the box around the keypoints, on faces that are pasted into scenes.

    Use it with --detector-weights OUT/detector.onnx. Faces rendered with `nasion heads --transparent` are pasted with
    their outline.

    Examples:
        nasion detector runs/detector --data coco:data/heads/keypoints.json --backgrounds photos
        nasion detector runs/mine --data csv:faces.csv --init runs/detector --steps 1000
    """
    require_training_extra()
    from nasion import datasets

    try:
        from nasion.datasets.rendered.looks.background import background_files
    except ImportError as error:
        raise ConfigError(f"scenes need numba ({error}); pip install 'nasion[render]'") from None

    from nasion.train.detection import fit
    from nasion.train.detection.scenes import cutouts

    photographs, broken = background_files(backgrounds)
    for path in broken:
        REPORTER.warn(f"{path.name}: cannot be read as a background, left out")
    sources = [cutouts(datasets.load(each)) for each in data]
    job = fit.DetectorJob(sources, photographs, steps, lr=lr, seed=seed, workers=workers)
    say(f"{counted(sum(map(len, sources)), 'face')} · {counted(len(photographs), 'background')}")
    target = fit.train_detector(job, out, init, REPORTER)
    say(f"next: nasion predict IMAGES --detector-weights {target}")


def sweep(
    recipe: Annotated[str, RECIPE],
    data: SourcesOption = None,
    settings: SetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="folder for the runs; default: runs/sweep-RECIPE-DATE-TIME", metavar="FOLDER")
    ] = None,
    minutes: MinutesOption = None,
) -> None:
    """Train once for each value of a setting, and compare the runs.

    Examples:
        nasion sweep nose --data synthetic:400 --set optimizer.lr=1e-5,1e-4,1e-3
    """
    require_training_extra()
    from nasion.train.jobs import new_folder
    from nasion.train.sweep import sweep as run_sweep
    from nasion.train.sweep import sweep_jobs

    jobs = sweep_jobs(recipe, settings or (), data or ())
    folder = out or new_folder(f"sweep-{recipe}")
    with no_empty_folders(folder):
        run_sweep(recipe, jobs, folder, REPORTER, minutes)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="run folders", metavar="RUNS")],
    out: Annotated[
        Path, typer.Option(help="figure to write; the scores go beside it as .csv", metavar="FILE.png")
    ] = Path("compare.png"),
) -> None:
    """Compare runs: curves in one figure, scores in one table.

    Examples:
        nasion compare runs/danes runs/heatmap
    """
    require_training_extra()
    from nasion.train.sweep import compare as compare_runs

    compare_runs({str(run): run for run in runs}, out, REPORTER)


def export(
    run: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    file: Annotated[Path, typer.Argument(help="the .onnx file to write", metavar="FILE.onnx")],
    precision: Annotated[
        Literal["single", "half", "int8"],
        typer.Option(
            help="half halves the size; int8 quarters it and is faster, with ranges from the run's data",
            metavar="single|half|int8",
        ),
    ] = "single",
    reject_above: Annotated[
        float | None,
        typer.Option(
            help="median spread, as a share of the crop, above which detections are rejected; default: 1.5 times the "
            "largest of the validation faces",
            metavar="SHARE",
        ),
    ] = None,
    mirrored: Annotated[
        bool,
        typer.Option("--mirrored", help="average the points in the crop and in the mirrored crop, in twice the time"),
    ] = False,
) -> None:
    """Write a run as one .onnx file, which needs no torch; verify it.

    Examples:
        nasion export runs/mine mine.onnx
        nasion export runs/mine small.onnx --precision int8
    """
    require_training_extra()
    from nasion.train.export import export as write

    difference_px, is_mean = write(run, file, precision, reject_above, mirrored)
    kind = "mean" if is_mean else "largest"
    say(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    say(f"{kind} difference from PyTorch: {difference_px:.1g} px of the crop")
    say(f"next: nasion predict IMAGE --model {file}")


def average(
    model: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    other: Annotated[str, typer.Argument(help="the network it started from: a run, a file or a name", metavar="MODEL")],
    out: Annotated[Path, typer.Option(help="the run folder to write", metavar="FOLDER")],
    share: Annotated[float, typer.Option(min=0, max=1, help="weight of the run in the average", metavar="SHARE")] = 0.5,
    calibrated_by: Annotated[
        Path | None,
        typer.Option(help="take the calibration of the uncertainty from this run of the same recipe", metavar="RUN"),
    ] = None,
) -> None:
    """Average the weights of a run and of the network it started from.

    A run on all faces has no validation faces that measure its uncertainty; --calibrated-by names one that has.

    Examples:
        nasion average runs/robust default --out runs/both
        nasion average runs/robust runs/default --share 0.3 --out runs/both
        nasion average runs/all default --calibrated-by runs/both --out runs/final
    """
    require_training_extra()
    from nasion.train.jobs import average_job

    average_job(model, other, share, out, typed_command(), REPORTER, calibrated_by)


def filters(
    model: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    out: Annotated[
        Path | None, typer.Option(help="the image to write; default: RUN/filters.png", metavar="FILE")
    ] = None,
) -> None:
    """Draw the kernels of a network's first layer.

    Examples:
        nasion filters runs/nose
    """
    require_training_extra()
    from nasion.train.jobs import draw_filters

    say(f"kernels → {draw_filters(model, out or model / 'filters.png')}")


def recipes() -> None:
    """List the recipes with command, time and score.

    Examples:
        nasion recipes
    """
    from nasion.train import config

    for name in config.available():
        header = [line[1:].strip() for line in config.recipe_text(name).splitlines() if line.startswith("#")]
        say(f"{name}\n  " + "\n  ".join(header))


def settings(
    recipe: Annotated[str, RECIPE],
    section: Annotated[
        str, typer.Argument(help='only the settings of this section, such as "augment"', metavar="SECTION")
    ] = "",
    changes: SetOption = None,
) -> None:
    """List every --set key with its value, default, unit and meaning.

    Options of the recipe's model, codec and loss are among them.

    Examples:
        nasion settings finetune
        nasion settings danes augment.photo
        nasion settings mine.toml --set model.name=resnet18
    """
    require_training_extra()
    from nasion.train.reference import settings as list_settings

    for each in list_settings(recipe, section, changes or ()):
        default = "required" if each.default is None else f"default: {each.default or 'none'}"
        say(f"{each.key} = {each.value}".rstrip() + f"\n    {each.meaning}; {default}")


def new_recipe(
    file: Annotated[Path, typer.Argument(help="the file to write", metavar="FILE.toml")],
    start: Annotated[
        str, typer.Option("--from", help="the recipe to start from", metavar="RECIPE", autocompletion=_recipe_names)
    ] = "finetune",
) -> None:
    """Write a recipe to change, as a copy of another one.

    Examples:
        nasion new recipe mine.toml
        nasion new recipe mine.toml --from danes-heatmap
    """
    from nasion.train.new_recipe import copied_recipe

    write_new(file, lambda: copied_recipe(start, str(file)))
    say(f"next: nasion settings {file}")
