"""Options of several commands."""

import builtins
from pathlib import Path

import pytest

from nasion.cli.options import choice, make_boxes, make_predictor, require_training_extra, write_new
from nasion.errors import ConfigError, ModelError
from nasion.predict.boxes import detect_boxes


def test_predictor_has_the_options(yunet_file):
    predictor = make_predictor("tiny", yunet_file, 0.7, 0.05)
    assert predictor.backend.name == "tiny"
    assert predictor.detector.name == "YuNet"
    assert (predictor.min_score, predictor.max_spread) == (0.7, 0.05)


def test_notices_go_to_standard_error(capsys):
    assert make_predictor("tiny", None).detector.name == "nasion's detector"
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


def test_boxes_and_scores_exclude_each_other():
    assert make_boxes(None, 0.5) is detect_boxes
    assert make_boxes("1,2,3,4", 0.0)(Path("a.jpg")) == [[1, 2, 3, 4]]
    with pytest.raises(ConfigError, match="--min-score applies to detected faces"):
        make_boxes("1,2,3,4", 0.5)


def test_a_choice_is_checked_and_completed():
    option = choice("--color", lambda: ["red", "green"], "which color")
    assert option.callback("red") == "red"
    assert option.callback(None) is None
    assert option.autocompletion() == ["red", "green"]
    with pytest.raises(ConfigError, match='--color cannot be "gren"; did you mean "green"'):
        option.callback("gren")


def test_a_choice_may_allow_other_values():
    option = choice("--color", lambda: ["red", "green"], "which color", other="FILE")
    assert option.callback("gren") == "gren"
    assert option.autocompletion() == ["red", "green"]


def test_the_values_of_a_choice_are_asked_for_only_when_they_are_needed():
    choice("--color", lambda: pytest.fail("called"), "which color").callback(None)


def test_a_new_file_replaces_nothing(tmp_path, capsys):
    write_new(tmp_path / "a.toml", lambda: "a = 1")
    assert "a.toml" in capsys.readouterr().out
    for name, message in (("a.toml", "choose another name"), ("a.txt", "ends in .toml, such as mine.toml")):
        with pytest.raises(ConfigError, match=message):
            write_new(tmp_path / name, lambda: "b = 1")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["a = 1"]
