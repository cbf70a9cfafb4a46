"""A run's uncertainty, calibrated by another run."""

import json

import pytest
import torch

from nasion.errors import ConfigError, ModelError
from nasion.train.checkpoint import load_weights
from nasion.train.runs.calibration import SCALE, read_calibration, scale_spreads
from train.loop.tiny_runs import CNN, plain, quick, untrained_run

__all__ = ["quick"]

SCORES = {"confidence": {"0.9": 1.5}, "relative_spread/max": 0.02}


@pytest.fixture
def run(tmp_path):
    """Return a run that has measured its uncertainty: a factor of 1.25."""
    found = untrained_run(tmp_path / "a", plain())
    scale_spreads(found, torch.tensor(1.25))
    (found.folder / "scores.json").write_text(json.dumps({"split": "val", "n": 6, **SCORES}))
    return found


def test_factor_and_scores_are_read(run):
    found = read_calibration(run.folder, run.skeleton)
    assert found.factor.item() == 1.25
    assert found.scores == SCORES


def test_the_factor_is_the_only_weight_that_changes(run):
    before = load_weights(run.best)
    scale_spreads(run, torch.tensor(0.5, dtype=torch.float64))
    after = load_weights(run.best)
    assert after["weights"][SCALE].item() == 0.5
    assert after["weights"][SCALE].dtype == torch.float32
    for name, value in before["weights"].items():
        assert name == SCALE or torch.equal(value, after["weights"][name])
    assert after["epoch"] == before["epoch"]


def test_runs_that_cannot_calibrate(run, tmp_path):
    other = untrained_run(tmp_path / "ibug", plain(), "ibug-68")
    (other.folder / "scores.json").write_text(json.dumps(SCORES))
    with pytest.raises(ConfigError, match=r"has the points of ibug-68, not those of imm-58"):
        read_calibration(other.folder, run.skeleton)
    (run.folder / "scores.json").write_text(json.dumps({"split": "train", "relative_spread/max": 0.02}))
    with pytest.raises(ConfigError, match="no calibrated uncertainty; name a run with maps and validation faces"):
        read_calibration(run.folder, run.skeleton)
    vector = untrained_run(tmp_path / "vector", plain(CNN))
    (vector.folder / "scores.json").write_text(json.dumps(SCORES))
    with pytest.raises(ConfigError, match="no calibrated uncertainty"):
        read_calibration(vector.folder, run.skeleton)
    with pytest.raises(ModelError):
        read_calibration(tmp_path / "missing", run.skeleton)
