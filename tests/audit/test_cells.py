"""The measurement of all cells: known errors, missing and rejected faces, and unreadable faces."""

from dataclasses import replace

import numpy as np
import pytest

from audit.perfect_system import Perfect, audited, drawn
from nasion.audit import mean_face, run_audit
from nasion.audit.cells import CELLS, CLEAN, MODERATE, Cell
from nasion.errors import AnnotationError, ConfigError, ImageError
from nasion.geometry import box_around, is_present


def is_dark(image):
    return image.max() < 60


def test_there_are_75_cells_and_one_without_corruption():
    assert len(set(CELLS)) == 76
    assert CELLS[CLEAN].name == "clean"
    assert Cell(7, 3).name == "JPEG, severity 3"
    assert len(MODERATE) == 45
    assert CLEAN not in MODERATE


def test_errors_and_coverage_of_a_system_with_known_errors():
    found = audited(error=0.05, spread=0.04)
    assert found.nme.shape == (76, 4)
    assert found.nme == pytest.approx(np.full((76, 4), 0.05))  # the points never move
    assert (found.known == 68).all()
    assert (found.within == [0, 68, 68]).all()  # 0.05 is 1.25 spreads
    assert not found.missing.any()


def test_large_faces_are_measured_in_their_own_size():
    faces = drawn(1)
    (face,) = faces.annotations
    large = faces.subset([replace(face, keypoints=face.keypoints * 4 + 1.5)])
    large = replace(large, open_image=lambda each: faces.open_image(each).repeat(4, 0).repeat(4, 1))
    found = run_audit(Perfect(large, error=0.03), large, threads=1)
    assert found.nme == pytest.approx(np.full((76, 1), 0.03))
    assert found.conditions["size"] == pytest.approx(4 * audited(faces).conditions["size"])


def test_the_mean_face_in_the_box_replaces_a_missing_face():
    faces = drawn()
    system = Perfect(faces, finds=lambda image: not is_dark(image))
    found = run_audit(system, faces, threads=1)
    dark = CELLS.index(Cell(8, 5))
    assert found.missing[dark].all()
    assert not found.missing[CLEAN].any()
    assert (found.known[dark] == 0).all()
    usual = mean_face(system, faces)
    face = faces.annotations[2]
    box = face.points_box()
    substitute = usual * (box[2:] - box[:2]) + box[:2]
    expected = np.linalg.norm(substitute - face.keypoints, axis=1).mean() / face.normalizer_lengths()["inter_ocular"]
    assert found.nme[dark, 2] == pytest.approx(expected)
    given = run_audit(system, faces, mean_in_box=usual * 0, threads=1)
    assert given.nme[dark, 2] > found.nme[dark, 2]


def test_rejected_faces_are_measured_and_counted():
    found = audited(rejects=is_dark)
    assert found.rejected[CELLS.index(Cell(8, 5))].all()
    assert not found.rejected[CLEAN].any()
    assert found.nme == pytest.approx(np.full((76, 4), 0.05))


def test_missing_points_do_not_count():
    faces = drawn(2)
    faces.annotations[1].keypoints[40:44] = np.nan
    found = run_audit(Perfect(faces), faces, threads=1)
    assert found.nme[:, 1] == pytest.approx(np.full(76, 0.05))
    assert (found.known[:, 1] == 64).all()
    assert found.conditions["hidden"].tolist() == pytest.approx([0, 4 / 68])


def test_threads_change_nothing():
    faces = drawn()
    one, two = (run_audit(Perfect(faces), faces, threads=threads) for threads in (1, 2))
    for name in ("nme", "within", "rejected", "missing"):
        assert (getattr(one, name) == getattr(two, name)).all()


def test_unreadable_faces_are_problems():
    faces = drawn(3)

    def opened(face):
        if face is faces.annotations[1]:
            raise ImageError("1.png: damaged")
        return faces.open_image(face)

    broken = replace(faces, open_image=opened)
    found = run_audit(Perfect(faces), broken, threads=1)
    assert found.nme.shape == (76, 2)
    assert [problem.reason for problem in found.problems] == ["1.png: damaged"]
    with pytest.raises(AnnotationError, match=r"no face can be measured; the first: 1.png: damaged"):
        run_audit(Perfect(faces), broken.subset(faces.annotations[1:2]), threads=1)


def test_normalizers():
    faces = drawn(2)
    found = run_audit(Perfect(faces), faces, normalizer="box_size", threads=1)
    lengths = [face.normalizer_lengths() for face in faces.annotations]
    assert found.nme[CLEAN] == pytest.approx([0.05 * each["inter_ocular"] / each["box_size"] for each in lengths])
    with pytest.raises(ConfigError, match='no normalizer "eyes"; these faces have inter_ocular'):
        run_audit(Perfect(faces), faces, normalizer="eyes")


def test_the_mean_face_is_the_mean_of_the_present_points_in_their_boxes():
    faces = drawn(2)
    first, second = (face.keypoints for face in faces.annotations)
    first[30], first[31], second[31] = np.nan, np.nan, np.nan
    expected = [(each - box_around(each)[:2]) / np.ptp(each[is_present(each)], axis=0) for each in (first, second)]
    usual = mean_face(Perfect(faces), faces)
    assert usual[:30] == pytest.approx(np.mean(expected, axis=0)[:30])
    assert usual[30] == pytest.approx(expected[1][30])
    assert usual[31].tolist() == [0.5, 0.5]


def test_data_without_faces_is_an_error():
    faces = drawn(2)
    with pytest.raises(AnnotationError, match="no labeled face"):
        run_audit(Perfect(faces), faces.subset([]))
