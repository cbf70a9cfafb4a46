"""Runs all checks on a data set, and writes the findings: a figure, a table of files, and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nasion import images
from nasion.atomic import write_text
from nasion.doctor import checks, duplicates, offsets, origin, second_opinion, shape_model, sides
from nasion.doctor.checks import ALARMS, Finding, Suspect
from nasion.doctor.comparison import compare, shared_points
from nasion.doctor.figure import findings_sheet
from nasion.doctor.reading import ReadFace, is_measurable, read_face
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.outputs.records import file_version
from nasion.predict.parallel import cores, map_in_order
from nasion.predict.predictor import Predictor
from nasion.progress import SILENT, Reporter
from nasion.sample import DataSet, Problem

__all__ = ["Examination", "examine", "table_rows", "to_json", "write_files"]

UNUSUAL_FACES = 8
"""Largest number of unusual faces that are drawn although no check names them."""

FILE_COLUMNS: Sequence[str] = ("check", "verdict", "image", "face", "points", "reason")
"""Columns of the table of files."""


@dataclass(frozen=True, eq=False)
class Examination:
    """The result of all checks.

    Attributes:
        faces: the data set.
        findings: one finding per check.
        unusual: the most unusual faces that no check names; their reasons are empty if unknown.
    """

    faces: DataSet
    findings: Sequence[Finding]
    unusual: Sequence[Suspect]

    @property
    def alarms(self) -> list[Finding]:
        """The findings whose verdict is "check" or "wrong"."""
        return [finding for finding in self.findings if finding.verdict in ALARMS]


def examine(faces: DataSet, reporter: Reporter = SILENT, predictor: Predictor | None = None) -> Examination:
    """Return the findings on the labels and images of a data set.

    Args:
        faces: the data set; every image is read once, and those of doubtful faces again.
        reporter: receives the progress.
        predictor: the model for the second opinion; None leaves it out.

    Raises:
        AnnotationError: no image can be read.
        SkeletonError: the skeletons of the labels and of the model have the same name and different points.
    """
    comparable = predictor if predictor and len(shared_points(faces.skeleton, predictor.skeleton)[0]) else None
    results = _read(faces, comparable, reporter)
    unreadable = [result for result in results if isinstance(result, Problem)]
    read = [result for result in results if isinstance(result, ReadFace)]
    if not read:
        reason = f"; the first: {unreadable[0].reason}" if unreadable else ""
        raise AnnotationError(f"{faces.name}: no image can be read{reason}")
    groups = duplicates.duplicate_groups(read)
    findings = [
        checks.counts(faces),
        checks.skipped([*faces.problems, *unreadable]),
        duplicates.duplicates(read, groups),
        checks.outside(read),
        checks.missing(faces.subset([each.face for each in read])),
        checks.extent(read),
        duplicates.leaks(read, groups),
    ]
    measurable = [each for each in read if is_measurable(each.face, each.size)]
    if not measurable:
        return Examination(faces, findings, [Suspect(each.face) for each in read[:UNUSUAL_FACES]])
    measured = faces.subset([each.face for each in measurable])
    symmetry = origin.known_symmetry_offset(measured)
    if comparable is None:
        opinions = [_no_opinion(faces, predictor)]
    else:
        opinions = _second_opinion(measured, measurable, comparable, symmetry, reporter)
    residuals = shape_model.shape_residuals(measured)
    model_finding = next((each for each in opinions if each.check == "pixel origin (model)"), None)
    findings += [
        *opinions,
        *origin.findings(measured, [each.size for each in measurable], symmetry, model_finding),
        sides.flip_map(measured),
        sides.left_and_right(measured),
        sides.order_of_points(measured),
        shape_model.single_points(measured),
        shape_model.unusual_shapes(measured, residuals),
    ]
    return Examination(faces, findings, _unusual(measured, residuals, findings))


def _read(faces: DataSet, predictor: Predictor | None, reporter: Reporter) -> list[ReadFace | Problem]:
    """Return each face with its image's properties, or why the image cannot be read; several images at a time."""
    results: list[ReadFace | Problem] = []
    with reporter.task("reading images", len(faces)) as task:
        for result in map_in_order(lambda index: read_face(faces, index, predictor), range(len(faces)), cores()):
            results.append(result)
            task.advance()
    return results


def _no_opinion(faces: DataSet, predictor: Predictor | None) -> Finding:
    """Return the finding for labels that cannot be compared with a model."""
    if predictor is None:
        return Finding("second opinion", "unknown", "no model")
    text = f"{predictor.skeleton.name}, the skeleton of {predictor.backend.name}, shares no point with "
    return Finding("second opinion", "unknown", f"{text}{faces.skeleton.name}; [shared] in its file can name some")


def _second_opinion(
    faces: DataSet,
    read: Sequence[ReadFace],
    predictor: Predictor,
    symmetry: offsets.Offset | None,
    reporter: Reporter,
) -> list[Finding]:
    """Return the findings that need a model; a single one if labels and predictions cannot be compared."""
    read = second_opinion.predict_in_other_boxes(faces, read, predictor, reporter)
    comparison = compare(read, faces.skeleton, predictor)
    name = predictor.backend.name
    if comparison is None:
        return [Finding("second opinion", "unknown", f"{name} recognizes fewer than three faces at three points")]
    doubts = second_opinion.doubtful_faces(faces, read, comparison, predictor, reporter)
    return [
        second_opinion.faces_finding(comparison, doubts, read, name),
        second_opinion.points_finding(comparison, doubts, read, name),
        *offsets.findings(comparison, read, faces.skeleton, symmetry),
    ]


def _unusual(faces: DataSet, residuals: FloatArray, findings: Sequence[Finding]) -> list[Suspect]:
    """Return the faces with the largest residuals (N,), shares of the face size, that no finding names."""
    flagged = {(each.face.image, each.face.face) for finding in findings for each in finding.suspects}
    order = [int(i) for i in np.argsort(-np.nan_to_num(residuals))]
    free = [i for i in order if (faces.annotations[i].image, faces.annotations[i].face) not in flagged]
    return [
        Suspect(
            faces.annotations[i],
            f"{100 * residuals[i]:.0f} % from the mean face" if np.isfinite(residuals[i]) else "",
        )
        for i in free[:UNUSUAL_FACES]
    ]


def table_rows(examination: Examination) -> list[tuple[str, str, str]]:
    """Return the check, the verdict and the text of each finding."""
    return [(finding.check, finding.verdict, finding.text) for finding in examination.findings]


def write_files(examination: Examination, folder: Path) -> list[Path]:
    """Write the figure of the findings, and a table of all files that they name; return their paths.

    Raises:
        OutputError: a file cannot be written.
        ImageError: the images can no longer be read.
    """
    picture, table = folder / "findings.png", folder / "findings.csv"
    images.write(picture, findings_sheet(examination.faces, examination.findings, examination.unusual))
    text = io.StringIO()
    writer = csv.DictWriter(text, FILE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for finding in examination.findings:
        for each in finding.suspects:
            row = {"check": finding.check, "verdict": finding.verdict, **_file_values(each)}
            writer.writerow({**row, "points": " ".join(map(str, each.points))})
    write_text(table, text.getvalue())
    return [picture, table]


def _file_values(suspect: Suspect) -> dict[str, Any]:
    """Return a face as JSON values, without its points."""
    return {"image": str(suspect.face.image), "face": suspect.face.face, "reason": suspect.reason}


def to_json(examination: Examination) -> str:
    """Return the findings, and every face that they name, as the text of a `reports.FindingsFile`."""
    content = {
        **file_version(),
        "data": examination.faces.name,
        "skeleton": examination.faces.skeleton.name,
        "faces": len(examination.faces),
        "findings": [
            {
                "check": finding.check,
                "verdict": finding.verdict,
                "text": finding.text,
                "faces": [{**_file_values(each), "points": list(each.points)} for each in finding.suspects],
            }
            for finding in examination.findings
        ],
        "unusual": [_file_values(each) for each in examination.unusual],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
