"""The command that trains a face detector."""

from pathlib import Path
from typing import Annotated

import typer

from nasion.cli.options import require_training_extra
from nasion.cli.screen import REPORTER, counted, say
from nasion.errors import ConfigError

__all__ = ["train_detector"]


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
    """Train a face detector on faces pasted into scenes; an interrupted training is resumed.

    Use it with --detector-weights OUT/detector.onnx. Faces rendered with `nasion heads --transparent` are pasted with
    their outline.

    Examples:
        nasion train-detector runs/detector --data coco:data/heads/keypoints.json --backgrounds photos
        nasion train-detector runs/mine --data csv:faces.csv --init runs/detector --steps 1000
    """
    require_training_extra()
    from nasion import datasets

    try:
        from nasion.datasets.rendered.looks.background import background_files
    except ImportError as error:
        raise ConfigError(f"scenes need numba ({error}); pip install 'nasion[render]'") from None

    from nasion.train.detection.fit import DetectorJob, train_detector
    from nasion.train.detection.scenes import cutouts

    photographs, broken = background_files(backgrounds)
    for path in broken:
        REPORTER.warn(f"{path.name}: cannot be read as a background, left out")
    sources = [cutouts(datasets.load(each)) for each in data]
    job = DetectorJob(sources, photographs, steps, lr=lr, seed=seed, workers=workers)
    say(f"{counted(sum(map(len, sources)), 'face')} · {counted(len(photographs), 'background')}")
    target = train_detector(job, out, init, REPORTER)
    say(f"next: nasion predict IMAGES --detector-weights {target}")
