"""Measure the packaged mapping from MediaPipe's mesh to 68 points on labeled faces.

python bench/peers/mesh_mapping.py ibug:300W_DIR/lfpw/testset
"""

from typing import Annotated

import mediapipe
import numpy as np
import typer

from nasion import datasets
from nasion.datasets.mapping import load_mapping
from nasion.geometry import FloatArray, scale_box
from nasion.sample import Sample

REACH = 1.8
"""Side of the region that MediaPipe gets, relative to the box around the points; as in contenders.py."""

MAX_NME = 0.08


def main(data: Annotated[str, typer.Argument(help="a data set with 68 points")]) -> None:
    """Print the NME, inter-ocular, of all points and of each region."""
    faces, mapping = datasets.load(data), load_mapping("mesh-to-ibug-68")
    net = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)
    errors: list[FloatArray] = []
    for index in range(len(faces)):
        sample = faces.load(index)
        mesh = _mesh(net, sample)
        if mesh is not None:
            found = np.stack([mesh[list(each)].mean(0) for each in mapping.sources])
            length = sample.annotation.normalizer_lengths()["inter_ocular"]
            errors.append(np.linalg.norm(found - sample.annotation.keypoints, axis=1) / length)
    array = np.array(errors)
    print(f"{len(faces)} faces, {len(faces) - len(array)} not found")
    print(f"NME {array.mean():.2%}, failures at 8 % {(array.mean(1) > MAX_NME).mean():.1%}")
    for name, indices in faces.skeleton.regions.items():
        print(f"{name:12} {array[:, list(indices)].mean():.2%}")


def _mesh(net: mediapipe.solutions.face_mesh.FaceMesh, sample: Sample) -> FloatArray | None:
    """Return the points of the mesh (478, 2), image px; None if MediaPipe finds no face."""
    x0, y0, x1, y1 = scale_box(sample.annotation.points_box(), REACH).astype(int)
    x0, y0 = max(0, x0), max(0, y0)
    part = np.ascontiguousarray(sample.image[y0:y1, x0:x1])
    found = net.process(part)
    if not found.multi_face_landmarks:
        return None
    marks = np.array([[mark.x, mark.y] for mark in found.multi_face_landmarks[0].landmark])
    return marks * part.shape[1::-1] - 0.5 + [x0, y0]


if __name__ == "__main__":
    typer.run(main)
