"""The command that measures a model on corrupted images, by condition and by group of people."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasion.atomic import ensure_writable, write_text
from nasion.cli.options import DataArgument, DeviceOption, ModelArgument, choice, make_predictor, split_names
from nasion.cli.screen import REPORTER, say, typed_command
from nasion.errors import ConfigError
from nasion.predict.backends.devices import AUTO

if TYPE_CHECKING:
    from nasion.audit import Scores
    from nasion.audit.cells import Audit
    from nasion.audit.systems import ModelSystem
    from nasion.predict.predictor import Predictor
    from nasion.sample import DataSet

__all__ = ["audit"]

PAGE, VALUES = "audit.html", "audit.json"


def audit(
    model: ModelArgument,
    data: DataArgument,
    out: Annotated[Path, typer.Option(help=f"folder for {PAGE} and {VALUES}", metavar="FOLDER")] = Path("audit"),
    split: Annotated[str, choice("--split", split_names, "which faces")] = "all",
    group: Annotated[
        list[str] | None, typer.Option(help="also compare the groups of this column; may be repeated", metavar="COLUMN")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="table with the columns image and COLUMN; default: that of csv:FILE", metavar="FILE.csv"),
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(
            help="computes the labeled points from the model's, if they have none in common", metavar="NAME|FILE.toml"
        ),
    ] = None,
    normalizer: Annotated[
        str | None,
        typer.Option(
            help="what errors are divided by, such as box_size; default: a distance between the eyes", metavar="NAME"
        ),
    ] = None,
    faces: Annotated[
        int | None, typer.Option(min=2, help="measure only this many, evenly spaced", metavar="COUNT")
    ] = None,
    device: DeviceOption = AUTO,
) -> None:
    """Measure a model on corrupted images, by condition and by group.

    Examples:
        nasion audit default ibug:data/300w --split val
        nasion audit default csv:faces.csv --group sex --group glasses
    """
    from nasion.audit import Scores, audit_table, read_columns, run_audit
    from nasion.audit.systems import ModelSystem
    from nasion.datasets.mapping import load_mapping
    from nasion.evaluation.extras import require_report_extra

    require_report_extra()
    ensure_writable(out)
    predictor = make_predictor(model, None, device=device)
    system = ModelSystem(predictor, None if mapping is None else load_mapping(mapping))
    chosen = _select(data, split, faces, predictor)
    people = _table(data, table, group or ())
    if people is not None:
        read_columns(people, group or (), chosen.annotations)  # its errors should not come after the measurement
    found = run_audit(system, chosen, split, normalizer, reporter=REPORTER)
    columns = {} if people is None else read_columns(people, group or (), found.faces)
    scores = Scores.of(found, columns)
    _print(found, scores)
    write_text(out / VALUES, json.dumps(audit_table(found, scores), indent=1, allow_nan=False) + "\n")
    _write_page(out / PAGE, found, scores, system, chosen)


def _select(data: str, split: str, count: int | None, predictor: "Predictor") -> "DataSet":
    """Return the faces of a split; only `count` of them, evenly spaced, if it is given."""
    from nasion import datasets
    from nasion.draw import evenly_spaced
    from nasion.evaluation.evaluation import select_split

    faces = select_split(datasets.load(data), split, predictor)
    return faces if count is None else faces.subset([faces.annotations[k] for k in evenly_spaced(faces, count)])


def _table(data: str, table: Path | None, names: Sequence[str]) -> Path | None:
    """Return the table with the columns of groups; None if no groups are compared."""
    from nasion import datasets

    if not names:
        return None
    form, place, _ = datasets.parse(data)
    if table is None and form != "csv":
        raise ConfigError(f"--group needs --table FILE.csv, because {form}: has no columns of people's properties")
    return table or Path(place).expanduser()


def _print(found: "Audit", scores: "Scores") -> None:
    from nasion.audit import corruption_rows, group_rows

    for problem in found.problems:
        REPORTER.warn(f"skipped {problem.name}: {problem.reason}")
    title = f"{len(found.faces)} faces of {found.data}, {found.system}; errors by {found.normalizer}"
    REPORTER.table(title, *corruption_rows(scores.cells))
    if scores.groups:
        REPORTER.table("groups, without corruption", *group_rows(scores.groups))


def _write_page(path: Path, found: "Audit", scores: "Scores", system: "ModelSystem", faces: "DataSet") -> None:
    from nasion.audit.report import write_page

    write_page(path, found, scores, system, faces, typed_command())
    say(f"page: {path}; values: {path.with_name(VALUES)}")
