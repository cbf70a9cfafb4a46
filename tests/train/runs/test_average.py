import pytest
import torch

from nasion.errors import ConfigError
from nasion.train.checkpoint import load_weights
from nasion.train.runs.average import average_runs
from nasion.train.runs.run_folder import open_run
from nasion.train.runs.torch_backend import TorchBackend
from train.loop.tiny_runs import DATA, UNET, plain, quick, untrained_run

__all__ = ["quick"]


@pytest.fixture
def runs(tmp_path):
    """Return two runs with different weights, as after a training."""
    found = [untrained_run(tmp_path / name, plain()) for name in ("a", "b")]
    state = load_weights(found[1].best)
    with torch.no_grad():
        for value in state["weights"].values():
            if value.is_floating_point():
                value.add_(0.25)
    torch.save({"format_version": 2, **state}, found[1].best)
    for run in found:
        for name in ("steps.csv", "epochs.csv"):
            (run.folder / name).write_text("step\n")
    return found


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_weights_are_averaged(runs, tmp_path, share):
    first, second = runs
    found = average_runs(first.folder, str(second.folder), share, tmp_path / "out", "nasion average x")
    assert open_run(tmp_path / "out").command == f"{first.command} && nasion average x" == found.command
    a, b, mean = (load_weights(run.best)["weights"] for run in (first, second, found))
    for name, value in mean.items():
        expected = share * a[name] + (1 - share) * b[name] if value.is_floating_point() else a[name]
        assert torch.allclose(value, expected, atol=1e-6), name
    assert TorchBackend(found.folder).run == open_run(found.folder)


def test_an_average_needs_no_further_trainings(tmp_path):
    data = {**DATA, "cross_fit": 2}
    run = untrained_run(tmp_path / "a", plain(data=data))
    for name in ("steps.csv", "epochs.csv"):
        (run.folder / name).write_text("step\n")
    found = average_runs(run.folder, str(run.folder), 0.5, tmp_path / "out", "x")
    assert (run.config.data.cross_fit, found.config.data.cross_fit) == (2, 0)
    assert open_run(tmp_path / "out").config == found.config


def test_layers_that_the_other_lacks_are_kept(runs, tmp_path):
    run = untrained_run(tmp_path / "hidden", plain(hidden_points=True))
    for name in ("steps.csv", "epochs.csv"):
        (run.folder / name).write_text("step\n")
    found = average_runs(run.folder, str(runs[1].folder), 0.5, tmp_path / "out", "x")
    before, after = (load_weights(each.best)["weights"]["hidden.layer.weight"] for each in (run, found))
    assert torch.equal(before, after)


def test_channels_that_the_other_lacks_are_kept(runs, tmp_path):
    wide = untrained_run(tmp_path / "wide", plain({**UNET, "model": {**UNET["model"], "widths": [8, 10]}}))
    for name in ("steps.csv", "epochs.csv"):
        (wide.folder / name).write_text("step\n")
    found = average_runs(wide.folder, str(runs[1].folder), 0.25, tmp_path / "out", "x")
    narrow, before, after = (
        load_weights(run.best)["weights"]["model.down.1.1.first.0.weight"] for run in (runs[1], wide, found)
    )
    assert torch.allclose(after[:8, :6], 0.25 * before[:8, :6] + 0.75 * narrow, atol=1e-6)
    assert torch.equal(after[8:], before[8:])
    assert torch.equal(after[:, 6:], before[:, 6:])


def test_what_cannot_be_averaged(runs, tmp_path):
    first, second = runs
    with pytest.raises(ConfigError, match="already holds a run"):
        average_runs(first.folder, str(second.folder), 0.5, second.folder, "x")
    other = untrained_run(tmp_path / "ibug", plain(), "ibug-68")
    with pytest.raises(ConfigError, match=r"has the points of ibug-68, .* those of imm-58"):
        average_runs(first.folder, str(other.folder), 0.5, tmp_path / "out", "x")
    wider = untrained_run(tmp_path / "wider", plain({**UNET, "model": {**UNET["model"], "widths": [8, 10]}}))
    with pytest.raises(ConfigError, match="only networks of one architecture can be averaged"):
        average_runs(first.folder, str(wider.folder), 0.5, tmp_path / "out", "x")
    assert not (tmp_path / "out" / "run.json").exists()
