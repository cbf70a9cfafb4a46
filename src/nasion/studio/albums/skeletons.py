"""New skeletons that a user creates by clicking the points of one face."""

import re
from collections.abc import Sequence

from nasion import skeleton as skeletons
from nasion.atomic import write_text
from nasion.datasets.new_skeleton import flip_of_names, skeleton_text
from nasion.errors import ConfigError
from nasion.geometry import FloatArray, is_present
from nasion.shapes import infer_flip_map
from nasion.skeleton import Skeleton, load_skeleton
from nasion.studio.albums.album import Album
from nasion.studio.albums.label_file import LabelFile

__all__ = ["create_skeleton", "propose_pairs"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
"""Names of skeletons: they become names of files."""

MIN_POINTS = 3
"""Smallest number of points of which symmetry says anything."""


def propose_pairs(names: Sequence[str], keypoints: FloatArray) -> list[int]:
    """Return for each point its mirror image's index: as the names say, otherwise as the points' symmetry suggests.

    Args:
        names: the K names.
        keypoints: (K, 2), image px; NaN where missing.

    >>> import numpy as np
    >>> propose_pairs(["a", "b", "nose"], np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 6.0]]))
    [1, 0, 2]
    """
    named = flip_of_names(names)
    if named or len(keypoints) < MIN_POINTS or not is_present(keypoints).all():
        return named or list(range(len(keypoints)))
    return list(infer_flip_map([keypoints])[0])


def create_skeleton(album: Album, name: str, names: Sequence[str], flip: Sequence[int]) -> Skeleton:
    """Write NAME.toml into the folder of an album, and label its faces with this skeleton from now on.

    Args:
        album: an album without labels.
        name: name of the skeleton.
        names: the K names of the points.
        flip: for each point, the index of its mirror image.

    Raises:
        ConfigError: the folder has labels, the name is not one for a file, or it is taken.
        SkeletonError: names or pairs contradict themselves.
        OutputError: the file cannot be written.
    """
    if album.labeled:
        raise ConfigError(
            f"this folder is labeled with {album.skeleton.name}; open a folder without labels for a new skeleton"
        )
    if not NAME.fullmatch(name):
        raise ConfigError(f'the name "{name[:80]}" must have 1 to 60 letters, digits, "-" or "_"')
    path = album.root / f"{name}.toml"
    if name in skeletons.available() or path.exists():
        raise ConfigError(f'there is a skeleton "{name}" already; choose another name')
    write_text(path, skeleton_text(name, names, flip))
    load_skeleton.cache_clear()
    skeleton = load_skeleton(str(path))
    store = LabelFile(album.root, skeleton)
    store.write_all({})  # so that the folder has this skeleton when it is opened again
    album.replace_labels(store)
    return skeleton
