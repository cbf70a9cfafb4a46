"""Checks of labels: reads every face, tests what can be wrong, and shows the most unusual faces.

examination.py   runs all checks on a data set, and draws the most unusual faces
checks.py        one function per check; each returns a `Finding`
origin.py        checks of the pixel origin of the coordinates
"""

from nasion.doctor.checks import Finding, Verdict
from nasion.doctor.examination import Examination, draw_worst, examine, table_rows

__all__ = ["Examination", "Finding", "Verdict", "draw_worst", "examine", "table_rows"]
