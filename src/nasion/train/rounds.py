"""Training in rounds: each network labels faces without labels, and the next one also learns from these.

Source: D.-H. Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method", 2013.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nasion.atomic import write_bytes, write_text
from nasion.datasets import module
from nasion.errors import ConfigError
from nasion.evaluation.evaluation import evaluate
from nasion.evaluation.format import format_score
from nasion.outputs.records import ImageRecord, LabelSet, faces_by_image
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import Annotation, DataSet
from nasion.train.config import RunConfig
from nasion.train.data.faces import load_faces
from nasion.train.data.pseudo import PseudoLabels, face_hashes, pseudo_labels, unlabeled_faces
from nasion.train.jobs import train_job

__all__ = ["Round", "train_rounds"]

HEADER = ("round", "pseudo-labeled faces", "NME", "gain")
"""Columns of the table of rounds."""

SCORES = ("nme/inter_ocular", "nme/box_size")
"""The reported score: the first that the skeleton has."""


class Round(NamedTuple):
    """A network with its number of pseudo-labeled training faces and its error on the validation faces, a fraction."""

    model: str
    pseudo: int
    error: float


def train_rounds(
    config: RunConfig,
    folder: Path,
    unlabeled: Sequence[str],
    rounds: int,
    command: str,
    reporter: Reporter = SILENT,
    minutes: float | None = None,
    teacher: str | None = None,
    detector: Path | None = None,
) -> list[Round]:
    """Train in rounds, and report the gain of each: runs in `folder`/round-1, …, labels in labels-1.json, ….

    The first labels come from `teacher`, or from the initial network of the configuration, or, without either, from a
    run `round-0` that trains on the labeled faces alone. Each round after the first starts from the network of the one
    before.

    Args:
        config: the configuration of each round.
        folder: receives the runs; it must not hold any.
        unlabeled: images, folders or data sets with weak labels; see `unlabeled_faces`.
        rounds: number of rounds with pseudo-labels.
        command: stored as the command that trained each run.
        reporter: shows plan, progress and problems.
        minutes: time for each training.
        teacher: the model that labels the faces of the first round; it may have another architecture.
        detector: the file of the detector for images without labels, or its name; None is the default one.

    Returns:
        The network that labeled the first faces, and that of each round.

    Raises:
        ConfigError: `folder` holds runs, there are no validation faces, or the teacher predicts other points.
        NasionError: the data or the configuration is at fault, or no face can be labeled.
    """
    if (folder / "rounds.json").exists():
        raise ConfigError(f"{folder} already holds rounds; choose another --out")
    faces = load_faces(config)
    held_out = [face for face in faces.annotations if face.split == "val"]
    if not held_out:
        raise ConfigError("rounds are compared on validation faces; set data.validation_share above 0")
    if teacher:
        _check_teacher(Predictor(teacher), faces)
    sets = [unlabeled_faces(source, faces) for source in unlabeled]
    model = (
        teacher or config.init.model or str(train_job(config, folder / "round-0", command, reporter, minutes).folder)
    )
    done = [Round(model, 0, _error(model, faces, config, reporter))]
    for number in range(1, rounds + 1):
        predictor = Predictor(model, detector)
        hashes = face_hashes(faces, predictor)
        found = [pseudo_labels(predictor, each, hashes, reporter) for each in sets]
        path = folder / f"labels-{number}.json"
        labeled = _write(path, found, faces, model, reporter)
        run = train_job(
            _next(config, path, config.init.model if model == teacher else model),
            folder / f"round-{number}",
            command,
            reporter,
            minutes,
        )
        model = str(run.folder)
        done.append(Round(model, labeled, _error(model, faces, config, reporter)))
        write_text(folder / "rounds.json", json.dumps([each._asdict() for each in done], indent=1) + "\n")
        if run.stopped:
            break
    rows = [[each.model, str(each.pseudo), *_scores(done, k)] for k, each in enumerate(done)]
    best = min(range(len(done)), key=lambda k: done[k].error)
    reporter.table(f"rounds on {len(held_out)} validation faces", HEADER, rows, best)
    return done


def _check_teacher(teacher: Predictor, faces: DataSet) -> None:
    """Reject a teacher with other points.

    Raises:
        ConfigError: its points are not those of the faces.
    """
    if teacher.skeleton.name != faces.skeleton.name:
        raise ConfigError(
            f"{teacher.backend.name} predicts the points of {teacher.skeleton.name}, not those of "
            f"{faces.skeleton.name}; choose another --teacher"
        )


def _scores(done: Sequence[Round], k: int) -> list[str]:
    gain = "" if k == 0 else format_score(SCORES[0], done[k - 1].error - done[k].error)
    return [format_score(SCORES[0], done[k].error), gain]


def _error(model: str, faces: DataSet, config: RunConfig, reporter: Reporter) -> float:
    """Return the error of a model on the validation faces, a fraction."""
    scores = evaluate(Predictor(model), faces.of_split("val"), config.crop.box, "val", reporter).scores()
    return next(float(scores[name]) for name in SCORES if name in scores)


def _write(path: Path, found: Sequence[PseudoLabels], faces: DataSet, model: str, reporter: Reporter) -> int:
    """Write the pseudo-labels as keypoints.json, and return the number of faces.

    Raises:
        ConfigError: there is none.
    """
    labeled = [face for each in found for face in each.faces]
    reporter.line(
        f"{len(labeled)} faces labeled by {model}; left out: {sum(each.rejected for each in found)} rejected, "
        f"{sum(each.duplicates for each in found)} among the validation or test faces, "
        f"{sum(each.unreadable for each in found)} that cannot be read"
    )
    if not labeled:
        raise ConfigError("no unlabeled face could be labeled; name images with faces like the labeled ones")
    sizes = {image: size for each in found for image, size in each.sizes.items()}
    records = [
        ImageRecord(str(image), sizes[image], _numbered(each)) for image, each in faces_by_image(labeled).items()
    ]
    for target, content in module("json").files(LabelSet(faces.skeleton, records, model=model), path, {}):
        write_bytes(target, content)
    return len(labeled)


def _numbered(faces: Sequence[Annotation]) -> list[Annotation]:
    return [replace(face, face=number) for number, face in enumerate(faces)]


def _next(config: RunConfig, labels: Path, model: str) -> RunConfig:
    """Return the configuration of a round: it also trains on the labels, and starts from the network before."""
    data = config.data.model_copy(update={"sources": (*config.data.sources, f"json:{labels}")})
    return config.model_copy(update={"data": data, "init": config.init.model_copy(update={"model": model})})
