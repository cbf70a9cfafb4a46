"""All checks together, their table, and the drawing of the most unusual faces."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from nasion import doctor, images
from nasion.errors import AnnotationError, ImageError, OutputError
from nasion.sample import Problem
from nasion.skeleton import load_skeleton


def findings(faces):
    return {finding.check: finding for finding in doctor.examine(faces).findings}


def broken(names, faces):
    """Return the data set with images that cannot be read."""

    def open_image(face):
        if face.name in names:
            raise ImageError(f"{face.name}: damaged")
        return faces.open_image(face)

    return replace(faces, open_image=open_image)


def with_odd_face(faces, index):
    keypoints = faces.annotations[index].keypoints.copy()
    keypoints[10:30] += np.random.default_rng(0).normal(0, 200, (20, 2))
    annotations = list(faces.annotations)
    annotations[index] = replace(annotations[index], keypoints=keypoints)
    return faces.subset(annotations)


def test_good_labels_pass_every_check(drawn):
    found = findings(drawn)
    assert {finding.verdict for finding in found.values()} == {"good"}
    assert list(found) == [
        "count",
        "readable",
        "duplicates",
        "inside the image",
        "missing points",
        "extent",
        "leaks between splits",
        "pixel origin (coordinates)",
        "pixel origin (symmetry)",
        "flip map",
        "left and right",
        "order of points",
        "unusual shapes",
    ]


def test_the_same_image_in_two_files_is_a_duplicate_and_a_leak(drawn):
    first, second = drawn.annotations[0], drawn.annotations[20]
    twice = replace(drawn, open_image=lambda face: drawn.open_image(first if face.image == second.image else face))
    found = findings(twice)
    assert found["duplicates"].verdict == "check"
    assert found["leaks between splits"].verdict == "wrong"


def test_unreadable_labels_and_images_are_reported_and_left_out(drawn):
    name = drawn.annotations[4].name
    faces = broken({name}, replace(with_odd_face(drawn, 4), problems=(Problem("a.asf", "no such file"),)))
    examination = doctor.examine(faces)
    found = {finding.check: finding for finding in examination.findings}
    assert found["readable"].text == f"2 skipped: a.asf, {name}; the first: no such file"
    assert found["unusual shapes"].verdict == "good"
    assert name not in {face.name for face, _ in examination.worst}


def test_a_data_set_without_readable_images_is_an_error(drawn):
    nothing = broken({face.name for face in drawn.annotations}, drawn)
    with pytest.raises(
        AnnotationError, match=rf"no image can be read; the first: {drawn.annotations[0].name}: damaged"
    ):
        doctor.examine(nothing)
    with pytest.raises(AnnotationError, match=r"no image can be read$"):
        doctor.examine(drawn.subset([]))


def test_progress_is_reported_once_per_face(drawn):
    events = []

    class Recorder:
        @contextmanager
        def task(self, title, total, unit=""):
            events.append((title, total))
            yield self

        def advance(self, steps=1):
            events.append(steps)

    few = drawn.subset(drawn.annotations[:3])
    doctor.examine(few, Recorder())
    assert events == [("reading images", 3), 1, 1, 1]


def test_nothing_is_printed(drawn, capfd):
    doctor.examine(drawn.subset(drawn.annotations[:2]))
    assert capfd.readouterr() == ("", "")


def test_a_data_set_of_single_points_is_examined_too(drawn):
    found = findings(drawn.reduced_to(load_skeleton("nose-1")))
    assert found["flip map"].verdict == "unknown"
    assert found["inside the image"].verdict == "good"


def test_table_rows_contain_every_finding_in_order(drawn):
    examination = doctor.examine(drawn.subset(drawn.annotations[:3]))
    rows = doctor.table_rows(examination)
    assert rows == [(finding.check, finding.verdict, finding.text) for finding in examination.findings]
    assert all(len(row) == 3 for row in rows)


def test_the_most_unusual_face_comes_first_with_its_reason(drawn):
    examination = doctor.examine(with_odd_face(drawn, 4))
    face, reason = examination.worst[0]
    assert face.name == drawn.annotations[4].name
    assert reason.endswith(" % from the mean face")
    assert len(examination.worst) == 12
    percents = [float(text.split()[0]) for _, text in examination.worst]
    assert percents == sorted(percents, reverse=True)
    assert percents[0] > 10


def test_a_face_without_residual_has_no_reason(drawn):
    keypoints = drawn.annotations[0].keypoints.copy()
    keypoints[2:] = np.nan
    few = drawn.subset([replace(drawn.annotations[0], keypoints=keypoints), *drawn.annotations[1:3]])
    assert doctor.examine(few).worst[-1][1] == ""


def test_the_most_unusual_faces_are_drawn_in_rows_of_four(drawn, tmp_path):
    paths = []
    for count in (4, 5):
        faces = drawn.subset(drawn.annotations[:count])
        paths.append(doctor.draw_worst(doctor.examine(faces), tmp_path / str(count)))
    small, large = (images.read(path).shape for path in paths)
    assert paths[0] == tmp_path / "4" / "worst.png"
    assert small[1] == large[1] > 4 * 300
    assert large[0] > small[0] + 300


def test_images_that_became_unreadable_are_not_drawn(drawn, tmp_path):
    examination = doctor.examine(drawn.subset(drawn.annotations[:5]))
    fewer = replace(examination, faces=broken({drawn.annotations[0].name}, drawn))
    heights = [images.read(doctor.draw_worst(each, tmp_path)).shape[0] for each in (examination, fewer)]
    assert heights[1] < heights[0]


def test_a_drawing_that_cannot_be_written_is_an_error(drawn, tmp_path):
    (tmp_path / "file").write_text("")
    examination = doctor.examine(drawn.subset(drawn.annotations[:2]))
    with pytest.raises(OutputError):
        doctor.draw_worst(examination, tmp_path / "file")


def with_keypoints(faces, index, keypoints):
    """Return the set with other keypoints (K, 2), image px, in one face."""
    annotations = list(faces.annotations)
    annotations[index] = replace(annotations[index], keypoints=keypoints)
    return faces.subset(annotations)


@pytest.mark.parametrize("place", [0.0, 5.0, 1e6])
def test_a_face_whose_points_lie_in_one_place_is_named_and_left_out(drawn, place):
    found = findings(with_keypoints(drawn, 3, np.full((58, 2), place)))
    assert found["extent"].verdict == "wrong"
    assert drawn.annotations[3].name in found["extent"].text
    assert found["unusual shapes"].verdict == "good"


def test_a_face_with_a_point_far_away_is_named_and_left_out(drawn):
    far = drawn.annotations[3].keypoints.copy()
    far[7] = 1e6, -1e6
    found = findings(with_keypoints(drawn, 3, far))
    assert "1 face with all points in one place, or with a point 10 image sizes away" in found["extent"].text
    assert found["unusual shapes"].verdict == "good"


def test_faces_of_one_point_each_are_named(drawn):
    single = np.full((58, 2), np.nan)
    single[4] = 20.0, 30.0
    faces = drawn.subset([replace(face, keypoints=single) for face in drawn.annotations])
    examination = doctor.examine(faces)
    found = {finding.check: finding for finding in examination.findings}
    assert found["extent"].verdict == "wrong"
    assert len(examination.worst) == 12
    assert {reason for _, reason in examination.worst} == {""}


def test_faces_of_two_points_each_can_be_examined(drawn):
    def pair(face):
        keypoints = face.keypoints.copy()
        keypoints[2:] = np.nan
        return replace(face, keypoints=keypoints)

    found = findings(drawn.subset([pair(face) for face in drawn.annotations]))
    assert found["extent"].verdict == "good"
    assert found["unusual shapes"].verdict == "unknown"


def test_faces_of_a_single_point_have_no_extent_and_are_right(drawn):
    found = findings(drawn.reduced_to(load_skeleton("nose-1")))
    assert found["extent"].verdict == "good"


def test_images_that_vanish_after_the_examination_are_one_line(drawn, tmp_path):
    examination = doctor.examine(drawn)
    gone = replace(examination, faces=broken([face.name for face in drawn.annotations], drawn))
    with pytest.raises(ImageError, match="its images cannot be read any more"):
        doctor.draw_worst(gone, tmp_path)
