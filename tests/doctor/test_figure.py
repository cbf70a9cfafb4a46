"""The figure of the findings."""

import numpy as np

from nasion.doctor.checks import Finding, Suspect
from nasion.doctor.figure import PAIRS_PER_ROW, SIDE, findings_sheet


def test_each_face_has_two_views_side_by_side(drawn):
    suspects = tuple(Suspect(face, "eyes", (14,), face.keypoints) for face in drawn.annotations[:3])
    sheet = findings_sheet(drawn, [Finding("order", "check", "", suspects)], [])
    assert sheet.shape[1] > 2 * PAIRS_PER_ROW * SIDE
    assert 2 * SIDE < sheet.shape[0] < 3 * SIDE


def test_flagged_faces_are_drawn_before_the_unusual_ones(drawn):
    flagged, unusual = (Suspect(face) for face in drawn.annotations[:2])
    findings = [Finding("order", "check", "", (flagged,))]
    both, first = findings_sheet(drawn, findings, [unusual]), findings_sheet(drawn, findings, [])
    assert (both[: len(first)] == first).all()
    assert len(both) > len(first)


def test_missing_points_are_not_drawn(drawn):
    face = drawn.annotations[0]
    missing = np.full((58, 2), np.nan)
    without, unknown, known = (
        findings_sheet(drawn, [], [Suspect(face, expected=points)]) for points in (None, missing, face.keypoints)
    )
    assert (unknown == without).all()
    assert (known != without).any()
