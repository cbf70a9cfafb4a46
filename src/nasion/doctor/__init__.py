"""Checks of labels: reads every face, tests what can be wrong, and shows what was found.

examination.py      runs all checks on a data set, and writes a figure, a table of files, and JSON
verdicts.py         the results of checks, and the faces that they name
reading.py          what every check needs to know about an image; perceptual hash
checks.py           counts, unreadable files, points outside the image
duplicates.py       duplicates, near-duplicates, leaks between splits
sides.py            flip map, left and right, order of points
shape_model.py      unusual shapes and single points
origin.py           pixel origin, from coordinates and from the symmetry of faces
second_opinion.py   labels against the predictions of a model
offsets.py          pixel origin, and mixed origins, from a model
figure.py           the figure of what was found
"""

from nasion.doctor.examination import Examination, examine, table_rows, to_json, write_files
from nasion.doctor.verdicts import Finding, Suspect, Verdict

__all__ = ["Examination", "Finding", "Suspect", "Verdict", "examine", "table_rows", "to_json", "write_files"]
