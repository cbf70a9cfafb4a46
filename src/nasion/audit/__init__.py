"""Audits: the errors of a model on corrupted images, under different conditions, and in groups of people.

corruptions.py   15 kinds, 5 severities            cells.py    the measurement
views.py         the part of an image around a face  scores.py   means, intervals, shares
systems.py       the audited systems               tables.py   JSON values and rows of text
conditions.py    yaw, size, sharpness, brightness  report.py   the page (needs matplotlib and jinja2)
columns.py       groups of people from a table
"""

from nasion.audit.cells import Audit, mean_face, run_audit
from nasion.audit.columns import read_columns
from nasion.audit.corruptions import CORRUPTIONS
from nasion.audit.scores import Scores
from nasion.audit.systems import Found, ModelSystem, System
from nasion.audit.tables import audit_table, corruption_rows, group_rows

__all__ = [
    "CORRUPTIONS",
    "Audit",
    "Found",
    "ModelSystem",
    "Scores",
    "System",
    "audit_table",
    "corruption_rows",
    "group_rows",
    "mean_face",
    "read_columns",
    "run_audit",
]
