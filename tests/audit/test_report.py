"""The page: self-contained, complete, and safe with any name."""

import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from audit.perfect_system import Perfect, drawn
from nasion.audit import CORRUPTIONS, Scores, run_audit
from nasion.audit.report import _color, _coverage_color, write_page


@pytest.fixture(scope="module")
def measured():
    faces = drawn(3)
    system = Perfect(faces)
    return faces, system, run_audit(system, faces, threads=1)


def page(folder, measured, columns=None, **changes):
    faces, system, audit = measured
    audit = replace(audit, **changes)
    scores = Scores.of(audit, columns or {})
    write_page(folder / "a.html", audit, scores, system, faces, "nasion audit <model>")
    return (folder / "a.html").read_text("utf-8")


def test_the_page_has_all_sections_and_needs_no_other_file(tmp_path, measured):
    text = page(tmp_path, measured, {"sex": ["<b>", "m", "m"]})
    for section in ("corruptions", "uncertainty", "conditions", "groups", "worst", "method"):
        assert f'id="{section}"' in text
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "<script" not in text
    assert "&lt;b&gt;" in text
    assert "<td><b>" not in text
    assert "nasion audit &lt;model&gt;" in text
    tiles = 3 * len(CORRUPTIONS) + 5 * len(measured[0])  # three severities, and the faces of the five worst cells
    assert text.count("data:image/") == tiles
    for kind in CORRUPTIONS:
        assert f'<th scope="row">{kind.name}</th>' in text


def test_numbers_of_the_heat_map(tmp_path, measured):
    text = page(tmp_path, measured)
    assert text.count(">5.00<") >= 75
    assert 'style="background: rgb(214 69 65 / 0.00)">5.00' in text
    assert 'id="groups"' not in text
    assert text.startswith("<!doctype html>")


def test_small_groups_are_marked(tmp_path, measured):
    text = page(tmp_path, measured, {"sex": ["f", "m", "m"]})
    assert re.findall(r'<tr class="small"><td>sex</td><td>(.)</td>', text) == ["f", "m"]


def test_systems_without_uncertainty_and_with_missing_faces(tmp_path, measured):
    _, _, audit = measured
    missing = audit.missing.copy()
    missing[7, 1] = True
    text = page(tmp_path, measured, known=np.zeros_like(audit.known), missing=missing)
    assert "predicts no uncertainty of these points" in text
    assert "returns no face for" in text
    assert "33.3 %" in text


def test_faces_without_a_normalizer_are_shown(tmp_path, measured):
    _, _, audit = measured
    nme = audit.nme.copy()
    nme[:, 0] = np.nan
    assert "nan" not in re.sub('data:[^"]*', "", page(tmp_path, measured, nme=nme))


def test_colors():
    assert _color(0) == _color(-1) == _color(float("nan")) == "rgb(214 69 65 / 0.00)"
    assert _color(0.5) == "rgb(214 69 65 / 0.35)"
    assert _color(1) == _color(9)
    assert _coverage_color(0.6).startswith("rgb(214 69 65 /")
    assert _coverage_color(0.95).startswith("rgb(70 130 200 /")
