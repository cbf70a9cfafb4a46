"""All measurements of a face by name, and those that the user defines."""

from collections.abc import Mapping

from nasion.errors import MeasurementError, SkeletonError
from nasion.measure.definitions import Definitions
from nasion.measure.distances import asymmetry, measure_definitions
from nasion.measure.openings import eyes, mouth
from nasion.measure.pose import pose
from nasion.sample import Prediction
from nasion.uncertainty import Measured

__all__ = ["measurement_rows", "measurements"]

NAN = float("nan")


def measurements(face: Prediction) -> dict[str, Measured]:
    """Return pose, eyes, mouth and asymmetry of a face by the names of `nasion.outputs.schema.Measurements`.

    Measurements that the skeleton does not allow are left out; those that need missing or hidden points are NaN.
    """
    found: dict[str, Measured] = {}
    for measure in (_pose, _eyes, _mouth, _asymmetry):
        try:
            found |= measure(face)
        except SkeletonError:
            continue
    return found


def measurement_rows(
    face: Prediction, definitions: Definitions, known_mm: Mapping[str, float] | None = None
) -> list[tuple[str, Measured]]:
    """Return the measurements of a face and the defined ones with their names.

    Args:
        face: the face.
        definitions: the distances, angles and ratios.
        known_mm: the true length of one distance, mm, by its name.

    Raises:
        ConfigError: the known length is not one positive length of a defined distance.
    """
    return [*measurements(face).items(), *measure_definitions(face, definitions, known_mm)]


POSE_UNITS = {"yaw": "°", "pitch": "°", "roll": "°", "head_x": "px", "head_y": "px", "head_scale": "px/cm"}
"""The units of a pose's numbers, by name."""


def _pose(face: Prediction) -> dict[str, Measured]:
    try:
        return pose(face).numbers()
    except MeasurementError:
        return {name: Measured(NAN, NAN, unit) for name, unit in POSE_UNITS.items()}


def _eyes(face: Prediction) -> dict[str, Measured]:
    both = eyes(face)
    sides = {"left_eye": both.left, "right_eye": both.right}
    return {f"{side}_{name}": each for side, eye in sides.items() for name, each in eye.numbers().items()}


def _mouth(face: Prediction) -> dict[str, Measured]:
    return {f"mouth_{name}": each for name, each in mouth(face).numbers().items()}


def _asymmetry(face: Prediction) -> dict[str, Measured]:
    return {"asymmetry": asymmetry(face)}
