"""Checks of shapes: faces that are unusual as a whole, and single points that do not fit the others of their face.

A point is compared with its expected position, given all other points of the face, under a normal distribution of
aligned faces: with the precision matrix P and the difference x from the mean, the residual of point k is
inv(P_kk) (P x)_k, and its covariance inv(P_kk). The distribution is estimated without the face and its subject, and
without the most unusual faces, as in P. Rousseeuw, K. Van Driessen, "A Fast Algorithm for the Minimum Covariance
Determinant Estimator", Technometrics 1999.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasion.doctor.checks import MIN_FACES, MIN_POINTS, Finding, Suspect, count, named
from nasion.geometry import MIN_EXTENT, FloatArray, is_present, similarity_between
from nasion.sample import DataSet
from nasion.shapes import mean_shape

__all__ = ["aligned", "face_size", "gaps", "has_every_point", "shape_residuals", "single_points", "unusual_shapes"]

OUTLIER = 4.0
"""Distance from the mean face, as a multiple of the median distance, above which a face is named."""

POINT_OUTLIER = 3.5
"""Largest distance of a face's points from their expected positions, as a multiple of that of the median face.

Above it are six of the 2204 faces of IMM's persons 1 to 32 and of 300-W's training photos, each with a misplaced point.
The largest of all others is 3.3.
"""

FOLDS = 5
"""Number of parts of a data set; the distribution for each part is estimated from the others."""

KEPT = 0.9
"""Share of the faces, the most usual ones, from which the distribution is estimated."""

STEPS = 4
"""Number of times that the most usual faces are selected again."""

LABEL_NOISE = 0.005
"""Standard deviation of labels that is added to the distribution, share of the face size: about 1 px of 200."""


def has_every_point(faces: DataSet) -> bool:
    """Return whether every point of the skeleton is present in some face."""
    return bool(is_present(faces.keypoints()).any(0).all())


def _residual(keypoints: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the distances of the present points of a face (K, 2) from the mean face (K, 2), px; NaN if too few."""
    distances = gaps(keypoints, mean)
    known = np.isfinite(distances)
    return distances[known] if known.any() else np.array([np.nan])


def gaps(keypoints: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the distance (K,) of each point of an aligned face (K, 2) from the mean face (K, 2), px of the latter."""
    return np.linalg.norm(aligned(keypoints, mean) - mean, axis=-1)


def aligned(keypoints: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the points of a face (K, 2) aligned with the mean face (K, 2), px of the latter.

    They are NaN for a face without `MIN_POINTS` points that the mean face has, because two points always fit.
    """
    both = is_present(keypoints) & is_present(mean)
    if both.sum() < MIN_POINTS or min(np.ptp(each[both], axis=0).max() for each in (keypoints, mean)) < MIN_EXTENT:
        return np.full(keypoints.shape, np.nan)
    return similarity_between(keypoints, mean)(keypoints)


def face_size(mean: FloatArray) -> float:
    """Return the diagonal of the bounding box of the mean face (K, 2), px."""
    return float(np.linalg.norm(np.ptp(mean, axis=0)))


def shape_residuals(faces: DataSet) -> FloatArray:
    """Return each face's mean distance from the mean face (N,), as a share of the face size; NaN if unknown.

    With fewer than three points, distances are measured from the median position, as shares of the largest one.
    """
    keypoints = faces.keypoints()
    if faces.skeleton.count < MIN_POINTS:
        complete = is_present(keypoints).all(1)
        center = np.median(keypoints[complete], axis=0) if complete.any() else np.full(keypoints.shape[1:], np.nan)
        gap = np.linalg.norm(keypoints - center, axis=-1).mean(-1)
        farthest = gap[complete].max(initial=0)
        return gap / farthest if farthest > 0 else gap
    mean = mean_shape(keypoints)
    return np.array([_residual(face, mean).mean() / face_size(mean) for face in keypoints])


def unusual_shapes(faces: DataSet, residuals: FloatArray) -> Finding:
    """Check that no face is much farther from the mean face than the others.

    Args:
        faces: the faces.
        residuals: (N,) from `shape_residuals`, shares of the face size.
    """
    known = residuals[np.isfinite(residuals)]
    if len(known) < MIN_FACES:
        return Finding("unusual shapes", "unknown", f"needs {MIN_FACES} faces")
    median = np.median(known)
    order = [int(i) for i in np.argsort(-np.nan_to_num(residuals)) if residuals[i] > OUTLIER * median]
    typical = f"a typical face is {100 * median:.1f} % of the face size from the mean face"
    if not order:
        return Finding("unusual shapes", "good", f"none; {typical}")
    suspects = tuple(Suspect(faces.annotations[i], f"{100 * residuals[i]:.0f} %") for i in order)
    text = f"{typical}; {len(order)} of {len(faces)} faces exceed {OUTLIER:g} times that: {named(suspects)}"
    return Finding("unusual shapes", "check", text, suspects)


def single_points(faces: DataSet) -> Finding:
    """Check that no point is far from the position that the other points of its face suggest."""
    skeleton = faces.skeleton
    if skeleton.count <= MIN_POINTS or len(faces) < FOLDS * MIN_FACES:
        text = f"needs {FOLDS * MIN_FACES} faces, and more than {MIN_POINTS} points"
        return Finding("single points", "unknown", text)
    distances, expected = point_distances(faces)
    largest = distances.max(1)
    limit = POINT_OUTLIER * float(np.median(largest))
    suspects = []
    for row in np.argsort(-largest)[: int((largest > limit).sum())].tolist():
        worst = int(distances[row].argmax())
        reason = f"{skeleton.names[worst]}, {largest[row]:.0f} standard deviations"
        moved = faces.annotations[row].keypoints.copy()
        moved[worst] = expected[row, worst]
        suspects.append(Suspect(faces.annotations[row], reason, (worst,), moved))
    if not suspects:
        text = f"every point lies within {limit:.0f} standard deviations of its expected position"
        return Finding("single points", "good", text)
    text = f"{count(len(suspects))} with a point far from its expected position: {named(suspects)}"
    return Finding("single points", "check", text, tuple(suspects))


def point_distances(faces: DataSet) -> tuple[FloatArray, FloatArray]:
    """Return each point's distance (N, K) from its expected position, and that position (N, K, 2), image px.

    The other points of the face determine the expected position. Distances are in standard deviations; they are 0 for
    missing points and for faces without `MIN_POINTS` points.

    Args:
        faces: at least `FOLDS` times `MIN_FACES` faces.
    """
    mean = mean_shape(faces.keypoints())
    shapes = np.stack([aligned(each, mean) for each in faces.keypoints()]) / face_size(mean)
    known = is_present(shapes)
    use = known.sum(1) >= MIN_POINTS
    _, person = np.unique([each.subject or str(k) for k, each in enumerate(faces.annotations)], return_inverse=True)
    distances, places = np.zeros(known.shape), np.full(shapes.shape, np.nan)
    for fold in range(FOLDS):
        part = np.flatnonzero(use & (person % FOLDS == fold))
        rest = shapes[use & (person % FOLDS != fold)]
        if len(part) and len(rest) >= MIN_FACES:
            distances[part], places[part] = _Distribution.of(rest).compare(shapes[part])
    for row in np.flatnonzero(use).tolist():
        to_image = similarity_between(faces.annotations[row].keypoints, mean).inverse()
        places[row] = to_image(places[row] * face_size(mean))
    return distances, places


@dataclass(frozen=True, eq=False)
class _Distribution:
    """A normal distribution of aligned faces: mean (2 K,) and covariance (2 K, 2 K), shares of the face size."""

    mean: FloatArray
    covariance: FloatArray

    @staticmethod
    def of(shapes: FloatArray) -> "_Distribution":
        """Return the distribution of the most usual of the faces (N, K, 2), shares of the face size."""
        flat = shapes.reshape(len(shapes), -1)
        known = np.isfinite(flat)
        center = np.array(
            [np.median(column[each]) if each.any() else 0.0 for column, each in zip(flat.T, known.T, strict=True)]
        )
        filled = np.where(known, flat, center)
        count = max(2, round(KEPT * len(flat)))
        usual = np.argsort(np.linalg.norm(filled - center, axis=1))[:count]
        for _ in range(STEPS):
            found = _Distribution._fitted(filled[usual])
            filled = found._filled(flat)
            difference = filled - found.mean
            pull = np.linalg.solve(found.covariance, difference.T).T
            usual = np.argsort((difference * pull).sum(1))[:count]
        return _Distribution._fitted(filled[usual])

    @staticmethod
    def _fitted(flat: FloatArray) -> "_Distribution":
        covariance = np.cov(flat, rowvar=False) + LABEL_NOISE**2 * np.eye(flat.shape[1])
        return _Distribution(flat.mean(0), covariance)

    def _filled(self, flat: FloatArray) -> FloatArray:
        """Return faces (N, 2 K) with their missing coordinates at the expected positions."""
        filled = flat.copy()
        for rows, known in _patterns(np.isfinite(flat)):
            gain = np.linalg.solve(self.covariance[np.ix_(known, known)], self.covariance[np.ix_(known, ~known)])
            filled[np.ix_(rows, ~known)] = self.mean[~known] + (flat[np.ix_(rows, known)] - self.mean[known]) @ gain
        return filled

    def compare(self, shapes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each point's distance (N, K), standard deviations, from its expected position (N, K, 2)."""
        flat = shapes.reshape(len(shapes), -1)
        distances, places = np.zeros(shapes.shape[:2]), np.full(shapes.shape, np.nan)
        for rows, known in _patterns(np.isfinite(flat)):
            precision = np.linalg.inv(self.covariance[np.ix_(known, known)])
            pull = (flat[np.ix_(rows, known)] - self.mean[known]) @ precision
            for place, point in enumerate(np.flatnonzero(known[::2])):
                pair = slice(2 * place, 2 * place + 2)
                residual = np.linalg.solve(precision[pair, pair], pull[:, pair].T).T
                distances[rows, point] = np.sqrt((residual * pull[:, pair]).sum(1))
                places[rows, point] = shapes[rows, point] - residual
        return distances, places


def _patterns(known: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Return the different patterns (2 K,) of known coordinates, each with the rows that have it."""
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == k), pattern) for k, pattern in enumerate(patterns)]
