"""The faces of a configuration: its sources, its skeleton and its validation split."""

from dataclasses import replace

import numpy as np

from nasion import datasets
from nasion.datasets.splits import with_validation, without_part
from nasion.errors import ConfigError, SkeletonError
from nasion.sample import DataSet
from nasion.skeleton import load_skeleton
from nasion.train.config import RunConfig
from nasion.train.data.weak import is_weak, with_weak_labels

__all__ = ["limit_faces", "load_faces", "with_skeleton"]


def load_faces(config: RunConfig) -> DataSet:
    """Return the faces of a configuration with its skeleton and its validation split.

    The first source is what the network is for: it alone provides test faces and, unless `data.validate_on` is "all",
    validation faces. The other sources add training faces; their own faces of other splits are left out. A source whose
    points are means of the trained points adds weakly labeled faces.

    Raises:
        NasionError: no data is named, or the data cannot be read or lacks the skeleton's points.
    """
    if not config.data.sources:
        raise ConfigError("no data; add --data, such as --data imm:DIR or --data synthetic:400")
    first, *others = map(datasets.load, config.data.sources)
    first = with_skeleton(first, config)
    weak = [other for other in others if is_weak(other.skeleton, first.skeleton)]
    faces = limit_faces(with_validation(first, config.data.validation_share), config.data.faces)
    if config.data.cross_fit:
        faces = without_part(faces, config.data.left_out, config.data.cross_fit)
    for number, other in enumerate(others, 1):
        if other not in weak:
            same = with_skeleton(other, config)
            _check_points(faces, same)
            added = _added(same, config)
            faces = faces.joined(added.subset([replace(face, source=number) for face in added.annotations]))
    return with_weak_labels(faces, weak) if weak else faces


def _check_points(faces: DataSet, other: DataSet) -> None:
    """Reject a source that teaches no point of the network.

    Raises:
        SkeletonError: it has other points than the first source, and does not say where they are among these.
    """
    here, there = faces.skeleton, other.skeleton
    if here.names != there.names:
        raise SkeletonError(
            f"{faces.name} has the points of {here.name}, {other.name} those of {there.name}; if these are means of "
            f'points of {here.name}, add a section [means] with {here.name} = ["36-41", "30", …], one entry for each '
            f"of the {there.count} points, to the skeleton file of {there.name}"
        )


def _added(other: DataSet, config: RunConfig) -> DataSet:
    """Return the faces that a source after the first one adds; predicted labels never validate."""
    predicted = any(face.spread is not None for face in other.annotations)
    if config.data.validate_on == "all" and not predicted:
        divided = with_validation(other, config.data.validation_share)
        return divided.subset([face for face in divided.annotations if face.split != "test"])
    return other.subset([replace(face, split="train") for face in other.annotations if face.split in ("", "train")])


def limit_faces(faces: DataSet, count: int) -> DataSet:
    """Return the set with `count` evenly spread training faces; 0, or more than there are, keeps all."""
    train = [index for index, face in enumerate(faces.annotations) if face.split == "train"]
    if not 0 < count < len(train):
        return faces
    positions = np.linspace(0, len(train), count, endpoint=False) + len(train) / count / 2
    kept = {train[int(position)] for position in positions}
    return faces.subset([a for index, a in enumerate(faces.annotations) if a.split != "train" or index in kept])


def with_skeleton(faces: DataSet, config: RunConfig) -> DataSet:
    """Return the faces with the points of the configured skeleton, or with all points if none is configured.

    Raises:
        SkeletonError: the skeleton does not say which points of the data correspond to its own.
    """
    return faces.reduced_to(load_skeleton(config.data.skeleton)) if config.data.skeleton else faces
