"""From an image to its keypoints."""

from nasion.predict.predictor import Backend, Predictor, load_backend

__all__ = ["Backend", "Predictor", "load_backend"]
