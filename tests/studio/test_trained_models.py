"""Models of earlier trainings are found with their terms; broken ones are named, and links that leave are refused."""

import os

import pytest

from nasion.errors import ModelError
from nasion.predict import model_zoo
from nasion.skeleton import load_skeleton
from nasion.studio import trained_models
from nasion.studio.trained_models import find_trained_models, is_inside, read_trained_model


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "faces" / "nasion-runs"


@pytest.fixture
def run(runs, write_run):
    return write_run(runs / "mine")


def find(runs):
    return find_trained_models(runs, runs.parent)


def test_a_folder_without_runs_has_no_models(runs):
    assert find(runs) == ([], {})


def test_models_are_found_from_the_oldest_to_the_newest(runs, write_run):
    for age, name in enumerate(("c", "a", "b")):
        os.utime(write_run(runs / name) / "run.json", (1000 - age, 1000 - age))
    (runs / "training.log").touch()
    assert find(runs) == ([runs / "b", runs / "a", runs / "c"], {})


def test_a_model_has_its_points_and_the_terms_of_what_it_started_from(run, runs):
    model = read_trained_model(run, runs.parent)
    assert model.skeleton.names == load_skeleton("ibug-68").names
    assert model.terms == f"trained from default: {model_zoo.card('default')['terms']}"


def test_the_terms_are_those_of_the_first_model_of_several_trainings(runs, write_run):
    first = write_run(runs / "first", "open")
    second = write_run(runs / "second", first)
    assert read_trained_model(second, runs.parent).terms == f"trained from open: {model_zoo.card('open')['terms']}"


@pytest.mark.parametrize(
    ("start", "terms"),
    [
        ("", "trained from random weights"),
        ("elsewhere/theirs.onnx", "trained from theirs.onnx: its terms apply"),
        ("gone/run", "trained from run: its terms apply"),
    ],
)
def test_unknown_terms_are_not_invented(runs, start, terms, write_run):
    assert read_trained_model(write_run(runs / "mine", start), runs.parent).terms == terms


def test_runs_that_name_each_other_end_the_search(runs, write_run):
    write_run(runs / "a", runs / "b")
    write_run(runs / "b", runs / "a")
    assert "its terms apply" in read_trained_model(runs / "a", runs.parent).terms


def test_runs_outside_the_folder_are_not_read_for_their_terms(runs, tmp_path, write_run):
    start = write_run(tmp_path / "outside", "open")
    assert read_trained_model(write_run(runs / "mine", start), runs.parent).terms == (
        "trained from outside: its terms apply"
    )


def test_a_run_that_ended_before_it_wrote_weights_is_no_model(run, runs):
    (run / "checkpoints" / "best.pt").unlink()
    assert find(runs) == ([], {})
    with pytest.raises(ModelError, match=r"best\.pt is missing"):
        read_trained_model(run, runs.parent)


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("run.json", None, "it has no run.json"),
        ("run.json", "{", "its run.json is damaged"),
        ("run.json", "[]", "its run.json is damaged"),
        ("run.json", '{"format_version": 99}', "its run.json is damaged"),
        ("run.json", '{"format_version": 2, "skeleton": {"name": "nose-1"}}', "its run.json is damaged"),
        ("checkpoints/best.pt", "cut off", "its checkpoints/best.pt is missing or damaged"),
    ],
)
def test_a_broken_run_is_named_in_one_line_and_the_others_are_found(run, runs, file, content, problem, write_run):
    write_run(runs / "whole")
    (run / file).unlink() if content is None else (run / file).write_text(content)
    found = find(runs)
    assert found.runs == [runs / "whole"]
    assert list(found.problems) == ["mine"]
    assert found.problems["mine"].startswith(problem)
    assert "\n" not in found.problems["mine"]


@pytest.mark.parametrize("part", ["", "run.json", "checkpoints", "checkpoints/best.pt"])
def test_a_link_out_of_the_folder_is_refused(run, runs, tmp_path, part):
    outside = tmp_path / "outside"
    (run / part).rename(outside)
    (run / part).symlink_to(outside)
    assert not is_inside(run, runs.parent)
    found = find(runs)
    assert found.runs == []
    assert "leads out of" in found.problems["mine"]
    assert find_trained_models(runs, tmp_path) == ([run], {})


def test_without_torch_the_remedy_is_named(run, runs, monkeypatch):
    monkeypatch.setattr(trained_models, "find_spec", lambda _name: None)
    assert find(runs) == ([], {"mine": "it needs torch, which is not installed; pip install 'nasion[train]'"})
