"""Scores of cells, conditions and groups, compared with values computed by hand."""

import numpy as np
import pytest

from audit.perfect_system import made
from nasion.audit.cells import CELLS, CLEAN, Cell
from nasion.audit.scores import (
    MIN_FACES,
    Scores,
    cell_scores,
    condition_scores,
    controlled_means,
    group_scores,
    kind_ratios,
    worst_cells,
)


def test_scores_of_a_cell():
    audit = made(4)
    audit.nme[1] = [0.02, 0.05, 0.10, 0.20]
    audit.nme[CLEAN] = [0.02, 0.02, 0.03, 0.03]
    audit.rejected[1] = [True, False, False, True]
    audit.missing[1] = [True, False, False, False]
    audit.known[1, 3] = 0
    audit.within[1, 3] = 0
    score = cell_scores(audit)[1]
    assert score.cell == Cell(0, 1)
    assert score.nme.value == pytest.approx(0.0925)
    assert score.nme.low == pytest.approx(0.035)  # both resampled subjects are the first
    assert score.nme.high == pytest.approx(0.15)
    assert score.ratio == pytest.approx(0.0925 / 0.025)
    assert score.failures == 0.5
    assert score.wrong_kept == 0.25
    assert score.rejected == 0.5
    assert score.missing == 0.25
    assert score.within == pytest.approx([30 / 68, 60 / 68, 1])


def test_unknown_uncertainty_and_unknown_errors():
    audit = made(4)
    audit.known[:] = 0
    audit.nme[:, 0] = np.nan
    audit.rejected[1] = [True, False, False, False]
    score = cell_scores(audit)[1]
    assert np.isnan(score.within).all()
    assert np.isfinite(score.nme).all()


def test_ratios_and_the_worst_cells():
    audit = made(6, nme=0.03)
    audit.nme[CELLS.index(Cell(4, 1))] = 0.06
    audit.nme[CELLS.index(Cell(4, 4))] = 0.09
    audit.nme[CELLS.index(Cell(9, 5))] = 0.07
    scores = cell_scores(audit)
    ratios = kind_ratios(scores)
    assert ratios[4] == pytest.approx(4 / 3)
    assert ratios[9] == pytest.approx(1)
    assert worst_cells(scores, 2) == [CELLS.index(Cell(4, 4)), CELLS.index(Cell(9, 5))]
    assert len(worst_cells(scores, 15)) == 15


def test_conditions_cover_all_faces():
    audit = made()
    scores = condition_scores(audit)
    for name in audit.conditions:
        assert sum(score.faces for score in scores if score.name == name) == 40
    small = [score for score in scores if score.faces < MIN_FACES]
    assert small
    assert all(score.is_small for score in small)
    hidden = next(score for score in scores if score.name == "hidden")
    assert hidden.clean.value == pytest.approx(audit.nme[CLEAN].mean())
    assert hidden.within == pytest.approx(60 / 68)


def test_groups_raw_and_controlled():
    """The groups differ by yaw only: the raw means differ, the controlled ones do not."""
    count = 400
    audit = made(count)
    cells = ["f" if k % 4 else "m" for k in range(count)]
    is_f = np.array([cell == "f" for cell in cells])
    audit.conditions["yaw"][:] = np.where(is_f, 10, 40) + np.random.default_rng(1).uniform(-10, 10, count)
    audit.nme[:] = 0.02 + 0.0005 * audit.conditions["yaw"]
    first, second = group_scores(audit, {"sex": cells})
    assert (first.text, second.text) == ("f", "m")
    assert (first.faces, second.faces, first.subjects) == (300, 100, 200)
    assert second.clean.value - first.clean.value == pytest.approx(0.015, abs=0.001)
    assert first.controlled_clean.value == pytest.approx(second.controlled_clean.value, abs=1e-9)
    assert first.controlled_clean.value == pytest.approx(0.02 + 0.0005 * audit.conditions["yaw"].mean(), abs=1e-4)
    low, high = first.controlled_corrupted[1:]
    assert low < first.controlled_corrupted.value < high


def test_faces_without_a_group_are_left_out_and_numbers_are_sorted():
    audit = made(60)
    cells = ["", "", *(["10 to 12"] * 30), *(["9 to 10"] * 28)]
    scores = group_scores(audit, {"age": cells})
    assert [(score.text, score.faces) for score in scores] == [("9 to 10", 28), ("10 to 12", 30)]
    assert [score.is_small for score in scores] == [True, False]


def test_unknown_yaw_controls_for_size_only():
    audit = made(60)
    audit.conditions["yaw"][:] = np.nan
    scores = group_scores(audit, {"sex": ["f", "m"] * 30})
    assert np.isfinite([score.controlled_clean.value for score in scores]).all()


def test_controlled_means_that_cannot_be_separated_are_unknown():
    x = np.array([[0.0], [0], [1], [1]])
    assert np.isnan(controlled_means(np.arange(4.0), np.array([0, 0, 1, 1]), x, 2)).all()
    assert np.isnan(controlled_means(np.arange(0.0), np.array([], int), np.zeros((0, 1)), 2)).all()
    found = controlled_means(np.arange(4.0), np.array([0, 0, 2, 2]), np.zeros((4, 1)), 3)
    assert found[[0, 2]].tolist() == pytest.approx([0.5, 2.5])
    assert np.isnan(found[1])


def test_all_scores_of_an_audit():
    scores = Scores.of(made(), {})
    assert len(scores.cells) == 76
    assert scores.groups == []
