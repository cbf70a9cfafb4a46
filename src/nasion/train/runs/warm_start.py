"""Where a network's weights begin: at a trained network's, at torchvision's, or at chance."""

from typing import NamedTuple

from rich.console import Console
from torch import Tensor

from nasion.errors import ConfigError
from nasion.predict.model_zoo import is_run
from nasion.skeleton import Skeleton
from nasion.train.network import registry as parts
from nasion.train.config import Component, RunConfig
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import load_weights, open_run

__all__ = ["HEAD", "TrainedNetwork", "adopt_architecture", "begin", "trained"]

HEAD = "head"
"""The layer that knows the points: the one that is replaced."""


class TrainedNetwork(NamedTuple):
    """A trained network: its configuration, its points, its weights by name."""

    config: RunConfig
    skeleton: Skeleton
    weights: dict[str, Tensor]


def trained(model: str) -> TrainedNetwork:
    """Return what a run folder, an .onnx file or a model's name stands for.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    if is_run(model):
        run = open_run(model)
        return TrainedNetwork(run.config, run.skeleton, load_weights(run.best)["weights"])
    from nasion.train.export.onnx_file import read_exported

    return TrainedNetwork(*read_exported(model))


def adopt_architecture(config: RunConfig, console: Console) -> RunConfig:
    """Return the configuration with the network of `init.model`, if one is named: weights fit only their own.

    Raises:
        ModelError: there is no such model.
    """
    if not config.init.model:
        return config
    source = trained(config.init.model).config
    model = _grow(source.model, config.model)
    if (model, source.codec) != (config.model, config.codec):
        console.print(f"the network is that of {config.init.model}: {source.model.name}, {source.codec.name}")
    return config.model_copy(update={"model": model, "codec": source.codec})


def _grow(begun: Component, wanted: Component) -> Component:
    """Return a trained model, with the layers that `wanted` has more of the same kind, if that can be grown."""
    grown = getattr(parts.find("models", begun.name), "grown", None)
    if grown is None or begun.name != wanted.name:
        return begun
    own = parts.options("models", begun)
    deeper = grown(own, parts.options("models", wanted))
    return begun if deeper is own else Component(name=begun.name, **{**begun.options, "blocks": deeper.blocks})


def begin(network: KeypointNetwork, config: RunConfig, skeleton: Skeleton) -> None:
    """Give the network the weights that `config` names; its head stays at chance where the points are others.

    Raises:
        NasionError: they cannot be had, or do not fit.
    """
    if config.init.model:
        source = trained(config.init.model)
        _take(network, source, skeleton, config.init.model)
    elif hasattr(network.model, "load_pretrained"):
        network.model.load_pretrained()


def _take(network: KeypointNetwork, source: TrainedNetwork, skeleton: Skeleton, name: str) -> None:
    own = network.state_dict()
    same_points = source.skeleton.names == skeleton.names
    heads = (f"model.{HEAD}.", "spread.")
    fixed = {name for name, _ in network.named_buffers()} - own.keys()  # constants, which a file holds too
    taken = {
        key: value
        for key, value in source.weights.items()
        if key not in fixed and (same_points or not key.startswith(heads))
    }
    for key, value in taken.items():
        if key not in own or own[key].shape != value.shape:
            raise ConfigError(
                f"{name}: its weights do not fit this network ({key}); "
                f"train with its crop: {source.config.crop.height} x {source.config.crop.width} px, "
                f"{source.config.crop.channels} channels"
            )
    # A network's file does not hold the counters of its normalizations: nothing is computed from them.
    left = [key for key in own.keys() - taken.keys() if not key.endswith("num_batches_tracked")]
    as_it_was = parts.build("models", source.config.model, network.shape, network.codec.outputs)
    known = {f"model.{key}" for key in as_it_was.state_dict()}  # what else there is has been grown since
    lacking = [key for key in left if key in known and (same_points or not key.startswith(heads))]
    if lacking:
        raise ConfigError(f"{name}: it lacks weights of this network ({min(lacking)})")
    network.load_state_dict(taken, strict=False)
