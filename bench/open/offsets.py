"""Constant offsets between the vertices of the head model and the points of iBUG, fitted on photographs.

    python bench/open/offsets.py RUN_OR_MODEL ibug.csv WEBMORPH_DIR/images HEAD_MODEL

The network was trained on rendered heads alone, labeled without offsets; `ibug.csv` comes from `webmorph_points.py`.
The offset of a point is the median over all faces of its distance from the prediction, in the frame of the head, made
symmetric.
"""

import sys
from pathlib import Path

import numpy as np

from nasion import datasets
from nasion.datasets.rendered import load_assets
from nasion.datasets.rendered.ibug import IBUG_VERTICES
from nasion.geometry import FloatArray, similarity_between
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton


def offsets(model: str, data: str, assets: Path) -> FloatArray:
    """Return the offsets (68, 2), cm, to the right of the image of a frontal head and down."""
    neutral = load_assets(assets).neutral[list(IBUG_VERTICES), :2] * [1, -1]
    predictor, faces = Predictor(model), datasets.load(data)
    found: list[FloatArray] = []
    for index, face in enumerate(faces.annotations):
        (predicted,) = predictor.predict_boxes([faces.load(index).image], [face.points_box()])
        turn = similarity_between(neutral, predicted.keypoints).matrix[:, :2]
        found.append((face.keypoints - predicted.keypoints) @ np.linalg.inv(turn).T)
    middle = np.median(found, axis=0)
    flip = np.array(load_skeleton("ibug-68").flip)
    return (middle + middle[flip] * [-1, 1]) / 2


if __name__ == "__main__":
    model, table, images, assets = sys.argv[1:]
    result = offsets(model, f"csv:{table}?images={images}&skeleton=ibug-68", Path(assets))
    for k in range(0, 68, 4):
        print(" ".join(f"({x:.2f}, {y:.2f})," for x, y in result[k : k + 4]))
