"""A predictor on labeled faces, and the scores that follow from its errors."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from doubles import (
    FACE_ERRORS,
    QUAD,
    Fixed,
    FixedDetector,
    RecordingReporter,
    problems,
    quad_evaluation,
    quad_faces,
)
from nasion.datasets import load
from nasion.detect import Detection
from nasion.errors import AnnotationError, ConfigError, ImageError, SkeletonError
from nasion.evaluation import evaluation as module
from nasion.evaluation.box_modes import NoBoxError
from nasion.evaluation.evaluation import THRESHOLD, evaluate
from nasion.predict.predictor import Predictor
from nasion.uncertainty import MEAN_ERROR

CENTER = [31.5, 23.5]
"""The center of a crop of 64 x 48 px, crop px."""


def center_of_image(skeleton=QUAD):
    """Return a predictor that puts every point at the center of the image."""
    return Predictor(Fixed(CENTER, skeleton, box="image"))


def center_of_box(*boxes):
    """Return a predictor that puts every point at the center of the box."""
    return Predictor(Fixed(CENTER, QUAD, margin=1.0), FixedDetector(*boxes))


# --- evaluate


def test_errors_are_distances_in_image_px():
    faces = quad_faces()
    measured = evaluate(center_of_image(), faces, "image")
    assert_allclose(measured.pred_keypoints, np.broadcast_to([39.5, 29.5], (5, 4, 2)))
    assert_allclose(measured.errors, np.linalg.norm(faces.keypoints() - [39.5, 29.5], axis=-1))
    assert_allclose(measured.true_keypoints, faces.keypoints())
    assert [face.name for face in measured.faces] == [face.name for face in faces.annotations]


def test_evaluation_records_what_was_measured():
    faces = quad_faces()
    measured = evaluate(
        center_of_image(), faces.subset([replace(face, split="val") for face in faces.annotations]), "picture", "val"
    )
    assert (measured.model, measured.data, measured.split, measured.boxes) == ("fixed", "quad:5", "val", "image")
    assert measured.problems == measured.lost == ()
    assert evaluate(center_of_box(), quad_faces()).split == "all"


def test_split_is_selected_as_for_the_training():
    predictor, faces = center_of_image(), quad_faces()
    predictor.backend.validation_share = 0.5
    train, val = (evaluate(predictor, faces, "image", split) for split in ("train", "val"))
    assert sorted(face.name for face in (*train.faces, *val.faces)) == [face.name for face in faces.annotations]
    assert {face.subject for face in train.faces}.isdisjoint(face.subject for face in val.faces)
    again = faces.subset(train.faces)
    assert len(evaluate(predictor, again, "image", "train").faces) == len(again)
    with pytest.raises(AnnotationError, match='no faces of the split "test"'):
        evaluate(predictor, faces, "image", "test")


def test_models_and_data_have_names():
    measured = evaluate("tiny", "synthetic:2?skeleton=ibug-68")
    assert (measured.model, len(measured.faces), measured.boxes) == ("tiny", 2, "points")
    assert repr(measured).startswith("<Evaluation: tiny on 2 faces of synthetic:2, boxes: points, mean error ")
    assert evaluate(center_of_image(), quad_faces()).boxes == "image"


def test_spread_anisotropy_and_crops_come_from_the_predictor():
    predictor = center_of_box()
    predictor.backend.spreads = np.array([1.0, 2, 3, 4])
    predictor.backend.anisotropy = np.array([0.5, 0.25])
    measured = evaluate(predictor, quad_faces())
    # boxes of 20 x 30 px become crops of 40 x 30 px, 0.625 image px per crop px
    assert_allclose(measured.crops, [[10 + k, 20, 50 + k, 50] for k in range(5)])
    assert_allclose(measured.spread, np.broadcast_to([0.625, 1.25, 1.875, 2.5], (5, 4)))
    assert_allclose(measured.anisotropy, np.broadcast_to([0.5, 0.25], (5, 4, 2)))


def test_lengths_are_those_of_each_face():
    faces = quad_faces()
    wide = replace(faces.annotations[1], keypoints=faces.annotations[1].keypoints * 2)
    measured = evaluate(center_of_image(), faces.subset([faces.annotations[0], wide]), "image")
    assert measured.lengths.keys() == {"inter_ocular", "box_size", "box_diagonal"}
    assert_allclose(measured.lengths["inter_ocular"], [20, 40])
    assert_allclose(measured.lengths["box_size"], [np.sqrt(600), np.sqrt(2400)])


@pytest.mark.parametrize(("chunk", "crops"), [(2, [2, 2, 1]), (5, [5]), (4, [4, 1])])
def test_images_are_predicted_in_chunks(monkeypatch, chunk, crops):
    monkeypatch.setattr(module, "CHUNK", chunk)
    predictor, reporter = center_of_image(), RecordingReporter()
    measured = evaluate(predictor, quad_faces(), "image", reporter=reporter)
    assert [len(each) for each in predictor.backend.seen] == crops
    levels = [int(crop.max()) for each in predictor.backend.seen for crop in each]
    assert levels == [10, 50, 90, 130, 170]  # each face with its own image, in order
    assert [face.name for face in measured.faces] == [f"face{k}.png" for k in range(5)]
    assert reporter.tasks == [{"title": "measuring", "total": 5, "steps": 5}]


def test_only_the_prediction_is_timed(monkeypatch):
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    clock, predictor, faces = Clock(), center_of_image(), quad_faces()
    predict_boxes = predictor.predict_boxes

    def slow(*given):
        clock.now += 3
        return predict_boxes(*given)

    def open_slowly(face):
        clock.now += 100
        return quad_faces().open_image(face)

    monkeypatch.setattr(module.time, "perf_counter", clock)
    monkeypatch.setattr(module, "CHUNK", 2)
    monkeypatch.setattr(predictor, "predict_boxes", slow)
    assert evaluate(predictor, replace(faces, open_image=open_slowly), "image").seconds == 9


def test_faces_that_cannot_be_measured_are_named():
    faces = quad_faces()

    def open_image(face):
        if face.name == "face1.png":
            raise ImageError("face1.png: damaged")
        return quad_faces().open_image(face)

    flat = replace(faces.annotations[3], keypoints=np.full((4, 2), 30.0))
    faces = replace(
        faces.subset([*faces.annotations[:3], flat, faces.annotations[4]]),
        open_image=open_image,
        problems=problems("unread.png"),
    )
    reporter = RecordingReporter()
    measured = evaluate(center_of_box(), faces, reporter=reporter)
    assert [face.name for face in measured.faces] == ["face0.png", "face2.png", "face4.png"]
    assert [problem.name for problem in measured.problems] == ["unread.png", "face1.png", "face3.png"]
    assert measured.problems[1].reason == "face1.png: damaged"
    assert "no extent" in measured.problems[2].reason
    assert reporter.tasks[0]["steps"] == 5


def test_faces_without_a_box_are_lost():
    faces = quad_faces(3)
    true, far = faces.annotations[0].points_box(), np.array([60.0, 10, 70, 20])
    queue = iter([[far, true], [far], []])

    class Finds:
        name = "finds"

        def __call__(self, image):
            return [Detection(box, 0.9) for box in next(queue)]

    measured = evaluate(Predictor(Fixed(CENTER, QUAD, margin=1.0), Finds()), faces, "detector")
    assert measured.boxes == "boxes of finds"
    assert [face.name for face in measured.faces] == ["face0.png"]
    assert [problem.name for problem in measured.lost] == ["face1.png", "face2.png"]
    assert measured.lost[0].reason == "no box overlaps this face"
    assert measured.problems == ()
    assert measured.scores()["n/lost"] == 2
    assert_allclose(measured.pred_keypoints[0, 0], [30, 35])


def test_boxes_of_a_table_and_of_a_function(tmp_path):
    faces = quad_faces(2)
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\nface0.png,20,20,40,50\n")
    measured = evaluate(center_of_box(), faces, str(tmp_path / "boxes.csv"))
    assert len(measured.faces) == 1
    assert "has no box for it" in measured.problems[0].reason
    given = evaluate(center_of_box(), faces, lambda face, image: face.points_box() + image[0, 0, 0] / 10)
    assert given.boxes == "given boxes"
    assert_allclose(given.pred_keypoints[:, 0], [[31, 36], [36, 40]])


def test_evaluation_without_any_measured_face_is_an_error():
    def no_box(_face, _image):
        raise NoBoxError("nothing there")

    with pytest.raises(AnnotationError, match="quad:5: no face can be measured; the first: nothing there"):
        evaluate(center_of_box(), quad_faces(), no_box)
    with pytest.raises(AnnotationError, match=r"the first: no <box> for a\.png"):
        evaluate(center_of_box(), replace(quad_faces(), problems=problems("a.png")), no_box)


def test_points_that_the_faces_lack_are_rejected():
    with pytest.raises(SkeletonError):
        evaluate(Predictor(Fixed([0, 0], "ibug-68")), quad_faces())


def test_boxes_that_do_not_fit_the_model_are_rejected():
    with pytest.raises(ConfigError, match="trained on full images"):
        evaluate(center_of_image(), quad_faces(), "points")


def test_part_of_a_face_keeps_the_lengths_of_the_full_face(drawn):
    faces = drawn.subset(drawn.annotations[:2])
    full = evaluate(center_of_image("imm-58"), faces, "image")
    nose = evaluate(center_of_image("nose-1"), faces, "image")
    assert nose.errors.shape == (2, 1)
    assert_allclose(nose.errors[:, 0], full.errors[:, 52])
    assert_allclose(nose.lengths["inter_ocular"], full.lengths["inter_ocular"])
    assert_allclose(nose.lengths["box_size"], full.lengths["box_size"])


def test_synthetic_faces_agree_with_an_independent_computation():
    faces = load("synthetic:2")
    measured = evaluate(center_of_image("imm-58"), faces, "image")
    expected = np.linalg.norm(faces.keypoints() - [319.5, 239.5], axis=-1)
    scores = measured.scores()
    assert scores["error_px/mean"] == pytest.approx(expected.mean())
    lengths = [np.linalg.norm(points[13] - points[21]) for points in faces.keypoints()]
    assert scores["nme/inter_ocular"] == pytest.approx(np.mean(expected.mean(1) / lengths))
    assert measured.by_region()["nose"] == pytest.approx(expected[:, 47:].mean())


# --- Evaluation


def test_errors_of_the_evaluation_by_hand():
    measured = quad_evaluation()
    assert_allclose(measured.errors, np.tile(FACE_ERRORS[:, None], 4))
    assert_allclose(measured.mahalanobis, np.tile(FACE_ERRORS[:, None] / 2.2, 4))
    assert_allclose(measured.expected_errors, np.full((5, 4), 2.2 * MEAN_ERROR))
    assert_allclose(measured.nme("inter_ocular"), FACE_ERRORS / 20)
    assert_allclose(measured.nme("box_diagonal"), FACE_ERRORS / np.hypot(20, 30))
    assert_allclose(measured.relative_spreads(), np.full(5, 2.2 / 40))


def test_mahalanobis_distance_uses_direction_and_sign():
    # the ellipse is twice as long along x as the spread, half as long along y
    anisotropy = np.broadcast_to([2 * np.log(2.0), 0.0], (5, 4, 2))
    measured = quad_evaluation(anisotropy=anisotropy)
    expected = np.hypot(0.6 * FACE_ERRORS / 4.4, 0.8 * FACE_ERRORS / 1.1)
    assert_allclose(measured.mahalanobis, np.tile(expected[:, None], 4))


def test_scores_by_hand():
    scores = quad_evaluation().scores()
    expected = {
        "n": 5,
        "error_px/mean": 3.0,
        "error_px/median": 3.0,
        "nme/inter_ocular": 0.15,
        "nme/box_size": 3 / np.sqrt(600),
        "nme/box_diagonal": 3 / np.hypot(20, 30),
        "auc@0.08/inter_ocular": (1 - 0.05 / 0.08) / 5,
        "failure_rate@0.08/inter_ocular": 0.8,
        "within@1/spread": 0.4,
        "within@2/spread": 0.8,
        "within@3/spread": 1.0,
        "ms_per_face": 4.0,
    }
    assert list(scores) == list(expected)
    assert_allclose(list(scores.values()), list(expected.values()))
    assert THRESHOLD == 0.08


def test_median_is_not_the_mean():
    measured = quad_evaluation(quad_faces(4))  # errors 3, 1, 5, 2
    assert measured.scores()["error_px/median"] == pytest.approx(2.5)
    assert measured.scores()["error_px/mean"] == pytest.approx(2.75)


@pytest.mark.parametrize(
    ("boxes", "counted"), [("points", False), ("image", False), ("boxes of YuNet", True), ("a.csv", True)]
)
def test_lost_faces_are_counted_if_boxes_can_be_missing(boxes, counted):
    scores = quad_evaluation(boxes=boxes, lost=problems("a.png", "b.png")).scores()
    assert scores.get("n/lost") == (2 if counted else None)


def test_faces_without_a_length_are_counted():
    lengths = dict(quad_evaluation().lengths)
    lengths["inter_ocular"] = np.array([20.0, np.nan, 20, np.nan, 20])
    scores = quad_evaluation(lengths=lengths).scores()
    assert scores["n/inter_ocular"] == 3
    assert scores["nme/inter_ocular"] == pytest.approx((3 + 5 + 4) / 3 / 20)
    assert "n/box_size" not in scores
    assert scores["n"] == 5


def test_model_without_uncertainty_has_no_scores_of_it():
    measured = quad_evaluation(spread=np.full((5, 4), np.nan))
    assert not [name for name in measured.scores() if name.startswith("within")]
    assert np.isnan(measured.expected_errors).all()
    assert np.isnan(measured.relative_spreads()).all()


def test_scores_without_lengths():
    assert list(quad_evaluation(lengths={}).scores()) == [
        "n",
        "error_px/mean",
        "error_px/median",
        "within@1/spread",
        "within@2/spread",
        "within@3/spread",
        "ms_per_face",
    ]


def test_intervals_resample_people():
    intervals = quad_evaluation().intervals(rounds=200)
    assert intervals.keys() == {
        "error_px/mean",
        "error_px/median",
        "nme/inter_ocular",
        "nme/box_size",
        "nme/box_diagonal",
        "auc@0.08/inter_ocular",
        "failure_rate@0.08/inter_ocular",
    }
    # anna has the errors 3, 5, 4 and ben 1, 2: the mean of resampled people is 1.5, 3 or 4
    assert_allclose(intervals["error_px/mean"], (1.5, 4.0))
    assert_allclose(intervals["nme/inter_ocular"], (0.075, 0.2))


def test_faces_without_a_subject_are_resampled_alone(monkeypatch):
    calls = []
    monkeypatch.setattr(module.metrics, "bootstrap", lambda *given: calls.append(given) or (0.0, 1.0))
    quad_evaluation(quad_faces(subjects=())).intervals(7)
    assert calls[0][1] == [f"face{k}.png" for k in range(5)]
    assert calls[0][3] == 7
    quad_evaluation(quad_faces(3)).intervals()
    assert calls[-1][1] == ["anna", "ben", "anna"]
    assert calls[-1][3] == 1000


def test_mean_error_of_each_point_and_region_ignores_missing_points():
    measured = quad_evaluation()
    pred = measured.true_keypoints + np.array([1.0, 2, 3, 4])[:, None] * [0.6, 0.8]
    true = measured.true_keypoints.copy()
    true[1, 3] = np.nan
    measured = quad_evaluation(true_keypoints=true, pred_keypoints=pred)
    assert_allclose(measured.by_point(), [1, 2, 3, 4])
    assert list(measured.by_region()) == ["eyes", "lower"]
    assert measured.by_region()["eyes"] == pytest.approx(1.5)
    assert measured.by_region()["lower"] == pytest.approx((5 * 3 + 4 * 4) / 9)


def test_bias_is_the_mean_of_predicted_minus_true():
    measured = quad_evaluation()
    assert_allclose(measured.bias(), np.tile([1.8, 2.4], (4, 1)))
    pred = measured.true_keypoints.copy()
    pred[:, 2] += [[4, 0], [-4, 0], [4, 0], [-4, 0], [5, -10]]
    bias = quad_evaluation(pred_keypoints=pred).bias()
    assert_allclose(bias, [[0, 0], [0, 0], [1, -2], [0, 0]], atol=1e-12)


def test_bias_ignores_missing_points():
    measured = quad_evaluation()
    true = measured.true_keypoints.copy()
    true[3, 1] = np.nan
    bias = replace(measured, true_keypoints=true).bias()
    assert_allclose(bias[1], np.array([0.6, 0.8]) * (15 - 2) / 4)


def test_order_is_from_best_to_worst():
    assert quad_evaluation().order().tolist() == [1, 3, 0, 4, 2]
    assert quad_evaluation(lengths={}).order().tolist() == [1, 3, 0, 4, 2]


def test_order_is_relative_to_the_size_of_the_face():
    lengths = {"box_size": np.array([10.0, 1, 100, 10, 10])}  # 0.3, 1.0, 0.05, 0.2, 0.4
    assert quad_evaluation(lengths=lengths).order().tolist() == [2, 3, 0, 4, 1]


def test_order_leaves_out_faces_without_an_error_or_size():
    lengths = {"box_size": np.array([10.0, np.nan, 10, 0, 10])}
    assert quad_evaluation(lengths=lengths).order().tolist() == [0, 4, 2]
    true = quad_evaluation().true_keypoints.copy()
    true[0] = np.nan
    assert quad_evaluation(true_keypoints=true).order().tolist() == [1, 3, 4, 2]


def test_equal_faces_keep_their_order():
    pred = quad_evaluation().true_keypoints + 1
    assert quad_evaluation(pred_keypoints=pred).order().tolist() == [0, 1, 2, 3, 4]


# --- hidden points


def marked_evaluation(probability=np.nan):
    """Return five faces whose last point is hidden in the first two; visible points are exact, hidden ones 4 px off."""
    faces = quad_faces()
    marked = [
        replace(face, visible=np.array([True, True, True, k > 1]), visibility_known=True)
        for k, face in enumerate(faces.annotations)
    ]
    hidden = np.array([~face.visible for face in marked])
    predicted = faces.keypoints() + hidden[..., None] * [4.0, 0.0]
    probabilities = np.where(hidden, probability, 1 - np.asarray(probability))
    return quad_evaluation(faces.subset(marked), pred_keypoints=predicted, hidden_probability=probabilities)


def test_hidden_and_visible_points_are_scored_separately():
    measured = marked_evaluation()
    scores = measured.scores()
    assert scores["nme/visible/inter_ocular"] == 0
    assert scores["nme/hidden/inter_ocular"] == pytest.approx((4 / measured.lengths["inter_ocular"][:2]).mean())
    assert "auc/hidden_probability" not in scores
    assert set(measured.intervals()) > {"nme/visible/inter_ocular", "nme/hidden/inter_ocular"}


@pytest.mark.parametrize(("probability", "auc"), [(0.9, 1.0), (0.2, 0.0), (0.5, 0.5)])
def test_auc_of_the_hidden_probability(probability, auc):
    assert marked_evaluation(probability).scores()["auc/hidden_probability"] == auc


def test_unknown_visibility_has_no_scores():
    names = quad_evaluation(hidden_probability=np.full((5, 4), 0.5)).scores()
    assert not any("hidden" in name or "visible" in name for name in names)
    assert np.isnan(quad_evaluation().hidden).all()
