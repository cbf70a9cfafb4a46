"""All checks together, and the files of the findings."""

import csv
import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from doctor.faces import changed, first
from doctor.oracle import Oracle
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
    return changed(faces, index, keypoints=keypoints)


def test_good_labels_pass_every_check(drawn):
    found = findings(drawn)
    unknown = {name for name, finding in found.items() if finding.verdict != "good"}
    assert unknown == {"second opinion", "single points"}  # without a model, and with 24 faces
    assert list(found) == [
        "count",
        "readable",
        "duplicates",
        "inside the image",
        "missing points",
        "extent",
        "leaks between splits",
        "second opinion",
        "pixel origin (coordinates)",
        "pixel origin (symmetry)",
        "flip map",
        "left and right",
        "order of points",
        "single points",
        "unusual shapes",
    ]


def test_the_same_image_in_two_files_is_a_duplicate_and_a_leak(drawn):
    one, other = drawn.annotations[0], drawn.annotations[20]
    twice = replace(drawn, open_image=lambda face: drawn.open_image(one if face.image == other.image else face))
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
    assert name not in {each.face.name for each in examination.unusual}


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

    few = first(drawn, 3)
    doctor.examine(few, Recorder())
    assert events == [("reading images", 3), 1, 1, 1]


def test_nothing_is_printed(drawn, capfd):
    doctor.examine(first(drawn, 2))
    assert capfd.readouterr() == ("", "")


def test_faces_of_one_labeled_point_have_no_extent_and_are_good(drawn):
    found = findings(drawn.reduced_to(load_skeleton("nose-1")))
    assert found["flip map"].verdict == "unknown"
    assert found["inside the image"].verdict == "good"
    assert found["extent"].verdict == "good"


def test_table_rows_contain_every_finding_in_order(drawn):
    examination = doctor.examine(first(drawn, 3))
    rows = doctor.table_rows(examination)
    assert rows == [(finding.check, finding.verdict, finding.text) for finding in examination.findings]
    assert all(len(row) == 3 for row in rows)


@pytest.mark.parametrize("place", [0.0, 5.0, 1e6])
def test_a_face_whose_points_lie_in_one_place_is_named_and_left_out(drawn, place):
    found = findings(changed(drawn, 3, keypoints=np.full((58, 2), place)))
    assert found["extent"].verdict == "wrong"
    assert drawn.annotations[3].name in found["extent"].text
    assert found["unusual shapes"].verdict == "good"


def test_a_face_with_a_point_far_away_is_named_and_left_out(drawn):
    far = drawn.annotations[3].keypoints.copy()
    far[7] = 1e6, -1e6
    found = findings(changed(drawn, 3, keypoints=far))
    assert "1 face with all points in one place, or with a point 10 image sizes away" in found["extent"].text
    assert found["unusual shapes"].verdict == "good"


def test_faces_of_one_point_each_are_named(drawn):
    single = np.full((58, 2), np.nan)
    single[4] = 20.0, 30.0
    faces = drawn.subset([replace(face, keypoints=single) for face in drawn.annotations])
    examination = doctor.examine(faces)
    found = {finding.check: finding for finding in examination.findings}
    assert found["extent"].verdict == "wrong"
    assert len(examination.unusual) == 8
    assert {each.reason for each in examination.unusual} == {""}


def test_faces_of_two_points_each_can_be_examined(drawn):
    def pair(face):
        keypoints = face.keypoints.copy()
        keypoints[2:] = np.nan
        return replace(face, keypoints=keypoints)

    found = findings(drawn.subset([pair(face) for face in drawn.annotations]))
    assert found["extent"].verdict == "good"
    assert found["unusual shapes"].verdict == "unknown"


def test_a_model_adds_its_checks(drawn):
    found = {each.check: each.verdict for each in doctor.examine(drawn, predictor=Oracle(drawn)).findings}
    names = ("second opinion", "points and model", "pixel origin (model)", "mixed origins")
    assert [found[name] for name in names] == ["good"] * 4


def test_the_most_unusual_faces_without_a_finding_come_first(drawn):
    examination = doctor.examine(with_odd_face(drawn, 4))
    assert "unusual shapes" in [each.check for each in examination.alarms]
    assert drawn.annotations[4].name not in {each.face.name for each in examination.unusual}
    percents = [float(each.reason.split()[0]) for each in examination.unusual]
    assert len(percents) == 8
    assert percents == sorted(percents, reverse=True)


def test_a_face_without_residual_has_no_reason(drawn):
    keypoints = drawn.annotations[0].keypoints.copy()
    keypoints[2:] = np.nan
    few = drawn.subset([replace(drawn.annotations[0], keypoints=keypoints), *drawn.annotations[1:3]])
    assert doctor.examine(few).unusual[-1].reason == ""


def test_the_table_and_json_name_every_face_of_every_finding(drawn, tmp_path):
    faces = drawn
    flip = list(drawn.skeleton.flip)
    for index in range(6):
        faces = changed(faces, index, keypoints=faces.annotations[index].keypoints[flip])
    examination = doctor.examine(faces)
    _, table = doctor.write_files(examination, tmp_path)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    named = [row["image"] for row in rows if row["check"] == "left and right"]
    assert named == [str(face.image) for face in faces.annotations[:6]]
    assert rows[0]["points"] == " ".join(map(str, range(58)))
    content = json.loads(doctor.to_json(examination))
    finding = next(each for each in content["findings"] if each["check"] == "left and right")
    assert [each["image"] for each in finding["faces"]] == named
    assert finding["verdict"] == "wrong"


def test_flagged_faces_are_added_to_the_figure(drawn, tmp_path):
    plain, _ = doctor.write_files(doctor.examine(drawn), tmp_path / "plain")
    flagged, _ = doctor.write_files(doctor.examine(with_odd_face(drawn, 4)), tmp_path / "flagged")
    heights = [images.read(path).shape[0] for path in (plain, flagged)]
    assert heights[1] - heights[0] > 300


def test_images_that_became_unreadable_are_not_drawn(drawn, tmp_path):
    examination = doctor.examine(first(drawn, 5))
    gone = {face.name for face in drawn.annotations[:3]}
    fewer = replace(examination, faces=broken(gone, drawn))
    heights = [images.read(doctor.write_files(each, tmp_path)[0]).shape[0] for each in (examination, fewer)]
    assert heights[1] < heights[0]


def test_files_that_cannot_be_written_are_an_error(drawn, tmp_path):
    (tmp_path / "file").write_text("")
    examination = doctor.examine(first(drawn, 2))
    with pytest.raises(OutputError):
        doctor.write_files(examination, tmp_path / "file")


def test_images_that_become_unreadable_are_an_error(drawn, tmp_path):
    examination = doctor.examine(drawn)
    gone = replace(examination, faces=broken([face.name for face in drawn.annotations], drawn))
    with pytest.raises(ImageError, match="its images can no longer be read"):
        doctor.write_files(gone, tmp_path)
