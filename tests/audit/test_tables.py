"""An audit as JSON values and as rows of text."""

import json

import numpy as np

from audit.perfect_system import made
from nasion.audit import CORRUPTIONS, Scores, audit_table, corruption_rows, group_rows
from nasion.audit.cells import CLEAN


def test_json_holds_all_cells_and_no_nan():
    audit = made(40)
    audit.known[:] = 0
    table = audit_table(audit, Scores.of(audit, {"sex": ["f", "m"] * 20}))
    text = json.dumps(table, allow_nan=False)
    assert json.loads(text) == table
    assert [each["name"] for each in table["corruptions"]] == [kind.name for kind in CORRUPTIONS]
    severities = table["corruptions"][6]["severities"]
    assert [each["value"] for each in severities] == [64, 48, 32, 24, 16]
    assert severities[0]["nme"][0] == round(float(audit.nme[31].mean()), 6)
    assert severities[0]["within_spreads"] == [None, None, None]
    assert table["clean"]["nme"][0] == round(float(audit.nme[CLEAN].mean()), 6)
    assert [(each["group"], each["faces"]) for each in table["groups"]] == [("f", 20), ("m", 20)]
    assert table["groups_controlled_by"].startswith("linear regression")


def test_rows_of_text():
    audit = made(40, nme=0.03)
    scores = Scores.of(audit, {"sex": ["f", "m"] * 20})
    header, rows = corruption_rows(scores.cells)
    assert len(rows) == 16
    assert all(len(row) == len(header) for row in rows)
    assert rows[1][:2] == ("Gaussian noise", "3.00")
    assert rows[1][-1] == "1.00"
    header, rows = group_rows(scores.groups)
    assert rows[0] == ("sex f", "20", "3.00 (3.00 to 3.00)", "3.00 (3.00 to 3.00)")
    assert np.shape(rows) == (2, len(header))
