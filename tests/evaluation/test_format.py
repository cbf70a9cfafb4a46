"""Scores as text."""

import numpy as np
import pytest

from doubles import problems, quad_evaluation, quad_faces
from nasion.evaluation import metrics
from nasion.evaluation.format import (
    SPLIT_NAMES,
    ScoreRow,
    format_point,
    format_score,
    in_words,
    score_meaning,
    score_rows,
    score_title,
)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("n", 48, "48"),
        ("n/lost", 3, "3"),
        ("n/inter_ocular", 7.0, "7"),
        ("nme/inter_ocular", 0.03456, "3.46 %"),
        ("auc@0.08/inter_ocular", 0.5, "50.00 %"),
        ("failure_rate@0.08/inter_ocular", 0.1, "10.00 %"),
        ("within@2/spread", 0.8594, "85.94 %"),
        ("error_px/mean", 5.126, "5.13 px"),
        ("error_px/median", 0.004, "0.00 px"),
        ("ms_per_face", 1.234, "1.23 ms"),
    ],
)
def test_score_has_its_unit(name, value, text):
    assert format_score(name, value) == text


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("n", "faces"),
        ("n/lost", "faces for which no box was found; scores do not include them"),
        ("n/inter_ocular", "faces with this length; scores relative to it include only these"),
        ("auc@0.08/inter_ocular", "area under the error curve up to 8 %; higher is better"),
        ("failure_rate@0.08/inter_pupil", "faces with an NME above 8 %"),
        ("within@1/spread", "keypoints within 1 spread; 47.4 % is ideal"),
        ("within@2/spread", "keypoints within 2 spreads; 85.9 % is ideal"),
        ("nme/inter_ocular", "mean distance / distance of the outer eye corners"),
        ("nme/hidden/inter_ocular", "mean distance of the hidden points / distance of the outer eye corners"),
        ("something else", ""),
    ],
)
def test_meaning_of_a_score(name, meaning):
    assert score_meaning(name) == meaning


def test_every_score_has_a_meaning():
    measured = quad_evaluation(boxes="boxes of YuNet", lost=problems("a.png"))
    assert all(score_meaning(name) for name in measured.scores())


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("n", "Faces"),
        ("n/lost", "Faces without a box"),
        ("n/inter_ocular", "Faces with this length, inter-ocular"),
        ("error_px/median", "Median error"),
        ("nme/box_size", "NME, box size"),
        ("nme/hidden/inter_pupil", "NME of hidden points, inter-pupil"),
        ("auc@0.08/inter_ocular", "AUC up to 8 %, inter-ocular"),
        ("auc/hidden_probability", "AUC of hidden points"),
        ("failure_rate@0.08/inter_pupil", "Failures above 8 %, inter-pupil"),
        ("within@1/spread", "Points within 1 spread"),
        ("within@3/spread", "Points within 3 spreads"),
        ("ms_per_face", "Time per face"),
        ("something else", "something else"),
    ],
)
def test_title_of_a_score(name, title):
    assert score_title(name) == title


def test_every_score_has_a_readable_title():
    measured = quad_evaluation(boxes="boxes of YuNet", lost=problems("a.png"))
    titles = [score_title(name) for name in measured.scores()]
    assert len(set(titles)) == len(titles)
    assert not [title for title in titles if "_" in title or "@" in title or "/" in title]


def test_names_are_words():
    assert [in_words(name) for name in ("left_eye", "jaw_0", "inter_pupil")] == ["left eye", "jaw 0", "inter-pupil"]


def test_rows_hold_value_interval_and_meaning():
    rows = {row.name: row for row in score_rows(quad_evaluation())}
    assert list(rows) == list(quad_evaluation().scores())
    assert rows["n"] == ScoreRow("n", "5", "", "faces", "Faces")
    # anna has the errors 3, 5, 4 and ben 1, 2: the mean of resampled people is 1.5, 3 or 4
    assert rows["error_px/mean"][1:3] == ("3.00 px", "1.50 px – 4.00 px")
    assert rows["nme/inter_ocular"][1:3] == ("15.00 %", "7.50 % – 20.00 %")
    assert rows["within@1/spread"][1:3] == ("40.00 %", "")
    assert rows["ms_per_face"][1:3] == ("4.00 ms", "")


def test_interval_of_a_single_person_is_empty():
    rows = score_rows(quad_evaluation(quad_faces(subjects=("anna",))))
    assert {row.interval for row in rows} == {""}


def test_interval_with_one_unknown_end_is_empty(monkeypatch):
    monkeypatch.setattr(metrics, "bootstrap", lambda *_: (0.5, np.nan))
    assert {row.interval for row in score_rows(quad_evaluation())} == {""}


def test_point_is_named_with_its_index_and_error():
    measured = quad_evaluation()
    pred = measured.true_keypoints + np.array([1.0, 2, 3, 4.567])[:, None] * [0.6, 0.8]
    measured = quad_evaluation(pred_keypoints=pred)
    assert format_point(measured, 3) == "point 3 (chin): 4.57 px"
    assert format_point(measured, 0) == "point 0 (eye_a): 1.00 px"


def test_splits_have_names():
    assert SPLIT_NAMES == {"train": "training", "val": "validation", "test": "test", "all": "labeled"}
