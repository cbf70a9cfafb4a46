"""The objects of reports reject what has other fields; tests/cli validates what the commands write."""

import pytest
from pydantic import ValidationError

from nasion.outputs.records import file_version
from nasion.outputs.reports import AuditFile, CropsFile, FindingsFile, Scores

CROP = {
    "face": 0,
    "score": 0.9,
    "file": "a-0.png",
    "template": "arcface",
    "size": 112,
    "image_to_crop": [[0.5, 0, 3], [0, 0.5, 4]],
    "crop_to_image": [[2, 0, -6], [0, 2, -8]],
    "corner_error_px": None,
}
CELL = {
    "severity": 0,
    "value": None,
    "nme": [0.03, 0.02, None],
    "ratio": 1.0,
    "failure_rate@0.08": 0.0,
    "within_spreads": [None, None, None],
    "rejected": 0.0,
    "wrong_and_kept": 0.0,
    "missing": 0.0,
}


def crops(**changes):
    return {**file_version(), "images": [{"image": "a.png", "faces": [CROP | changes]}]}


def findings(verdict):
    named = [{"image": "a.png", "face": 0, "points": [3], "reason": "jaw"}]
    found = [{"check": "shape", "verdict": verdict, "text": "one face", "faces": named}]
    values = {"data": "imm:x", "skeleton": "imm-58", "faces": 9, "findings": found, "unusual": []}
    return file_version() | values


def audit(cell):
    group = {"groups": [], "groups_controlled_by": None, "conditions": [], "problems": []}
    counts = {"model": "tiny", "data": "imm:x", "split": "all", "faces": 3, "subjects": 2, "normalizer": "box_size"}
    return file_version() | counts | group | {"clean": cell, "corruptions": []}


def test_complete_objects_are_accepted():
    assert CropsFile.model_validate(crops()).images[0].faces[0].crop_to_image[1] == (0, 2, -8)
    assert FindingsFile.model_validate(findings("check")).findings[0].faces[0].points == [3]
    assert AuditFile.model_validate(audit(CELL)).clean.failure_rate == 0
    assert Scores.model_validate({"n": 3, "nme/box_size": None}).root["n"] == 3


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (CropsFile, crops(other=1)),
        (CropsFile, crops(image_to_crop=[[1, 0, 0]])),
        (CropsFile, {"images": []}),
        (FindingsFile, findings("bad")),
        (AuditFile, audit(CELL | {"nme": 0.03})),
        (AuditFile, audit(CELL | {"within_spreads": []})),
        (Scores, {"n": [3]}),
    ],
)
def test_other_objects_are_rejected(kind, values):
    with pytest.raises(ValidationError):
        kind.model_validate(values)
