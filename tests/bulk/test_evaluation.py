"""Evaluation in processes of Ray gives the scores of one process."""

import pickle

import numpy as np
import pytest

from nasion.bulk.evaluation import EvaluationWorker, _Work, evaluate_bulk
from nasion.bulk.packing import pack
from nasion.errors import SkeletonError
from nasion.evaluation.evaluation import evaluate
from nasion.predict.predictor import Predictor

DATA = "synthetic:20?skeleton=ibug-68"


def same(a, b):
    assert np.allclose(a.pred_keypoints, b.pred_keypoints)
    assert [face.name for face in a.faces] == [face.name for face in b.faces]
    assert (a.model, a.data, a.boxes, a.problems, a.lost) == (b.model, b.data, b.boxes, b.problems, b.lost)


def test_chunks_in_another_order_and_process_give_the_same_evaluation():
    predictor = Predictor("tiny", lambda _image: [])
    packed = pack(Predictor("tiny", Nobody()), "tiny", {"min_score": 0.0, "max_spread": None})
    worker = EvaluationWorker(_Work(pickle.loads(pickle.dumps(packed)), DATA, "all", "points"))

    def run(_predictor, _faces, _box_of, chunks):
        for chunk in reversed(chunks):
            found = worker({"start": np.array([chunk.start]), "stop": np.array([chunk.stop])})
            yield pickle.loads(found["chunk"][0])

    same(evaluate(predictor, DATA, "points", run=run), evaluate(predictor, DATA, "points"))


class Nobody:
    """A detector that finds no face and can be pickled."""

    name = "nobody"

    def __call__(self, _image):
        return []


def test_evaluation_on_ray_is_that_of_one_process(packaged_detector):
    pytest.importorskip("ray.data", reason="Ray Data is not installed: pip install 'nasion[bulk]'")
    predictor = Predictor("tiny", packaged_detector)
    same(evaluate_bulk(predictor, "tiny", DATA, workers=1), evaluate(predictor, DATA))


def test_wrong_points_are_refused_before_ray_starts(packaged_detector):
    pytest.importorskip("ray.data", reason="Ray Data is not installed: pip install 'nasion[bulk]'")
    with pytest.raises(SkeletonError):
        evaluate_bulk(Predictor("tiny", packaged_detector), "tiny", "synthetic:4?skeleton=imm-58", workers=1)
