"""Helpers for tests of checks: changed sets of faces, and faces as if their images had been read."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from nasion.doctor.reading import ReadFace
from nasion.sample import Annotation
from nasion.skeleton import load_skeleton


def changed(faces, index, **fields):
    """Return the data set with other fields of one annotation."""
    annotations = list(faces.annotations)
    annotations[index] = replace(annotations[index], **fields)
    return faces.subset(annotations)


def first(faces, count):
    return faces.subset(faces.annotations[:count])


def opened_once(faces):
    """Return the data set with images that are opened only once, so that the same image is the same array."""
    opened = {}

    def open_image(face):
        if face.image not in opened:
            opened[face.image] = faces.open_image(face)
        return opened[face.image]

    return replace(faces, open_image=open_image)


def read(name="a.png", digest="1", points=((3.0, 4.0),), size=(48, 64), subject="", split="", bits=None):
    """Return a face with one point per entry of `points`, as if its image had been read.

    The hash is made from the digest, so that only equal digests have near hashes, unless `bits` is given.
    """
    points = np.array(points)
    face = Annotation(Path(name), points, load_skeleton("nose-1"), np.ones(len(points), bool), None, subject, split)
    hashed = np.random.default_rng(list(digest.encode())).random(255) < 0.5
    return ReadFace(face, size, digest, hashed if bits is None else bits)
