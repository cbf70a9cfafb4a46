"""Options of several commands."""

import builtins

import pytest

from nasion.cli.options import make_predictor, require_training_extra
from nasion.errors import ModelError


def test_predictor_has_the_options(yunet_file):
    predictor = make_predictor("tiny", yunet_file, 0.7, 0.05)
    assert predictor.backend.name == "tiny"
    assert predictor.detector.name == "YuNet"
    assert (predictor.min_score, predictor.max_spread) == (0.7, 0.05)


@pytest.mark.usefixtures("cascade")
def test_notices_go_to_standard_error(capsys):
    assert make_predictor("tiny", None).detector.name == "OpenCV's cascade"
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("nasion: ")
    assert error.count("\n") == 1


def test_wrong_detector_file_is_rejected(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        make_predictor("tiny", tmp_path / "gone.onnx")


def test_missing_torch_is_one_line_with_the_remedy(monkeypatch):
    pytest.importorskip("pytorch_lightning")
    real = builtins.__import__

    def without_lightning(name, *rest):
        if name == "pytorch_lightning":
            raise ImportError("No module named 'pytorch_lightning'")
        return real(name, *rest)

    require_training_extra()
    monkeypatch.setattr(builtins, "__import__", without_lightning)
    with pytest.raises(ModelError, match=r"pip install 'nasion\[train\]'"):
        require_training_extra()
