"""The main results of an evaluation, in up to three sentences: the typical face, the regions, and the worst faces."""

from collections import Counter
from pathlib import Path

import numpy as np

from nasion.evaluation import metrics
from nasion.evaluation.evaluation import THRESHOLD, Evaluation
from nasion.evaluation.format import in_words
from nasion.sample import Annotation

__all__ = ["shown_normalizer", "summarize"]

WORST = 8
"""Number of the worst faces whose people are counted."""

CHANCE = 0.1
"""Largest probability that the worst faces are of one person by chance, if that is stated."""

EXCESS = 1.5
"""Smallest share of the worst faces, relative to the share of all faces, from which a person is named."""

SAME_RATIO = 1.2
"""Largest ratio of the errors of two regions that are called similar."""

MANY_FACES = 20
"""Smallest number of faces of which a quantile is stated."""

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

SIDES = "left_", "right_"


def summarize(evaluation: Evaluation) -> list[str]:
    """Return sentences about the typical face, the regions and the worst faces; what is unknown is left out."""
    found = _typical(evaluation), _regions(evaluation), _worst(evaluation)
    return [sentence for sentence in found if sentence]


def shown_normalizer(evaluation: Evaluation) -> str | None:
    """Return the length that main scores are divided by: a distance between the eyes, or None if no face has one."""
    eyes = (name for name in evaluation.lengths if name.startswith("inter_"))
    return next((name for name in eyes if np.isfinite(evaluation.nme(name)).any()), None)


def _typical(evaluation: Evaluation) -> str:
    errors = metrics.finite(metrics.face_errors(evaluation.errors))
    if not len(errors):
        return ""
    if len(errors) == 1:
        return f"The error of the only face is {_px(errors[0])}."
    typical = f"The error of the median face is {_px(np.median(errors))}"
    if len(errors) < MANY_FACES:
        return f"{typical}; the largest is {_px(errors.max())}."
    return f"{typical}; nine of ten faces are below {_px(np.quantile(errors, 0.9))}."


def _regions(evaluation: Evaluation) -> str:
    """Return a comparison of the worst and the best region; both sides of the face count as one region."""
    errors = _pooled_regions(evaluation)
    if len(errors) < 2:
        return ""
    worst, best = max(errors, key=errors.__getitem__), min(errors, key=errors.__getitem__)
    if not errors[best] or errors[worst] / errors[best] < SAME_RATIO:
        return f"The regions are similar: {_px(errors[best])} ({best}) to {_px(errors[worst])} ({worst})."
    return (
        f"The error of the {worst} is {_times(errors[worst] / errors[best])} that of the {best} "
        f"({_px(errors[worst])} and {_px(errors[best])})."
    )


def _pooled_regions(evaluation: Evaluation) -> dict[str, float]:
    """Return each region's mean error, image px; "left_eye" and "right_eye" are the eyes."""
    regions = evaluation.faces[0].skeleton.regions
    parts: dict[str, list[int]] = {}
    for name, indices in regions.items():
        base = next((name.removeprefix(side) for side in SIDES if name.startswith(side)), name)
        is_pair = all(f"{side}{base}" in regions for side in SIDES)
        parts.setdefault(in_words(f"{base}s" if is_pair else name), []).extend(indices)
    errors = {name: metrics.mean(evaluation.errors[:, indices]) for name, indices in parts.items()}
    return {name: error for name, error in errors.items() if np.isfinite(error)}


def _worst(evaluation: Evaluation) -> str:
    """Return who has the worst faces if people are known and one stands out; otherwise the failures."""
    worst = [evaluation.faces[index] for index in evaluation.order()[::-1]]
    people = _people(evaluation)
    owners = [people.get(face.subject, "") for face in worst[:WORST]]
    shares = {name: share for name, share in _shares(evaluation, people).items() if name in owners and share < 1}
    for name, share in shares.items():
        streak = next((k for k, owner in enumerate(owners) if owner != name), len(owners))
        if streak > 1 and share ** (streak - 1) < CHANCE:
            return f"{name} has the {NUMBERS[streak]} worst faces."
        count = owners.count(name)
        if 2 * count >= len(owners) and count >= EXCESS * share * len(owners):
            return f"{name} has {NUMBERS[count]} of the {NUMBERS[len(owners)]} worst faces."
    return _failures(evaluation, worst)


def _shares(evaluation: Evaluation, people: dict[str, str]) -> dict[str, float]:
    """Return each person's share of all faces."""
    counts = Counter(people[face.subject] for face in evaluation.faces if face.subject in people)
    return {name: count / len(evaluation.faces) for name, count in counts.items()}


def _people(evaluation: Evaluation) -> dict[str, str]:
    """Return the name of each subject that is in several images: a person, not a photograph."""
    images: dict[str, set[Path]] = {}
    for face in evaluation.faces:
        images.setdefault(face.subject, set()).add(face.image)
    return {
        subject: f"Person {subject.lstrip('0') or subject}"
        for subject, paths in images.items()
        if subject and len(paths) > 1
    }


def _failures(evaluation: Evaluation, worst: list[Annotation]) -> str:
    normalizer = shown_normalizer(evaluation)
    if normalizer is None or not worst:
        return ""
    known = metrics.finite(evaluation.nme(normalizer))
    count = int((known > THRESHOLD).sum())
    verb = "is a failure" if count == 1 else "are failures"
    start = f"{count} of {len(known)} faces {verb}" if count else "No face is a failure"
    return f"{start} (NME above {100 * THRESHOLD:g} %); the worst is {worst[0].name}."


def _px(error: float) -> str:
    return f"{error:.1f} px"


def _times(ratio: float) -> str:
    """Return a ratio in words.

    >>> _times(2.04), _times(1.46)
    ('twice', '1.5 times')
    """
    text = f"{ratio:.1f}"
    return "twice" if text == "2.0" else f"{text} times"
