"""The initial and the trained model on held-out faces, with networks whose errors are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from doubles import QUAD, Fixed
from nasion import datasets
from nasion.errors import ImageError
from nasion.evaluation.baseline import mean_face_errors
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet
from nasion.studio import comparison
from nasion.studio.comparison import Comparison, FaceErrors, Measurement

KEYPOINTS = np.array([[20.0, 20], [40, 20], [30, 30], [30, 50]])
SIZE = 60, 80


class Known(Predictor):
    """A predictor that is off by (0.6, 0.8) times `error_px` at every point."""

    def __init__(self, error_px, skeleton=QUAD):
        super().__init__(Fixed((0, 0), skeleton))
        self.error_px, self.calls = error_px, []

    def predict_boxes(self, images, boxes, passes=None):
        self.calls.append((boxes, passes))
        points = KEYPOINTS + self.error_px * np.array([0.6, 0.8])
        return [type("Face", (), {"keypoints": points})]


def faces_of(count, folder=Path("faces")):
    """Return `count` photographs of one face each; every tenth one is held out."""

    def open_image(face):
        if face.image.name == "broken.png":
            raise ImageError("broken")
        return np.zeros((*SIZE, 3), np.uint8)

    annotations = [
        Annotation(folder / f"{k:02d}.png", KEYPOINTS, QUAD, np.ones(4, bool), subject=f"{k:02d}") for k in range(count)
    ]
    return DataSet("quad", QUAD, tuple(annotations), open_image)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return the folder of a run; all names of data sets are 30 faces."""
    monkeypatch.setattr(datasets, "load", lambda _source: faces_of(30))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs" / "mine"


def measured(run, before, after=None, accepted=frozenset()):
    found = Comparison()
    found.begin(run, "quad", "default", lambda: before, accepted)
    found.wait()
    if after is not None:
        found.finish(run, "quad", lambda: after)
        found.wait()
    return found


def test_both_models_are_measured_on_the_faces_that_are_held_out(run):
    before, after = Known(3.0), Known(2.0)
    found = measured(run, before, after).of(run)
    assert [face.name for face in found.faces] == ["05.png", "15.png", "25.png"]
    assert (found.model, found.before_px, found.after_px) == ("default", pytest.approx(3), pytest.approx(2))
    assert found.change_px() == pytest.approx((-1, -1))
    assert {passes for _, passes in before.calls + after.calls} == {1}  # as in the validation of a training
    assert np.allclose(before.calls[0][0], [20, 20, 40, 50])


def test_the_result_survives_a_restart(run):
    first = measured(run, Known(3.0))
    later = Comparison()
    assert later.of(run) == first.of(run)
    assert later.of(run).after_px is None
    later.finish(run, "quad", lambda: Known(1.0))
    later.wait()
    assert later.of(run).after_px == pytest.approx(1)
    assert Comparison().of(run).after_px == pytest.approx(1)


def test_the_labels_of_the_start_count(run, monkeypatch):
    """A user may correct labels while the training runs."""
    found = measured(run, Known(3.0))
    moved = [replace(face, keypoints=KEYPOINTS + 9) for face in faces_of(30).annotations]
    monkeypatch.setattr(datasets, "load", lambda _source: replace(faces_of(30), annotations=tuple(moved)))
    found.finish(run, "quad", lambda: Known(3.0))
    found.wait()
    assert found.of(run).after_px == pytest.approx(3)


def test_faces_that_have_disappeared_are_left_out(run, monkeypatch):
    found = measured(run, Known(3.0))
    monkeypatch.setattr(datasets, "load", lambda _source: faces_of(12))
    found.finish(run, "quad", lambda: Known(1.0))
    found.wait()
    assert [face.name for face in found.of(run).faces] == ["05.png"]


def test_unreadable_images_are_left_out(run, monkeypatch):
    faces = faces_of(30)
    broken = [replace(face, image=Path("broken.png")) if k == 15 else face for k, face in enumerate(faces.annotations)]
    monkeypatch.setattr(datasets, "load", lambda _source: replace(faces, annotations=tuple(broken)))
    assert [face.name for face in measured(run, Known(3.0)).of(run).faces] == ["05.png", "25.png"]


def test_a_model_of_other_points_is_replaced_by_the_mean_face(run):
    other = Known(3.0, "imm-58")
    found = measured(run, other).of(run)
    faces = faces_of(30).annotations
    assert (found.model, other.calls, found.faces[0].before) == ("", [], None)
    assert found.before_px == pytest.approx(mean_face_errors(faces, faces[:1], in_boxes=True)[0], abs=1e-9)


def test_accepted_labels_are_counted(run):
    accepted = frozenset({"faces/05.png", "faces/25.png", "faces/26.png"})
    assert measured(run, Known(3.0), accepted=accepted).of(run).accepted == 2


def test_many_faces_are_sampled_evenly(run, monkeypatch):
    monkeypatch.setattr(comparison, "MAX_FACES", 3)
    monkeypatch.setattr(datasets, "load", lambda _source: faces_of(50))
    assert [face.name for face in measured(run, Known(3.0)).of(run).faces] == ["05.png", "25.png", "45.png"]


def test_an_error_is_one_line_and_ends_the_comparison(run, monkeypatch):
    found = Comparison()
    monkeypatch.setattr(datasets, "load", lambda _source: faces_of(1))
    found.begin(run, "quad", "default", lambda: Known(1.0), frozenset())
    found.wait()
    assert "training group" in found.error
    assert found.of(run) is None
    found.finish(run, "quad", lambda: Known(1.0))
    assert not found.is_busy
    assert not run.exists()


def test_a_deleted_folder_does_not_come_back(run):
    run.parent.rmdir()
    found = measured(run, Known(1.0))
    assert found.error
    assert not run.parent.exists()


def test_a_resumed_training_is_measured_again(run):
    found = measured(run, Known(3.0), Known(2.0))
    found.forget(run)
    assert found.of(run).after_px is None
    found.finish(run, "quad", lambda: Known(1.0))
    found.wait()
    assert found.of(run).after_px == pytest.approx(1)


def test_a_trained_model_is_measured_once(run):
    found, after = measured(run, Known(3.0), Known(2.0)), Known(1.0)
    found.finish(run, "quad", lambda: after)
    assert not found.is_busy
    assert after.calls == []


@pytest.mark.parametrize("content", ["", "{", '{"model": 3}'])
def test_a_damaged_file_counts_as_missing(run, content):
    run.mkdir()
    (run / "comparison.json").write_text(content)
    assert Comparison().of(run) is None
    assert Comparison().of(None) is None


def face(before, after=None, group="a"):
    return FaceErrors(
        image="x", face=0, name=f"{before}", group=group, labels=[], before=None, before_px=before, after_px=after
    )


def test_samples_are_spread_from_the_largest_initial_error_to_the_smallest():
    found = Measurement(model="", accepted=0, faces=[face(each) for each in (3.0, 9.0, 1.0, 5.0, 7.0)])
    assert [each.before_px for each in found.samples()] == [9, 5, 1]
    assert len(found.model_copy(update={"faces": found.faces[:2]}).samples()) == 2


def test_interval_of_the_change_resamples_groups():
    pairs = [face(3.0, 2.0, "a"), face(3.0, 2.0, "a"), face(3.0, 5.0, "b")]
    assert Measurement(model="", accepted=0, faces=pairs).change_px() == pytest.approx((-1, 2))
    alone = Measurement(model="", accepted=0, faces=pairs[:2])
    assert np.isnan(alone.change_px()).all()
