"""Training in rounds: each network labels faces, and the next one also learns from them."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from nasion import datasets
from nasion.datasets.convert import convert
from nasion.errors import ConfigError
from nasion.progress import SILENT
from nasion.train import rounds as module_under_test
from nasion.train.data.pseudo import PseudoLabels
from nasion.train.rounds import train_rounds
from nasion.train.runs.run_folder import open_run
from train.loop.tiny_runs import plain, quick  # noqa: F401  a fixture

FACES = 5
"""Number of unlabeled faces."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Write drawn faces with a seed of their own, and return them."""
    folder = tmp_path_factory.mktemp("photos")
    convert(f"synthetic:{FACES}?seed=9", f"imm:{folder / 'faces'}")
    return datasets.load(f"imm:{folder / 'faces'}")


@pytest.fixture
def labeling(photos, monkeypatch):
    """Replace what networks predict by the true points; return the calls."""
    calls = []

    def label(predictor, unlabeled, held_out, reporter):
        calls.append((predictor.backend.name, unlabeled, len(held_out)))
        known = [replace(face, spread=np.ones(58), split="train") for face in photos.annotations]
        return PseudoLabels(known, {face.image: (480, 640) for face in known}, 1, 2, 3)

    monkeypatch.setattr(module_under_test, "pseudo_labels", label)
    return calls


class Recorder(type(SILENT)):
    """A reporter that remembers its lines and tables."""

    def __init__(self):
        self.lines, self.tables = [], []

    def line(self, text):
        self.lines.append(text)

    def table(self, title, header, rows, highlight=None):
        self.tables.append((title, header, rows, highlight))


def test_each_round_also_learns_from_the_labels_of_the_network_before(tmp_path, photos, labeling):
    recorder = Recorder()
    folder = tmp_path / "rounds"
    done = train_rounds(plain(), folder, [str(photos.annotations[0].image.parent)], 2, "nasion train x", recorder)
    assert [each.pseudo for each in done] == [0, FACES, FACES]
    assert [each.model for each in done] == [str(folder / f"round-{k}") for k in range(3)]
    runs = [open_run(folder / f"round-{k}") for k in range(3)]
    assert [run.data["faces"]["train"] for run in runs] == [6, 6 + FACES, 6 + FACES]
    assert [run.data["faces"]["val"] for run in runs] == [6, 6, 6]
    assert [run.config.init.model for run in runs] == ["", done[0].model, done[1].model]
    assert [held_out for _, _, held_out in labeling] == [12, 12]  # validation and test faces
    assert json.loads((folder / "rounds.json").read_text()) == [each._asdict() for each in done]
    labels = datasets.load(f"json:{folder / 'labels-1.json'}")
    np.testing.assert_allclose(labels.keypoints(), photos.keypoints(), atol=1e-3)
    line = f"{FACES} faces labeled by {done[0].model}; left out: 1 rejected, 2 among the validation or test faces, "
    assert any(each.startswith(line) for each in recorder.lines)
    title, header, rows, _ = recorder.tables[-1]
    assert title == "rounds on 6 validation faces"
    assert header[-1] == "gain"
    assert [row[1] for row in rows] == ["0", str(FACES), str(FACES)]
    gains = [each.error for each in done]
    assert [float(row[3].rstrip(" %")) for row in rows[1:]] == pytest.approx(
        [100 * (a - b) for a, b in itertools.pairwise(gains)], abs=0.01
    )


def test_rounds_start_from_the_initial_network(tmp_path, photos, labeling):
    first = train_rounds(plain(), tmp_path / "a", [str(photos.annotations[0].image)], 1, "x")[0].model
    config = plain(init={"model": first})
    done = train_rounds(config, tmp_path / "b", [str(photos.annotations[0].image)], 1, "x")
    assert [each.model for each in done] == [first, str(tmp_path / "b" / "round-1")]
    with pytest.raises(ConfigError, match="already holds rounds"):
        train_rounds(config, tmp_path / "b", [str(photos.annotations[0].image)], 1, "x")


def test_rounds_need_validation_faces(tmp_path):
    config = plain(data={"sources": ["synthetic:6"], "skeleton": "imm-58", "validation_share": 0})
    with pytest.raises(ConfigError, match="validation_share above 0"):
        train_rounds(config, tmp_path / "a", ["x.jpg"], 1, "x")


def test_a_round_without_labels_is_an_error(tmp_path, photos, monkeypatch):
    monkeypatch.setattr(module_under_test, "pseudo_labels", lambda *_: PseudoLabels([], {}, 4, 0, 0))
    with pytest.raises(ConfigError, match="no unlabeled face could be labeled"):
        train_rounds(plain(), tmp_path / "a", [str(photos.annotations[0].image)], 1, "x")


def test_a_teacher_labels_first_and_the_network_starts_as_configured(tmp_path, photos, labeling):
    source = [str(photos.annotations[0].image)]
    teacher = train_rounds(plain(), tmp_path / "a", source, 1, "x")[0].model
    done = train_rounds(plain(), tmp_path / "b", source, 2, "x", teacher=teacher)
    assert [each.model for each in done] == [teacher, *(str(tmp_path / "b" / f"round-{k}") for k in (1, 2))]
    starts = [open_run(tmp_path / "b" / f"round-{k}").config.init.model for k in (1, 2)]
    assert starts == ["", done[1].model]


def test_a_teacher_with_other_points_is_rejected(tmp_path, photos, labeling):
    with pytest.raises(ConfigError, match="tiny predicts the points of ibug-68, not those of imm-58"):
        train_rounds(plain(), tmp_path / "a", [str(photos.annotations[0].image)], 1, "x", teacher="tiny")
