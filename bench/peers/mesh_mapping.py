"""Measure the packaged mapping from MediaPipe's mesh to 68 points on labeled faces.

python bench/peers/mesh_mapping.py ibug:300W_DIR/lfpw/testset
"""

from typing import Annotated

import numpy as np
import typer
from contenders import Mesh

from nasion import datasets
from nasion.datasets.mapping import load_mapping
from nasion.evaluation.evaluation import THRESHOLD
from nasion.evaluation.metrics import failure_rate, point_errors
from nasion.geometry import FloatArray


def main(data: Annotated[str, typer.Argument(help="a data set with 68 points")]) -> None:
    """Print the NME, inter-ocular, of all points and of each region."""
    faces, mapping = datasets.load(data), load_mapping("mesh-to-ibug-68")
    net = Mesh(refine=True)
    errors: list[FloatArray] = []
    for index in range(len(faces)):
        sample = faces.load(index)
        mesh = net.mesh(sample.image, sample.annotation.points_box())
        if mesh is not None:
            found = np.stack([mesh[list(each)].mean(0) for each in mapping.sources])
            length = sample.annotation.normalizer_lengths()["inter_ocular"]
            errors.append(point_errors(found, sample.annotation.keypoints) / length)
    array = np.array(errors)
    print(f"{len(faces)} faces, {len(faces) - len(array)} not found")
    print(f"NME {array.mean():.2%}, failures at 8 % {failure_rate(array.mean(1), THRESHOLD):.1%}")
    for name, indices in faces.skeleton.regions.items():
        print(f"{name:12} {array[:, list(indices)].mean():.2%}")


if __name__ == "__main__":
    typer.run(main)
