"""Pretrained weights from ImageNet or from a file."""

import pytest
import torch

from nasion.errors import ModelError
from nasion.train.network.pretrained import install_weights

STATE = {"a": torch.ones(2)}


def forbidden(*_):
    pytest.fail("called")


def test_none_loads_nothing():
    install_weights("none", "a test", forbidden, forbidden)


def test_imagenet_and_files_are_installed(tmp_path):
    torch.save(STATE, tmp_path / "a.pth")
    installed = []
    install_weights("imagenet", "a test", lambda: STATE, installed.append)
    install_weights(str(tmp_path / "a.pth"), "a test", forbidden, installed.append)
    assert installed[0] is STATE
    assert torch.equal(installed[1]["a"], STATE["a"])


def test_missing_file_is_rejected(tmp_path):
    with pytest.raises(ModelError, match=r'^model\.weights: no file ".*b\.pth"; give the \.pth of a test, "imagenet"'):
        install_weights(str(tmp_path / "b.pth"), "a test", forbidden, forbidden)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, ValueError, AttributeError])
def test_weights_of_another_network_are_rejected(error):
    def install(_state):
        raise error("no")

    with pytest.raises(ModelError, match=r"^imagenet: not the weights of a test; give its \.pth"):
        install_weights("imagenet", "a test", lambda: STATE, install)
