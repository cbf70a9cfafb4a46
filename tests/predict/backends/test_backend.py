"""A model's name, file or run folder becomes a backend."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nasion
from nasion.errors import ModelError
from nasion.predict.backends import backend as backend_module
from nasion.predict.backends.backend import TORCH_BACKEND, load_backend, relative_spread
from nasion.predict.backends.onnx_backend import OnnxBackend


def test_model_in_the_package_is_loaded_by_its_name():
    backend = load_backend("tiny")
    assert isinstance(backend, OnnxBackend)
    assert backend.name == "tiny"


@pytest.mark.parametrize("kind", [str, Path])
def test_onnx_file_is_named_by_its_stem(stored_v1, kind):
    backend = load_backend(kind(stored_v1 / "model.onnx"))
    assert isinstance(backend, OnnxBackend)
    assert backend.name == "model"


def test_unknown_model_is_rejected(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        load_backend(tmp_path / "missing.onnx")


def test_run_folder_is_loaded_by_torch(tmp_path, monkeypatch):
    loaded = []

    def torch_backend(path):
        loaded.append(path)
        return "the run"

    def import_stub(name):
        assert name == TORCH_BACKEND
        return SimpleNamespace(TorchBackend=torch_backend)

    (tmp_path / "run.json").touch()
    monkeypatch.setattr(backend_module, "import_module", import_stub)
    assert load_backend(str(tmp_path)) == "the run"
    assert loaded == [tmp_path]


def test_module_of_the_torch_backend_exists():
    # importing it takes seconds because it imports torch
    path = Path(nasion.__file__).parent.joinpath(*TORCH_BACKEND.split(".")[1:]).with_suffix(".py")
    assert "class TorchBackend" in path.read_text("utf-8")


def test_run_folder_without_torch_names_the_remedy(tmp_path, monkeypatch):
    def missing(_name):
        raise ImportError("No module named 'torch'")

    monkeypatch.setattr(backend_module, "import_module", missing)
    with pytest.raises(ModelError, match=r"is a folder without run\.json; give a run folder"):
        load_backend(tmp_path)
    (tmp_path / "run.json").touch()
    with pytest.raises(ModelError, match=r"needs torch \(No module named 'torch'\); pip install 'nasion\[train\]'"):
        load_backend(tmp_path)


def test_relative_spread_is_the_median_over_the_geometric_mean_of_the_sides():
    # the median is 2, the mean is 4; the sides are 16 and 25, their geometric mean is 20
    assert relative_spread(np.array([9.0, 1.0, 2.0]), np.array([5.0, 5, 21, 30])) == pytest.approx(0.1)


def test_relative_spread_of_a_model_without_uncertainty_is_nan():
    assert np.isnan(relative_spread(np.full(3, np.nan), np.array([0.0, 0, 4, 4])))
