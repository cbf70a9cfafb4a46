"""The initial weights of a training: a trained network's, torchvision's, or random ones."""

from typing import NamedTuple

import torch
from torch import Tensor

from nasion.errors import ConfigError
from nasion.predict.model_zoo import is_run
from nasion.progress import SILENT, Reporter
from nasion.skeleton import Skeleton
from nasion.train.checkpoint import load_weights
from nasion.train.config import Component, InitConfig, RunConfig
from nasion.train.network import registry
from nasion.train.network.network import KeypointNetwork, check_low_res
from nasion.train.runs.exported_weights import TrainedNetwork, read_exported
from nasion.train.runs.run_folder import open_run
from nasion.train.runs.wider_weights import widened

__all__ = ["HEAD", "adopt_architecture", "build_network", "load_trained"]

HEAD = "head"
"""Name of the layer that depends on the keypoints and is replaced for other keypoints."""

HIDDEN = "hidden."
"""Prefix of the weights of hidden points, which only some networks have."""

POINT_LAYERS = (f"model.{HEAD}.", "spread.", HIDDEN)
"""Prefixes of the weights that depend on the keypoints."""

NOT_IN_FILES = "num_batches_tracked"
"""Counters of batch normalizations, which exported files lack and no output depends on."""


def load_trained(model: str) -> TrainedNetwork:
    """Return the network of a run folder, an .onnx file or a model's name.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    if not is_run(model):
        return read_exported(model)
    run = open_run(model)
    return TrainedNetwork(run.config, run.skeleton, load_weights(run.best)["weights"])


def adopt_architecture(config: RunConfig, reporter: Reporter = SILENT) -> RunConfig:
    """Return the configuration with the architecture of `init.model`, if one is named: weights fit only their own.

    Raises:
        ConfigError: channels are to be added, but no model is named, or one of another kind.
        ModelError: there is no such model.
    """
    if not config.init.model:
        if config.init.widen:
            raise ConfigError("init.widen adds channels to a trained network: name one with --init, such as default")
        return config
    source = load_trained(config.init.model).config
    model = _grow(source.model, config)
    if (model, source.codec) != (config.model, config.codec):
        reporter.line(f"using the architecture of {config.init.model}: {source.model.name}, {source.codec.name}")
    return config.model_copy(update={"model": model, "codec": source.codec})


def _grow(trained: Component, config: RunConfig) -> Component:
    """Return a trained model's component, with the recipe's additional layers and channels, if its kind can grow.

    Raises:
        ConfigError: channels are to be added, and the two networks differ in more.
    """
    wanted, widen = config.model, config.init.widen
    grown = getattr(registry.find("models", trained.name), "grown", None)
    if grown is None or trained.name != wanted.name:
        if widen:
            raise ConfigError(
                f'init.widen: the trained network is of kind "{trained.name}", the recipe\'s "{wanted.name}"; choose a '
                "recipe of the same kind, or leave init.widen out"
            )
        return trained
    own = registry.options("models", trained)
    larger = grown(own, registry.options("models", wanted), widen)
    changed = {name: value for name, value in larger if value != getattr(own, name)}
    return Component(name=trained.name, **{**trained.options, **changed}) if changed else trained


def build_network(config: RunConfig, skeleton: Skeleton, initialize: bool = True) -> KeypointNetwork:
    """Return the network of a configuration for the points of a skeleton.

    Args:
        config: the run's.
        skeleton: the keypoints.
        initialize: whether to load the initial weights; a checkpoint replaces them otherwise.

    Raises:
        NasionError: the initial weights cannot be loaded or do not fit, or the parts of the network do not match.
    """
    torch.manual_seed(config.seed)
    network = KeypointNetwork(config, skeleton.count)
    check_low_res(config, network)
    if initialize and config.init.model:
        _load_into(network, load_trained(config.init.model), skeleton, config.init)
    elif initialize:
        network.model.load_pretrained()
    return network.to(memory_format=torch.channels_last)


class _Checked(NamedTuple):
    """Weights to load, and the names of own weights that they leave out."""

    taken: dict[str, Tensor]
    missing: list[str]


def _load_into(network: KeypointNetwork, source: TrainedNetwork, skeleton: Skeleton, init: InitConfig) -> None:
    """Load a trained network's weights; the head stays random if the keypoints differ."""
    same_points, name = source.skeleton.names == skeleton.names, init.model
    if init.widen:
        own = network.state_dict()
        wider = {key: widened(value, own[key]) if key in own else value for key, value in source.weights.items()}
        source = source._replace(weights=wider)
    checked = _check_shapes(network, source, same_points, name)
    original = registry.build_model(source.config.model, network.spec, network.codec.outputs)
    expected = {f"model.{key}" for key in original.state_dict()}  # other weights belong to layers added since
    lacking = [k for k in checked.missing if k in expected and (same_points or not k.startswith(POINT_LAYERS))]
    if lacking:
        raise ConfigError(f"{name}: it lacks weights of this network ({min(lacking)}); export or train it again")
    network.load_state_dict(checked.taken, strict=False)


def _check_shapes(network: KeypointNetwork, source: TrainedNetwork, same_points: bool, name: str) -> _Checked:
    own = network.state_dict()
    constants = {name for name, _ in network.named_buffers()} - own.keys()  # files contain them, state dicts do not
    left_out = POINT_LAYERS if not same_points else () if network.hidden else (HIDDEN,)
    taken = {
        key: value for key, value in source.weights.items() if key not in constants and not key.startswith(left_out)
    }
    for key, value in taken.items():
        if key not in own or own[key].shape != value.shape:
            crop = source.config.crop
            raise ConfigError(
                f"{name}: its weights do not fit this network ({key}); "
                f"train with its crop: {crop.height} x {crop.width} px, {crop.channels} channels"
            )
    return _Checked(taken, [key for key in own.keys() - taken.keys() if not key.endswith(NOT_IN_FILES)])
