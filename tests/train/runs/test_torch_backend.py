"""A run folder as a backend: float32, without gradients, and only with weights that fit the network."""

import math

import numpy as np
import pytest
import torch

from nasion.errors import ModelError
from nasion.predict.backends.backend import load_backend
from nasion.predict.predictor import Predictor
from nasion.train.checkpoint import load_weights, save_weights
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import MAX_RELATIVE_SPREAD
from nasion.train.runs.torch_backend import REJECTION_MARGIN, TorchBackend
from train.loop.tiny_runs import CNN, DATA, plain, untrained_run


@pytest.fixture(scope="module")
def config():
    return plain(crop={"height": 32, "width": 64, "channels": 3})


@pytest.fixture
def run(tmp_path, config):
    return untrained_run(tmp_path / "run", config)


def noise(count, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 64, channels), np.uint8)


def test_crops_are_predicted_as_by_the_network(run, config):
    backend, network = TorchBackend(run.folder), KeypointNetwork(config, 58)
    network.load_state_dict(load_weights(run.best)["weights"])
    network.eval()
    crops = noise(5)
    with torch.no_grad():
        expected = network(torch.tensor(crops).permute(0, 3, 1, 2).float())
    found = backend(crops)
    assert [each.shape for each in found] == [(5, 58, 2), (5, 58), (5, 58, 2), (5, 58)]
    assert np.isnan(found.hidden).all()
    assert {each.dtype for each in found} == {np.dtype(np.float64)}
    for ours, theirs in zip(found[:3], expected, strict=True):
        assert ours == pytest.approx(theirs.numpy(), abs=1e-4)
    alone = np.concatenate([backend(crops[k : k + 1])[0] for k in range(5)])
    assert alone == pytest.approx(found[0], abs=1e-3)  # batch statistics are not used


def test_the_backend_has_the_properties_of_its_run(run, config):
    backend = TorchBackend(run.folder)
    assert backend.name == "run"
    assert backend.skeleton == run.skeleton
    assert backend.crop == config.crop
    assert backend.validation_share == DATA["validation_share"]
    assert backend.run == run
    assert not backend.network.training


def test_a_run_folder_is_loaded_by_its_path(run):
    assert isinstance(load_backend(run.folder), TorchBackend)
    assert isinstance(load_backend(str(run.folder)), TorchBackend)


def test_the_rejection_limit_is_a_multiple_of_the_most_uncertain_face(run):
    assert TorchBackend(run.folder).max_relative_spread == math.inf
    (run.folder / "scores.json").write_text(f'{{"format_version": 2, "{MAX_RELATIVE_SPREAD}": 0.04}}')
    assert TorchBackend(run.folder).max_relative_spread == pytest.approx(0.04 * REJECTION_MARGIN)


@pytest.mark.parametrize("content", ["{", "{}", '{"relative_spread/max": "wide"}', '{"relative_spread/max": null}'])
def test_scores_without_a_limit_reject_nothing(run, content):
    (run.folder / "scores.json").write_text(content)
    assert TorchBackend(run.folder).max_relative_spread == math.inf


def test_weights_from_before_the_spread_head_predict(run):
    state = load_weights(run.best)
    kept = {name: value for name, value in state["weights"].items() if not name.startswith("spread.")}
    before = TorchBackend(run.folder)(noise(2))[0]
    save_weights(run.best, {"weights": kept})
    backend = TorchBackend(run.folder)
    assert backend(noise(2))[0] == pytest.approx(before)
    assert float(backend.network.spread.scale) == 1.0


def test_present_spread_weights_are_kept(run):
    state = load_weights(run.best)
    state["weights"]["spread.scale"] = torch.tensor(3.0)
    save_weights(run.best, state)
    assert float(TorchBackend(run.folder).network.spread.scale) == 3.0


def without(state):
    del state["weights"]["model.head.bias"]


def another_shape(state):
    state["weights"]["model.head.bias"] = torch.zeros(57)


def no_table(state):
    state["weights"] = [1, 2]


def no_weights(state):
    del state["weights"]


def text_weight(state):
    state["weights"]["model.head.bias"] = "text"


@pytest.mark.parametrize("change", [without, another_shape, no_table, no_weights, text_weight])
def test_weights_of_another_network_are_rejected(run, change):
    state = load_weights(run.best)
    change(state)
    save_weights(run.best, state)
    words = r"weights do not fit the network of run \(unet, imm-58\); restore the file|best.pt: rejected"
    with pytest.raises(ModelError, match=words):
        TorchBackend(run.folder)


def test_weights_of_another_run_are_rejected(run, tmp_path):
    other = untrained_run(tmp_path / "other", plain(CNN))
    run.best.write_bytes(other.best.read_bytes())
    with pytest.raises(ModelError, match="do not fit the network of run"):
        Predictor(run.folder)


def test_missing_and_damaged_files_are_named(run):
    content = run.best.read_bytes()
    run.best.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"best\.pt: rejected"):
        TorchBackend(run.folder)
    run.best.unlink()
    with pytest.raises(ModelError, match=r"best\.pt: cannot be read"):
        TorchBackend(run.folder)
    (run.folder / "run.json").unlink()
    with pytest.raises(ModelError, match="not a run folder"):
        TorchBackend(run.folder)


def test_a_run_of_format_version_1_predicts(stored_v1):
    backend = TorchBackend(stored_v1 / "finished")
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)
    keypoints, spread, anisotropy, _ = backend(crops)
    assert keypoints.shape == anisotropy.shape == (3, 68, 2)
    assert np.isfinite(keypoints).all()
    assert (spread > 0).all()
    assert 0 < backend.max_relative_spread < math.inf
    assert float(backend.network.spread.scale) != 1.0  # the stored spread head, not an initial one
