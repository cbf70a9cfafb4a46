"""Small networks of every kind for tests: options of each model, and configurations of a few hundred weights."""

from nasion.train.config import RunConfig, parse
from nasion.train.network import registry

COUNT = 5
"""K, the number of keypoints."""

SIZE = (48, 64)
"""(height, width) of the crops, px."""

MODELS = {
    "cnn": {"name": "cnn", "kernels": [5, 3], "channels": [4, 6], "pools": [2, 4], "hidden": [7]},
    "efficientnet_lite0": {"name": "efficientnet_lite0", "weights": "none", "output": "vector"},
    "resnet18": {"name": "resnet18", "weights": "none"},
    "unet": {"name": "unet", "widths": [4, 6, 8], "stride": 4},
}
"""Options of a small network of every model."""

KINDS = {"cnn": "vector", "efficientnet_lite0": "vector", "resnet18": "vector", "unet": "maps"}
"""What each model outputs."""

CODECS = {"vector": "coordinates", "maps": "softargmax"}
"""A codec for each kind of output."""


def config(model="unet", codec=None, loss="l1", channels=3, size=SIZE, **sections) -> RunConfig:
    """Return the configuration of a small network; `sections` replace its other sections."""
    table = {
        "data": {"skeleton": "imm-58"},
        "crop": {"height": size[0], "width": size[1], "channels": channels},
        "model": MODELS[model] if isinstance(model, str) else model,
        "codec": {"name": codec or CODECS[KINDS[model if isinstance(model, str) else model["name"]]]},
        "loss": loss if isinstance(loss, dict) else {"name": loss},
    }
    return parse(table | sections)


def model_for(loss):
    """Return the name of a model whose maps or vector the loss accepts."""
    return "unet" if registry.find("losses", loss).REQUIRES == "maps" else "cnn"
