"""Models keep their order, are loaded once, and are found by name only."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from nasion.errors import ConfigError
from nasion.predict import model_zoo
from nasion.skeleton import load_skeleton
from nasion.studio.server.loaded_models import LoadedModels


@pytest.fixture
def made():
    """The sources that were loaded so far."""
    return []


@pytest.fixture
def models(made):
    def make(source):
        made.append(source)
        return SimpleNamespace(skeleton=load_skeleton("nose-1"), source=source)

    return LoadedModels(make, {"b": "b.onnx", "a": "runs/a"})


def test_extra_models_come_first_in_their_order_then_the_packaged_ones(models):
    assert models.names == ["b", "a", *model_zoo.available()]


RUNS = Path("runs")


def test_an_added_model_comes_last_and_replaces_none(models):
    names = [models.add(run, RUNS) for run in (RUNS / "mine", Path("other/mine"), RUNS / "default", RUNS / "mine")]
    assert names == ["mine", "mine 2", "default 2", "mine"]
    assert models.names[-3:] == ["mine", "mine 2", "default 2"]
    assert models.source("default") == "default"
    assert models.source("mine") == str((RUNS / "mine").resolve())
    assert models.source("mine 2") == str(Path("other/mine").resolve())


def test_an_added_model_keeps_its_number(models):
    for run in (RUNS / "mine", Path("other/mine")):
        models.add(run, RUNS)
    models.remove(RUNS / "mine")
    assert models.add(Path("other/mine"), RUNS) == "mine 2"
    assert models.names[-1] == "mine 2"
    assert "mine" not in models.names


def test_an_added_model_is_no_problem_any_more(models):
    models.problems |= {"mine": "it has no run.json", "other": "it has no run.json"}
    models.add(RUNS / "mine", RUNS)
    assert list(models.problems) == ["other"]


def test_an_extra_model_may_replace_a_packaged_one():
    models = LoadedModels(str, {"default": "mine.onnx"})
    assert models.names == ["default", *(name for name in model_zoo.available() if name != "default")]
    assert models.source("default") == "mine.onnx"


def test_a_fresh_predictor_is_another_one_each_time(models, made):
    assert models.fresh("a") is not models.fresh("a")
    assert made == ["runs/a", "runs/a"]
    with pytest.raises(ConfigError, match="no model"):
        models.fresh("none")


def test_an_empty_name_is_the_first_model(models):
    assert models.source() == models.source("") == "b.onnx"
    assert models.predictor().source == "b.onnx"


@pytest.mark.parametrize("name", ["b.onnx", "runs/a", "../b", "/etc/passwd", "B"])
def test_a_model_is_found_by_name_never_by_path(models, made, name):
    with pytest.raises(ConfigError, match="no model"):
        models.predictor(name)
    assert made == []


def test_a_long_name_is_shortened_in_the_message(models):
    with pytest.raises(ConfigError) as error:
        models.source("x" * 5000)
    assert str(error.value).count("x") < 90


def test_a_model_is_loaded_at_its_first_use_and_only_once(models, made):
    assert made == []
    assert models.predictor("a") is models.predictor("a")
    models.predictor("b")
    models.predictor()
    assert made == ["runs/a", "b.onnx"]


def test_a_removed_model_is_gone_and_is_loaded_again_after_it_was_added(models, made):
    run = (RUNS / "mine").resolve()
    models.add(run, RUNS)
    models.predictor("mine")
    models.remove(run)
    models.remove(run)
    with pytest.raises(ConfigError):
        models.predictor("mine")
    models.add(run, RUNS)
    models.predictor("mine")
    assert made == [str(run), str(run)]


def test_only_models_of_runs_are_removed(models):
    models.remove(Path("b.onnx"))
    models.remove(Path("default"))
    assert models.names == ["b", "a", *model_zoo.available()]


def test_only_packaged_models_have_a_card(models):
    assert models.describe("default").card == model_zoo.card("default")
    assert models.describe("default").terms == model_zoo.card("default")["terms"]
    assert (models.describe("a").card, models.describe("a").terms) == ({}, "")
    assert models.describe("a").name == "a"
    assert models.describe("a").skeleton.names == list(load_skeleton("nose-1").names)


def test_an_extra_model_with_the_name_of_a_packaged_one_has_no_card():
    models = LoadedModels(lambda source: SimpleNamespace(skeleton=load_skeleton("nose-1")), {"default": "mine.onnx"})
    assert models.describe("default").card == {}


def test_a_model_that_does_not_exist_cannot_be_described(models):
    with pytest.raises(ConfigError, match='no model "c"'):
        models.describe("c")
