"""Runs all checks on a data set, and writes what was found: a figure, a table of files, and JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
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
"""Number of unusual faces, which no check names, that are drawn."""

FILE_COLUMNS = ("check", "verdict", "image", "face", "points", "reason")
"""Columns of the table of files."""

MODEL_CHECKS = ("second opinion", "points and model", "pixel origin (model)", "mixed origins")
"""Names of the checks that need a model."""


@dataclass(frozen=True, eq=False)
class Examination:
    """The result of all checks.

    Attributes:
        faces: the data set.
        findings: one finding per check.
        unusual: the most unusual faces that no check names, with the reason; it is empty if it cannot be computed.
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
        faces: the data set; every image is read once, and those of doubtful faces a second time.
        reporter: receives the progress.
        predictor: the model that gives a second opinion; None leaves it out.

    Raises:
        AnnotationError: no image can be read.
        SkeletonError: the skeletons of the labels and of the model have the same name and different points.
    """
    judge = predictor if predictor and len(shared_points(faces.skeleton, predictor.skeleton)[0]) else None
    results = _read(faces, judge, reporter)
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
    opinions = _second_opinion(measured, measurable, predictor, judge, reporter)
    residuals = shape_model.shape_residuals(measured)
    seen = next((each for each in opinions if each.check == "pixel origin (model)"), None)
    findings += [
        *opinions,
        *origin.findings(measured, [each.size for each in measurable], seen),
        sides.flip_map(measured),
        sides.left_and_right(measured),
        sides.order_of_points(measured),
        shape_model.single_points(measured),
        shape_model.unusual_shapes(measured, residuals),
    ]
    return Examination(faces, findings, _unusual(measured, residuals, findings))


def _read(faces: DataSet, judge: Predictor | None, reporter: Reporter) -> list[ReadFace | Problem]:
    """Return what the checks need of each face, or why its image cannot be read; several images at a time."""
    results: list[ReadFace | Problem] = []
    with reporter.task("reading images", len(faces)) as task:
        for result in map_in_order(lambda index: read_face(faces, index, judge), range(len(faces)), cores()):
            results.append(result)
            task.advance()
    return results


def _second_opinion(
    faces: DataSet, read: Sequence[ReadFace], predictor: Predictor | None, judge: Predictor | None, reporter: Reporter
) -> list[Finding]:
    """Return the findings that need a model; one that says why there are none if there is no model that can judge."""
    if predictor is None:
        return [Finding(MODEL_CHECKS[0], "unknown", "no model")]
    if judge is None:
        text = f"{predictor.skeleton.name}, the skeleton of {predictor.backend.name}, shares no point with "
        return [Finding(MODEL_CHECKS[0], "unknown", f"{text}{faces.skeleton.name}; [shared] in its file can name some")]
    read = second_opinion.look_elsewhere(faces, read, judge, reporter)
    comparison = compare(read, faces.skeleton, judge)
    name = judge.backend.name
    if comparison is None:
        return [Finding(MODEL_CHECKS[0], "unknown", f"{name} recognizes fewer than three faces at three points")]
    doubts = second_opinion.look_again(faces, read, comparison, judge, reporter)
    return [
        second_opinion.faces_finding(comparison, doubts, read, name),
        second_opinion.points_finding(comparison, doubts, read, name),
        *offsets.findings(comparison, read, faces.skeleton),
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
    """Write the figure of what was found, and a table of all files that the findings name; return their paths.

    Raises:
        OutputError: a file cannot be written.
        ImageError: the images have vanished since they were examined.
    """
    picture, table = folder / "findings.png", folder / "findings.csv"
    images.write(picture, findings_sheet(examination.faces, examination.findings, examination.unusual))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FILE_COLUMNS)
    writer.writerows([row[name] for name in FILE_COLUMNS] for row in _rows(examination))
    write_text(table, text.getvalue())
    return [picture, table]


def _rows(examination: Examination) -> Iterator[dict[str, Any]]:
    """Yield what the table says of each named face."""
    for finding in examination.findings:
        for each in finding.suspects:
            yield {
                "check": finding.check,
                "verdict": finding.verdict,
                "image": str(each.face.image),
                "face": each.face.face,
                "points": " ".join(map(str, each.points)),
                "reason": each.reason,
            }


def to_json(examination: Examination) -> str:
    """Return the findings, and every face that they name, as the text of a `reports.FindingsFile`."""
    rows = list(_rows(examination))
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
                "faces": [
                    {"image": row["image"], "face": row["face"], "points": list(each.points), "reason": each.reason}
                    for row, each in zip(
                        (row for row in rows if row["check"] == finding.check), finding.suspects, strict=True
                    )
                ],
            }
            for finding in examination.findings
        ],
        "unusual": [
            {"image": str(each.face.image), "face": each.face.face, "reason": each.reason}
            for each in examination.unusual
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
