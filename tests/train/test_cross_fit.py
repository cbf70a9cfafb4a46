"""Cross-fitting: every face is left out once, and the run's uncertainty is that of the faces left out."""

import shutil

import numpy as np
import pytest

from doubles import RecordingReporter
from nasion.evaluation.evaluation import evaluate
from nasion.predict.predictor import Predictor
from nasion.train import cross_fit as module_under_test
from nasion.train import jobs
from nasion.train.checkpoint import load_weights
from nasion.train.cross_fit import PARTS, SCALE, cross_fit, faces_left_out
from nasion.train.data.faces import load_faces
from nasion.train.jobs import resume_job, train_job
from nasion.train.network.spread import likeliest_factor
from nasion.train.runs.run_folder import CONFIDENCE, open_run, read_scores
from train.loop.tiny_runs import DATA, plain, quick, same, weights

__all__ = ["quick"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, quick):
    """Return the folder of a finished job with two parts, and what it reported."""
    folder, reporter = tmp_path_factory.mktemp("cross_fit") / "run", RecordingReporter()
    train_job(plain(data={**DATA, "sources": ["synthetic:24"], "cross_fit": 2}), folder, "x", reporter)
    return folder, reporter


def left_out(folder, part):
    """Return the faces that a part left out, and the errors of its network on them, in spreads without calibration."""
    run = open_run(folder / PARTS / str(part))
    faces = faces_left_out(load_faces(open_run(folder).config), load_faces(run.config))
    distances = evaluate(Predictor(run.folder), faces, "points").mahalanobis
    return faces, distances * float(load_weights(run.best)["weights"][SCALE])


def test_every_training_face_is_left_out_once(trained):
    whole = load_faces(open_run(trained[0]).config)
    names = sorted(face.name for part in (1, 2) for face in left_out(trained[0], part)[0].annotations)
    assert names == sorted(face.name for face in whole.annotations if face.split == "train")


def test_the_factor_of_the_spread_is_the_likeliest_of_all_faces_left_out(trained):
    together = np.concatenate([left_out(trained[0], part)[1] for part in (1, 2)])
    assert together.shape == (12, 58)
    assert float(weights(trained[0], "best")[SCALE]) == pytest.approx(likeliest_factor(together), rel=1e-5)


def test_the_sizes_of_ellipses_rest_on_all_faces_left_out(trained):
    folder, reporter = trained
    assert read_scores(folder)[CONFIDENCE]["faces"] == 12
    assert "the uncertainty rests on 12 faces, each left out of a further training" in reporter.lines
    assert reporter.warnings[-1] == "the scores rest on only 6 validation faces; label more, at least 20"


def test_a_resumed_job_trains_only_what_is_missing(trained, tmp_path):
    folder = shutil.copytree(trained[0], tmp_path / "run")
    before, first = weights(folder, "best"), (folder / PARTS / "1" / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    shutil.rmtree(folder / PARTS / "2")
    resume_job(folder)
    assert same(weights(folder, "best"), before, 1e-6)
    assert (folder / PARTS / "1" / "checkpoints" / "last.ckpt").stat().st_mtime_ns == first
    assert read_scores(folder)[CONFIDENCE] == read_scores(trained[0])[CONFIDENCE]


def test_a_part_is_not_divided_again(trained, tmp_path):
    part = shutil.copytree(trained[0] / PARTS / "1", tmp_path / "part")
    resume_job(part)
    assert not (part / PARTS).exists()


def test_a_stopped_training_leaves_the_run_as_it_is(trained, tmp_path, monkeypatch):
    folder, reporter = shutil.copytree(trained[0], tmp_path / "run"), RecordingReporter()
    before, resume = weights(folder, "best"), module_under_test.resume

    def stop(*arguments):
        run, faces = resume(*arguments)
        object.__setattr__(run, "stopped", True)
        return run, faces

    monkeypatch.setattr(module_under_test, "resume", stop)
    assert cross_fit(open_run(folder), load_faces(open_run(folder).config), reporter) is None
    assert same(weights(folder, "best"), before)
    assert reporter.warnings == [f"the uncertainty is not measured yet; resume with: nasion train --resume {folder}"]


def test_the_time_is_divided_among_all_trainings(tmp_path, monkeypatch):
    given = []

    def fit(_config, _folder, _command, _reporter, minutes, _devices):
        given.append(minutes)
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        train_job(plain(data={**DATA, "cross_fit": 2}), tmp_path / "run", "x", minutes=6.0)
    assert given == [2.0]
