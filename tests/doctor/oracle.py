"""A predictor for tests that knows the points of every image, and errs by as much as its spread."""

from types import SimpleNamespace

import numpy as np

from nasion.detect import iou
from nasion.geometry import box_around, image_box
from nasion.sample import Prediction

SPREAD_PX = 2.0
"""Standard deviation of the errors along an axis, px."""

MIN_IOU = 0.2
"""Smallest overlap of a box with the face at which the oracle is certain."""

DOUBT_PX = 1e3
"""Spread of an uncertain prediction, px."""


class Oracle:
    """Predicts the points of the images of a data set, which must return the same array for the same image."""

    def __init__(self, faces):
        self.skeleton = faces.skeleton
        self.backend = SimpleNamespace(name="oracle", max_relative_spread=0.1)
        self._known = {id(faces.open_image(face)): face.keypoints for face in faces.annotations}

    def predict_boxes(self, images, boxes):
        return [self._predict(image, box) for image, box in zip(images, boxes, strict=True)]

    def _predict(self, image, box):
        points = self._known[id(image)]
        seen = image_box(image.shape[:2]) if box is None else np.asarray(box)
        certain = box is None or iou(seen, box_around(points)) > MIN_IOU
        errors = np.random.default_rng(int(points.sum())).normal(0, SPREAD_PX, points.shape)
        spread = np.full(len(points), SPREAD_PX if certain else DOUBT_PX)
        return Prediction(points + errors, spread, np.zeros(points.shape), seen, 1.0, self.skeleton)
