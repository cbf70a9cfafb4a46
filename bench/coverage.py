"""Whether the uncertainty holds on bad images: the share of points within 1, 2 and 3 spreads in twelve degradations.

python bench/coverage.py ibug:300W_DIR default before.onnx
python bench/coverage.py 'coco:AFLW/train.json?subject=image[0-9]+' default before.onnx

Measured on validation faces, reduced to at most 200 px, with boxes from the points.
"""

from collections.abc import Callable
from typing import Annotated, NamedTuple
from zlib import crc32

import numpy as np
import typer
from numpy.random import Generator
from rich.console import Console
from rich.table import Table

from nasion import Predictor, datasets
from nasion.audit import CORRUPTIONS
from nasion.audit.views import View, view_of
from nasion.cli.screen import REPORTER
from nasion.evaluation.evaluation import THRESHOLD, select_split
from nasion.evaluation.metrics import face_errors, point_errors
from nasion.geometry import FloatArray
from nasion.predict.backends.backend import is_rejected
from nasion.sample import DataSet, Image
from nasion.uncertainty import mahalanobis, nominal_share

MULTIPLES = (1, 2, 3)
"""Multiples of the spread within which points are counted."""

COLUMNS = ("NME", "above 8 %", "within 1", "2", "3", "above 8 %, kept", "below 8 %, rejected")

console = Console(width=120)

Degrade = Callable[[View, Generator], Image]


def by(name: str, strength: float) -> Degrade:
    """Return a function that corrupts a view as `nasion audit` does, with any strength."""
    (apply,) = (each.apply for each in CORRUPTIONS if each.name == name)

    def degrade(view: View, random: Generator) -> Image:
        return apply(view.image, strength, view.box, random)

    return degrade


def after(first: Degrade, second: Degrade) -> Degrade:
    """Return a function that degrades a view in two ways, one after the other."""
    return lambda view, random: second(View(**{**vars(view), "image": first(view, random)}), random)


DEGRADATIONS: dict[str, Degrade] = {
    "none": lambda view, _: view.image,
    "blur, sigma 1.5 % of the face": by("Gaussian blur", 0.015),
    "blur, sigma 3 % of the face": by("Gaussian blur", 0.03),
    "noise, sigma 25 of 255": by("Gaussian noise", 25),
    "noise, sigma 60 of 255": by("Gaussian noise", 60),
    "dark x 0.1": by("dark", 0.1),
    "dark x 0.1, noise of sigma 8": after(by("dark", 0.1), by("Gaussian noise", 8)),
    "JPEG, quality 10": by("JPEG", 10),
    "JPEG, quality 3": by("JPEG", 3),
    "30 % covered": by("patches", 0.3),
    "50 % covered": by("patches", 0.5),
    "face of 32 px": by("low resolution", 32),
    "face of 16 px": by("low resolution", 16),
}
"""The degradations by name."""


class Measured(NamedTuple):
    """A face in one degradation: its NME, the distances of its points in spreads (K,), and whether it is rejected."""

    nme: float
    distances: FloatArray
    rejected: bool


def main(
    data: Annotated[str, typer.Argument(help="labeled faces, FORMAT:PATH; their validation split is measured")],
    models: Annotated[list[str], typer.Argument(help="names of models, .onnx files or run folders")],
) -> None:
    """Measure the models and print a table for each of them."""
    for model in models:
        predictor = Predictor(model)
        faces = select_split(datasets.load(data), "val", predictor).reduced_to(predictor.skeleton)
        show(f"{predictor.backend.name}: {len(faces)} validation faces of {faces.name}", measured(predictor, faces))
    nominal = ", ".join(f"{100 * share:.1f}" for share in nominal_share(MULTIPLES))
    console.print(f"all in percent; NME inter-ocular; right would be {nominal} % within 1, 2 and 3 spreads")


def measured(predictor: Predictor, faces: DataSet) -> list[list[Measured]]:
    """Return the measurements of each face in each degradation."""
    found = []
    with REPORTER.task("measuring", len(faces)) as task:
        for index, face in enumerate(faces.annotations):
            view = view_of(faces.load(index).image, face, face.points_box())
            seed = crc32(face.name.encode())
            images = [each(view, np.random.default_rng(seed)) for each in DEGRADATIONS.values()]
            length = np.array([face.normalizer_lengths()["inter_ocular"] * view.scale])
            row = []
            for each in predictor.predict_boxes(images, [view.box] * len(images)):
                errors = point_errors(each.keypoints, view.keypoints)
                distances = mahalanobis(each.keypoints - view.keypoints, each.spread, each.anisotropy)
                row.append(
                    Measured(
                        float(face_errors(errors[None], length)[0]), distances, is_rejected(each, predictor.backend)
                    )
                )
            found.append(row)
            task.advance()
    return found


def show(title: str, found: list[list[Measured]]) -> None:
    """Print the shares of each degradation."""
    table = Table("", *COLUMNS, title=title)
    for name, faces in zip(DEGRADATIONS, zip(*found, strict=True), strict=True):
        nme, rejected = np.array([each.nme for each in faces]), np.array([each.rejected for each in faces])
        distances = np.stack([each.distances for each in faces])
        known = distances[np.isfinite(distances)]
        wrong, good = nme > THRESHOLD, nme <= THRESHOLD
        within = [(known <= multiple).mean() for multiple in MULTIPLES]
        shares = [wrong.mean(), *within, (wrong & ~rejected).mean(), rejected[good].mean()]
        table.add_row(name, f"{100 * np.nanmean(nme):.2f}", *(f"{100 * share:.1f}" for share in shares))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
