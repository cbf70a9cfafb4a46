"""nasion: facial keypoints, end to end.

>>> import nasion
>>> faces = nasion.load("synthetic:2")
>>> faces.load(0).image.shape, faces.annotations[0].keypoints.shape
((480, 640, 3), (58, 2))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasion.datasets import load
    from nasion.errors import NasionError
    from nasion.evaluation.evaluation import Evaluation
    from nasion.images import read
    from nasion.matching import Match, match
    from nasion.predict.predictor import Predictor
    from nasion.sample import Annotation, DataSet, Prediction, Sample
    from nasion.skeleton import Skeleton, load_skeleton

__all__ = [
    "Annotation",
    "DataSet",
    "Evaluation",
    "Match",
    "NasionError",
    "Prediction",
    "Predictor",
    "Sample",
    "Skeleton",
    "load",
    "load_skeleton",
    "match",
    "read",
]

_HOMES = {
    "datasets": ("load",),
    "errors": ("NasionError",),
    "evaluation.evaluation": ("Evaluation",),
    "images": ("read",),
    "matching": ("Match", "match"),
    "predict.predictor": ("Predictor",),
    "sample": ("Annotation", "DataSet", "Prediction", "Sample"),
    "skeleton": ("Skeleton", "load_skeleton"),
}
"""Where each public name lives: loaded when it is first asked for, so that `import nasion` costs nothing."""


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'nasion' has no attribute {name!r}")
    value = getattr(import_module(f"nasion.{home}"), name)
    globals()[name] = value
    return value
