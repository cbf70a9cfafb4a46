"""Checks of single faces and files."""

import numpy as np
import pytest

from doctor.faces import changed, read
from nasion.doctor import checks
from nasion.doctor.checks import Finding
from nasion.sample import Problem


def test_counts_by_hand(drawn):
    text = checks.counts(drawn).text
    assert text.startswith("24 faces in 24 images of 4 subjects; train: 18, test: 6")
    assert text.endswith("; points exact by construction")
    same_image = changed(drawn, 1, image=drawn.annotations[0].image, subject="", split="")
    assert "24 faces in 23 images of 4 subjects; train: 17, no split: 1, test: 6" in checks.counts(same_image).text


def test_skipped_faces_are_named_with_the_first_reason():
    assert checks.skipped([]) == Finding("readable", "good", "every label and image")
    problems = [Problem(f"{name}.asf", f"reason {name}") for name in "abcde"]
    assert checks.skipped(problems) == Finding(
        "readable", "wrong", "5 skipped: a.asf, b.asf, c.asf, d.asf and 1 more; the first: reason a"
    )
    assert "more" not in checks.skipped(problems[:4]).text


@pytest.mark.parametrize(("point", "px"), [((-7.5, 20), 7.0), ((20, -1.5), 1.0), ((65.5, 20), 2.0), ((20, 50.5), 3.0)])
def test_a_point_beyond_an_edge_is_outside(point, px):
    finding = checks.outside([read(points=[(20, 20), point]), read("b.png")])
    assert finding.verdict == "check"
    assert finding.text == f"1 point of 1 face outside: a.png by {px} px"


def test_points_on_the_edges_and_missing_points_are_inside():
    edges = [(-0.5, -0.5), (63.5, 47.5), (np.nan, np.nan)]
    assert checks.outside([read(points=edges)]) == Finding("inside the image", "good", "every point")


def test_the_farthest_faces_outside_come_first():
    faces = [read("near.png", points=[(-1.5, 0)]), read("far.png", points=[(-9.5, 0), (0, -2.5)])]
    assert "3 points of 2 faces outside: far.png by 9.0 px, near.png by 1.0 px" in checks.outside(faces).text


def test_missing_and_hidden_points_are_counted(drawn):
    keypoints, visible = drawn.annotations[2].keypoints.copy(), np.ones(58, bool)
    keypoints[[4, 9]] = np.nan
    visible[[4, 5, 6, 7]] = False  # point 4 is missing, and so not hidden
    finding = checks.missing(changed(drawn, 2, keypoints=keypoints, visible=visible))
    assert finding.text == "2 points missing in 1 face, 3 marked as hidden"
