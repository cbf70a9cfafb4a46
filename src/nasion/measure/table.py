"""All measurements of a face that need no definitions, as JSON values and as rows."""

from collections.abc import Callable, Mapping
from typing import Any

from nasion.errors import MeasurementError, SkeletonError
from nasion.measure.definitions import Definitions
from nasion.measure.distances import asymmetry, measure_definitions
from nasion.measure.openings import Eyes, Opening, eyes, mouth
from nasion.measure.pose import Pose, pose
from nasion.measure.propagation import Measured
from nasion.sample import Prediction

__all__ = ["measurement_rows", "measurements_table"]


def measurements_table(face: Prediction) -> dict[str, Any]:
    """Return pose, eyes, mouth and asymmetry of a face as JSON values; None for what cannot be measured.

    Every number is a table of value, error (the standard error) and unit.
    """
    found = _measured(face)
    head, both, lips, symmetry = (found.get(name) for name in ("pose", "eyes", "mouth", "asymmetry"))
    return {
        "pose": None if head is None else {name: each.to_table() for name, each in head.numbers().items()},
        "eyes": None if both is None else {"left": _opening_table(both.left), "right": _opening_table(both.right)},
        "mouth": None if lips is None else _opening_table(lips),
        "asymmetry": None if symmetry is None else symmetry.to_table(),
    }


def measurement_rows(
    face: Prediction, definitions: Definitions, known_mm: Mapping[str, float] | None = None
) -> list[tuple[str, Measured]]:
    """Return the pose, openings, asymmetry and defined measurements of a face with their names.

    Args:
        face: the face.
        definitions: the distances, angles and ratios.
        known_mm: the true length of one distance, mm, by its name.

    Raises:
        ConfigError: the known length is not one positive length of a defined distance.
    """
    found = _measured(face)
    rows: list[tuple[str, Measured]] = []
    head, both = found.get("pose"), found.get("eyes")
    if head is not None:
        rows += head.numbers().items()
    sides = {} if both is None else {"left_eye": both.left, "right_eye": both.right}
    for name, opening in {**sides, "mouth": found.get("mouth")}.items():
        if opening is not None:
            numbers = {"opening": opening.ratio, "opening_gap": opening.gap, "opening_width": opening.width}
            rows += [(f"{name}_{part}", number) for part, number in numbers.items()]
    if "asymmetry" in found:
        rows.append(("asymmetry", found["asymmetry"]))
    return rows + measure_definitions(face, definitions, known_mm)


def _measured(face: Prediction) -> dict[str, Any]:
    """Return the measurements that this face and its skeleton allow, by name."""
    functions: dict[str, Callable[[Prediction], Pose | Eyes | Opening | Measured]] = {
        "pose": pose,
        "eyes": eyes,
        "mouth": mouth,
        "asymmetry": asymmetry,
    }
    found: dict[str, Any] = {}
    for name, function in functions.items():
        try:
            found[name] = function(face)
        except (MeasurementError, SkeletonError):
            continue
    return found


def _opening_table(opening: Opening) -> dict[str, Any]:
    """Return an opening as JSON values."""
    return {
        **{name: each.to_table() for name, each in opening.numbers().items()},
        "open": opening.is_open,
    }
