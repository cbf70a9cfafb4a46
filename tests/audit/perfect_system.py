"""A system that returns the labeled points with known errors, and its audits."""

from dataclasses import replace

import numpy as np

from nasion import datasets
from nasion.audit import Found, run_audit


class Perfect:
    """Finds the labeled points of a data set, shifted to the right by a share of the inter-ocular distance.

    Args:
        faces: the labeled faces.
        error: the shift of each face.
        spread: predicted spread, as a share of the inter-ocular distance.
        finds: whether a face is found in an image (H, W, 3), by the image.
    """

    name = "perfect"

    def __init__(self, faces, error=0.05, spread=0.04, finds=lambda _image: True, rejects=lambda _image: False):
        self.faces, self.error, self.spread = faces, error, spread
        self.finds, self.rejects, self.boxes = finds, rejects, []

    def labeled(self, faces):
        return faces

    def box(self, face):
        return face.points_box()

    def find(self, images, box):
        self.boxes.append(box)
        size = box[2:] - box[:2]
        (face,) = (
            each
            for each in self.faces.annotations
            if np.allclose(np.divide(*(each.points_box()[2:] - each.points_box()[:2])), np.divide(*size), rtol=1e-9)
        )
        around = face.points_box()
        points = (face.keypoints - around[:2]) / (around[2:] - around[:2]) * size + box[:2]
        length = face.skeleton.normalizer_length(points, "inter_ocular")
        shift = self.error(face) if callable(self.error) else self.error
        spread = np.full(len(points), self.spread * length)
        found = Found(points + [shift * length, 0], spread, np.zeros_like(points))
        return [found._replace(is_rejected=self.rejects(i)) if self.finds(i) else None for i in images]


def drawn(count=4):
    """Return drawn faces with 68 points."""
    return datasets.load(f"synthetic:{count}?skeleton=ibug-68")


def audited(faces=None, **options):
    """Return the audit of drawn faces by a perfect system."""
    faces = drawn() if faces is None else faces
    return run_audit(Perfect(faces, **options), faces, threads=1)


def made(count=40, seed=0, nme=None):
    """Return an audit of `count` faces with random errors, or with the errors `nme`."""
    base = audited(drawn(2))
    random = np.random.default_rng(seed)
    errors = random.uniform(0.02, 0.06, (76, count)) if nme is None else np.broadcast_to(nme, (76, count)).copy()
    faces = tuple(replace(base.faces[0], subject=f"p{k // 2}") for k in range(count))
    return replace(
        base,
        faces=faces,
        nme=errors,
        within=np.tile([30, 60, 68], (76, count, 1)),
        known=np.full((76, count), 68),
        rejected=np.zeros((76, count), bool),
        missing=np.zeros((76, count), bool),
        conditions={
            "yaw": random.uniform(0, 60, count),
            "size": random.uniform(50, 200, count),
            "sharpness": random.uniform(0, 1, count),
            "brightness": random.uniform(0, 255, count),
            "hidden": np.zeros(count),
        },
    )
