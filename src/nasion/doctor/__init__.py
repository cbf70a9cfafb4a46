"""Checks of labels: reads every face, tests what can be wrong, and shows what was found.

examination.py      runs all checks on a data set, and writes a figure, a table of files, and JSON
reading.py          what every check needs to know about an image; perceptual hash
checks.py           the results of checks; counts, unreadable files, points outside the image
duplicates.py       duplicates, near-duplicates, leaks between splits
sides.py            flip map, left and right, order of points
shape_model.py      unusual shapes and single points
origin.py           pixel origin, from coordinates and from the symmetry of faces
comparison.py       labels and the predictions of a model at the shared points
second_opinion.py   faces and points whose labels are not where a model sees them
offsets.py          pixel origin, and mixed origins, from a model
figure.py           the figure of what was found
"""

from nasion.doctor.checks import Finding, Suspect, Verdict
from nasion.doctor.examination import Examination, examine, table_rows, to_json, write_files

__all__ = ["Examination", "Finding", "Suspect", "Verdict", "examine", "table_rows", "to_json", "write_files"]
