"""Checkpoints: written whole, read without running code, and read from format version 1."""

import pickle

import pytest
import torch

from nasion.errors import ModelError
from nasion.predict.migration import FORMAT_KEY, FORMAT_VERSION
from nasion.train.checkpoint import AtomicCheckpointIO, load_weights, save_weights


def test_weights_come_back_without_the_version(tmp_path):
    save_weights(tmp_path / "a.pt", {"epoch": 3, "weights": {"w": torch.arange(5.0)}})
    assert torch.load(tmp_path / "a.pt", weights_only=True)[FORMAT_KEY] == FORMAT_VERSION
    state = load_weights(tmp_path / "a.pt")
    assert state["epoch"] == 3
    assert torch.equal(state["weights"]["w"], torch.arange(5.0))
    assert FORMAT_KEY not in state


def test_checkpoint_of_version_1_has_the_present_names(stored_v1):
    state = load_weights(stored_v1 / "stopped" / "checkpoints" / "last.ckpt")
    assert state["callbacks"]["Checkpointer"]["waited"] == 3
    assert {"network.spread.scale_head.weight", "ema.module.spread.anisotropy_head.bias"} <= state["state_dict"].keys()
    assert not [
        name for name in state["state_dict"] if "stretch" in name or "lean" in name or name.startswith("average")
    ]


def test_lightnings_interface_uses_the_same_files(tmp_path):
    io = AtomicCheckpointIO()
    io.save_checkpoint({"state_dict": {"w": torch.ones(2)}, "callbacks": {}}, tmp_path / "last.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.equal(io.load_checkpoint(tmp_path / "last.ckpt")["state_dict"]["w"], torch.ones(2))


class Code:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", pickle.dumps({"weights": 1}), pickle.dumps(Code())],
    ids=["empty", "text", "pickle", "code"],
)
def test_other_files_are_rejected(tmp_path, content, capsys):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.pt: rejected"):
        load_weights(tmp_path / "a.pt")
    assert "this must not run" not in capsys.readouterr().out


def test_a_list_is_not_a_checkpoint(tmp_path):
    torch.save([1, 2], tmp_path / "a.pt")
    with pytest.raises(ModelError, match="holds a list"):
        load_weights(tmp_path / "a.pt")


def test_a_truncated_file_is_rejected(tmp_path):
    save_weights(tmp_path / "a.pt", {"weights": {"w": torch.ones(100)}})
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:300])
    with pytest.raises(ModelError, match="rejected"):
        load_weights(tmp_path / "a.pt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.pt: cannot be read"):
        load_weights(tmp_path / "gone.pt")


def test_a_later_version_is_rejected(tmp_path):
    torch.save({FORMAT_KEY: FORMAT_VERSION + 1}, tmp_path / "a.pt")
    with pytest.raises(ModelError, match="update nasion"):
        load_weights(tmp_path / "a.pt")
