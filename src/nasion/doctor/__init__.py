"""Checks of labels: reads every face, looks for mistakes in the labels and files, and shows the findings.

examination.py      runs all checks on a data set, and writes a figure, a table of files, and JSON
reading.py          one pass over the images: size, digest, perceptual hash, prediction
checks.py           the results of checks; counts, unreadable files, points outside the image
duplicates.py       duplicates, near-duplicates, leaks between splits
sides.py            flip map, left and right, order of points
shape_model.py      unusual shapes and single points
origin.py           pixel origin, from coordinates and from the symmetry of faces
comparison.py       labels and the predictions of a model at the shared points
second_opinion.py   faces and points whose labels are far from the predictions of a model
offsets.py          pixel origin, and mixed origins, from a model
figure.py           the figure of the findings
"""

from nasion.doctor.checks import Finding, Suspect, Verdict
from nasion.doctor.examination import Examination, examine, table_rows, to_json, write_files

__all__ = ["Examination", "Finding", "Suspect", "Verdict", "examine", "table_rows", "to_json", "write_files"]
