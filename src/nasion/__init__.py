"""nasion: facial keypoints, from checking labels to predicting keypoints in your own images.

>>> import nasion
>>> faces = nasion.load("synthetic:2?skeleton=ibug-68")             # or "csv:faces.csv", "imm:DIR", ...
>>> faces
<DataSet: synthetic:2, 2 faces in 2 images, 68 points of ibug-68>
>>> sample = faces.load(0)
>>> predictor = nasion.Predictor()
>>> face, = predictor(sample.image, boxes=[sample.annotation.points_box()])     # without boxes, a detector finds faces
>>> face.keypoints.shape, face["nose_bridge_3"].shape
((68, 2), (2,))
>>> drawn = nasion.draw_predictions(sample.image, [face])           # nasion.write("drawn.png", drawn)
>>> drawn.shape
(480, 640, 3)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasion.datasets import load
    from nasion.draw import draw_points, draw_predictions
    from nasion.errors import NasionError
    from nasion.evaluation.evaluation import Evaluation, evaluate
    from nasion.images import read, write
    from nasion.matching import Match, match
    from nasion.outputs.frames import to_pandas
    from nasion.outputs.kinds import json_schema
    from nasion.outputs.objects import to_fiftyone, to_supervision
    from nasion.predict.predictor import Predictor
    from nasion.sample import Annotation, DataSet, Prediction, Sample
    from nasion.skeleton import Skeleton, load_skeleton

    __version__: str

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
    "draw_points",
    "draw_predictions",
    "evaluate",
    "json_schema",
    "load",
    "load_skeleton",
    "match",
    "read",
    "to_fiftyone",
    "to_pandas",
    "to_supervision",
    "write",
]

_HOMES = {
    "datasets": ("load",),
    "draw": ("draw_points", "draw_predictions"),
    "errors": ("NasionError",),
    "evaluation.evaluation": ("Evaluation", "evaluate"),
    "images": ("read", "write"),
    "matching": ("Match", "match"),
    "outputs.frames": ("to_pandas",),
    "outputs.kinds": ("json_schema",),
    "outputs.objects": ("to_fiftyone", "to_supervision"),
    "predict.predictor": ("Predictor",),
    "sample": ("Annotation", "DataSet", "Prediction", "Sample"),
    "skeleton": ("Skeleton", "load_skeleton"),
}
"""The module of each public name. A module is imported when one of its names is first used."""

_TELEMETRY_SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime, from 1.29 on
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_ERROR_REPORTING": "false",
}
"""Environment variables that switch the telemetry of other packages off; see docs/about/network.md."""


def _switch_telemetry_off() -> None:
    """Set the switches that the user has not set; warn if ONNX Runtime, which reads its switch once, has started."""
    import os
    import sys

    version = getattr(sys.modules.get("onnxruntime"), "__version__", "")
    release = [int(part) for part in version.split(".")[:2] if part.isdecimal()]
    if release >= [1, 29] and "ORT_DISABLE_TELEMETRY" not in os.environ:
        import warnings

        warnings.warn(
            f"onnxruntime {version} was imported before nasion, so its telemetry is on; "
            "import nasion first, or set ORT_DISABLE_TELEMETRY=1",
            stacklevel=3,
        )
    for name, value in _TELEMETRY_SWITCHES.items():
        os.environ.setdefault(name, value)


_switch_telemetry_off()


def __getattr__(name: str) -> object:
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("nasion")
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'nasion' has no attribute {name!r}")
    value = getattr(import_module(f"nasion.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
