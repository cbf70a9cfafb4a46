"""Pretrained weights of a model, from ImageNet or from a file."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from nasion.errors import ModelError
from nasion.train.checkpoint import load_weights

__all__ = ["State", "install_weights"]

State = dict[str, Tensor]
"""Weights by name."""


def install_weights(
    weights: str, title: str, imagenet: Callable[[], State], install: Callable[[State], object]
) -> None:
    """Load the weights that a model's option `weights` names, and install them.

    Args:
        weights: "imagenet", "none" or the path of a .pth.
        title: what messages call the network, with its article.
        imagenet: returns the ImageNet weights.
        install: copies weights into the model; it raises if they are another network's.

    Raises:
        DownloadError: the ImageNet weights cannot be downloaded.
        ModelError: there is no such file, or it does not hold this network's weights.
    """
    if weights == "none":
        return
    if weights != "imagenet" and not Path(weights).is_file():
        raise ModelError(f'model.weights: no file "{weights}"; give the .pth of {title}, "imagenet" or "none"')
    state = imagenet() if weights == "imagenet" else load_weights(Path(weights))
    try:
        install(state)
    except (RuntimeError, AttributeError, TypeError, LookupError, ValueError):
        raise ModelError(
            f"{weights}: not the weights of {title}; give its .pth, or use --init with a run of `nasion train`"
        ) from None
