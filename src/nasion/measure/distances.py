"""Distances, angles, ratios and the symmetry of a face, each with its standard error."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nasion.errors import ConfigError, SkeletonError, suggest
from nasion.geometry import FloatArray
from nasion.measure.definitions import Definitions
from nasion.measure.propagation import propagated, propagated_means
from nasion.sample import Prediction
from nasion.skeleton import INTER_OCULAR
from nasion.uncertainty import Measured

__all__ = ["asymmetry", "check_known", "measure_definitions"]


def measure_definitions(
    face: Prediction, definitions: Definitions, known_mm: Mapping[str, float] | None = None
) -> list[tuple[str, Measured]]:
    """Return the measurements of a face with their names.

    Each distance is given in px, relative to the distance of the outer corners of the eyes (if the skeleton has it),
    and, with a known length, in mm: all lengths are those of the image plane, so they hold for parts of the face that
    are parallel to it and as far from the camera as the known length.

    Args:
        face: the face.
        definitions: what to measure.
        known_mm: the true length of one of the distances, mm, by its name.

    Raises:
        ConfigError: the known length is not one positive length of a defined distance.
    """
    known = check_known(known_mm or {}, definitions)
    ends = dict(definitions.distances)
    if INTER_OCULAR in face.skeleton.normalizers:
        ends.setdefault(INTER_OCULAR, face.skeleton.normalizers[INTER_OCULAR])
    rows: list[tuple[str, Measured]] = []
    for name, (first, second) in definitions.distances.items():
        rows.append((name, _measure(face, (first, second), _length, "px")))
        if INTER_OCULAR in ends:
            rows.append((name, _measure(face, (first, second, *ends[INTER_OCULAR]), _ratio, "inter-ocular")))
        if known is not None:
            reference, millimeters = known
            number = _measure(face, (first, second, *ends[reference]), _ratio, "")
            rows.append((name, Measured(number.value * millimeters, number.error * millimeters, "mm")))
    rows += [(name, _measure(face, groups, _angle, "°")) for name, groups in definitions.angles.items()]
    for name, (above, below) in definitions.ratios.items():
        rows.append((name, _measure(face, (*ends[above], *ends[below]), _ratio, "")))
    return rows


def asymmetry(face: Prediction) -> Measured:
    """Return the mean distance between the points and those of the mirrored face, as a share of the inter-ocular one.

    The mirrored face is moved, turned and scaled onto the face first. Errors of the points add to it, and so does a
    head that is turned.

    Raises:
        SkeletonError: the skeleton has no flip map, or no inter-ocular distance.
    """
    skeleton = face.skeleton
    if skeleton.flip is None or INTER_OCULAR not in skeleton.normalizers:
        raise SkeletonError(
            f'skeleton "{skeleton.name}" has no flip map or no inter-ocular distance, so symmetry cannot be measured'
        )
    flip, (first, second) = list(skeleton.flip), skeleton.normalizers[INTER_OCULAR]

    def distance(points: FloatArray) -> FloatArray:
        """Return the asymmetry (..., 1), no unit, of points (..., K, 2), image px."""
        z = points[..., 0] + 1j * points[..., 1]
        centered = z - z.mean(-1, keepdims=True)
        mirrored = -centered.conj()[..., flip]
        a = (mirrored.conj() * centered).sum(-1) / (abs(mirrored) ** 2).sum(-1)
        apart = abs(a[..., None] * mirrored - centered).mean(-1)
        unit = abs(z[..., list(first)].mean(-1) - z[..., list(second)].mean(-1))
        return (apart / unit)[..., None]

    with np.errstate(divide="ignore", invalid="ignore"):
        values, covariance = propagated(face, range(skeleton.count), distance)
    return Measured(float(values[0]), float(np.sqrt(covariance[0, 0])), "inter-ocular")


def check_known(known_mm: Mapping[str, float], definitions: Definitions) -> tuple[str, float] | None:
    """Return the name and the length, mm, of the known distance; None if there is none.

    Raises:
        ConfigError: there are several, or its name is not a defined distance, or its length is not positive.
    """
    if len(known_mm) > 1:
        raise ConfigError(f"one known length is used, not {len(known_mm)}: {', '.join(known_mm)}")
    for name, millimeters in known_mm.items():
        if name not in (*definitions.distances, INTER_OCULAR):
            known = (*definitions.distances, INTER_OCULAR)
            raise ConfigError(f'the known length "{name}" is not a defined distance; {suggest(name, known)}')
        if not 0 < millimeters < np.inf:
            raise ConfigError(f'the known length "{name}" must be a positive number of mm, not {millimeters}')
        return name, millimeters
    return None


def _measure(
    face: Prediction, groups: Sequence[Sequence[int]], function: Callable[..., FloatArray], unit: str
) -> Measured:
    """Return a number of the means of groups of points."""

    def number(means: FloatArray) -> FloatArray:
        """Return the number (..., 1), in its unit, of means (..., N, 2), image px."""
        return function(*np.moveaxis(means, -2, 0))[..., None]

    with np.errstate(divide="ignore", invalid="ignore"):
        values, covariance = propagated_means(face, groups, number)
    if not np.isfinite(values[0]):
        return Measured(float("nan"), float("nan"), unit)
    is_itself = tuple(groups[:2]) == tuple(groups[2:])  # a length relative to itself is exact
    return Measured(float(values[0]), 0.0 if is_itself else float(np.sqrt(covariance[0, 0])), unit)


def _length(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return distances (...) between points (..., 2), px."""
    return np.hypot(*np.moveaxis(second - first, -1, 0))


def _ratio(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    """Return the distances (...) between a and b by those between c and d, no unit, of points (..., 2), px."""
    return _length(a, b) / _length(c, d)


def _angle(first: FloatArray, corner: FloatArray, last: FloatArray) -> FloatArray:
    """Return the angles (...), degrees, at the corner between two points, (..., 2) each, px."""
    (ax, ay), (bx, by) = np.moveaxis(first - corner, -1, 0), np.moveaxis(last - corner, -1, 0)
    return np.degrees(np.arctan2(abs(ax * by - ay * bx), ax * bx + ay * by))
