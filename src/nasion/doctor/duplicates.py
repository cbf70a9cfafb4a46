"""Duplicates: files with the same pixels, and near-duplicates by the perceptual hash of the face."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasion.doctor.checks import Finding, Suspect, listed
from nasion.doctor.reading import ReadFace

__all__ = ["MAX_BITS", "duplicate_groups", "duplicates", "hash_distances", "leaks"]

MAX_BITS = 20
"""Largest number of bits, of 255, in which the hashes of two copies of an image differ.

Of 792 training photos of IMM and 300-W, saved as JPEG of quality 30 to 90 and scaled by 0.6 to 1.3, half differ from
their original by at most 6 bits, and 95 % by at most 20; different photos differ by at least 29 bits (two photos of one
person, one taken right after the other).
"""

BLOCK = 1000
"""Number of faces that are compared with all others at a time."""

MAX_COPIES = 3
"""Largest number of file names that are shown for one image."""


def hash_distances(hashes: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the number of different bits (N, M) between hashes (N, B) and others (M, B), no unit."""
    signs, other_signs = (each.astype(np.float32) * 2 - 1 for each in (hashes, others))
    return (hashes.shape[1] - signs @ other_signs.T) / 2


def duplicate_groups(read: Sequence[ReadFace]) -> list[list[int]]:
    """Return the groups of faces that are the same in different files, as indices; each group has at least two."""
    group = list(range(len(read)))

    def root(index: int) -> int:
        while group[index] != index:
            index = group[index]
        return index

    def join(a: int, b: int) -> None:
        if read[a].face.image != read[b].face.image:
            group[max(root(a), root(b))] = min(root(a), root(b))

    hashes = np.stack([each.hash for each in read])
    for start in range(0, len(read), BLOCK):
        near = np.argwhere(hash_distances(hashes[start : start + BLOCK], hashes) <= MAX_BITS)
        for row, b in near.tolist():
            join(start + row, b)
    same_pixels: dict[str, int] = {}
    for index, each in enumerate(read):
        join(same_pixels.setdefault(each.digest, index), index)
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(len(read)):
        members[root(index)].append(index)
    return [each for each in members.values() if len(each) > 1]


def duplicates(read: Sequence[ReadFace], groups: Sequence[Sequence[int]]) -> Finding:
    """Check that no face is in two files, with the same pixels or compressed, scaled or cropped.

    Args:
        read: the faces.
        groups: from `duplicate_groups`.
    """
    if not groups:
        return Finding("duplicates", "good", "no two files contain the same image")
    suspects = tuple(
        Suspect(read[k].face, _kind(read[k], read[group[0]]), twin=read[group[0]].face)
        for group in groups
        for k in group[1:]
    )
    files = [sorted({str(read[k].face.image) for k in group}) for group in groups]
    names = listed(" = ".join(name.rsplit("/", 1)[-1] for name in same[:MAX_COPIES]) for same in files)
    noun = "image is" if len(groups) == 1 else "images are"
    return Finding("duplicates", "check", f"{len(groups)} {noun} in more than one file: {names}", suspects)


def _kind(copy: ReadFace, original: ReadFace) -> str:
    if copy.digest == original.digest:
        return f"same pixels as {original.face.name}"
    return f"same face as {original.face.name}, saved differently"


def leaks(read: Sequence[ReadFace], groups: Sequence[Sequence[int]]) -> Finding:
    """Check that no subject and no image, nor a near-duplicate of it, is in two splits.

    Args:
        read: the faces.
        groups: from `duplicate_groups`.
    """
    check = "leaks between splits"
    if len({each.face.split for each in read if each.face.split}) < 2:
        return Finding(check, "unknown", "the data has fewer than two splits")
    subjects, files = defaultdict(list), defaultdict(list)
    for index, each in enumerate(read):
        files[each.face.image].append(index)
        if each.face.subject:
            subjects[each.face.subject].append(index)
    shared = [
        *((f"subject {name}", group) for name, group in subjects.items()),
        *((f"image {path.name}", group) for path, group in files.items()),
        *((f"image {read[group[0]].face.image.name}", group) for group in groups),
    ]
    suspects = [each for name, group in shared for each in _leaked([read[k] for k in group], name)]
    if not suspects:
        return Finding(check, "good", "no subject or image is in two splits")
    names = list(dict.fromkeys(each.reason for each in suspects))
    return Finding(check, "wrong", f"{len(names)} in two splits: {listed(names)}", tuple(suspects))


def _leaked(group: Sequence[ReadFace], name: str) -> list[Suspect]:
    """Return the faces of a group that are in another split than its first face; those without a split do not count."""
    faces = [each.face for each in group if each.face.split]
    return [Suspect(face, name, twin=faces[0]) for face in faces if face.split != faces[0].split]
