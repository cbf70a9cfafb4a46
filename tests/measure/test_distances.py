"""Distances, angles, ratios and symmetry: by hand, in three units, with errors that sampling confirms."""

from dataclasses import replace

import numpy as np
import pytest

from measure.measured_faces import HEAD, IBUG, face_of, projected
from nasion.errors import ConfigError, SkeletonError
from nasion.geometry import Affine
from nasion.measure.definitions import build_definitions
from nasion.measure.distances import asymmetry, measure_definitions
from nasion.skeleton import load_skeleton

DEFINED = build_definitions(
    {
        "distances": {"mouth": ["48", "54"], "eyes": ["right_eye", "left_eye"]},
        "angles": {"nose": ["36", "30", "45"]},
        "ratios": {"share": ["mouth", "eyes"]},
    },
    IBUG,
)
FACE = face_of(projected(0, 0, 10, 10.0), 1.2, (0.5, 0.2))


def by_name(face, known=None):
    return {(name, each.unit): each for name, each in measure_definitions(face, DEFINED, known)}


def test_values_by_hand():
    found = by_name(FACE, {"eyes": 63.0})
    mouth = float(np.linalg.norm(HEAD[48, :2] - HEAD[54, :2])) * 10
    pupils = float(np.linalg.norm(HEAD[36:42, :2].mean(0) - HEAD[42:48, :2].mean(0))) * 10
    outer = float(np.linalg.norm(HEAD[36, :2] - HEAD[45, :2])) * 10
    assert found["mouth", "px"].value == pytest.approx(mouth)
    assert found["mouth", "inter-ocular"].value == pytest.approx(mouth / outer)
    assert found["mouth", "mm"].value == pytest.approx(63 * mouth / pupils)
    assert (found["eyes", "mm"].value, found["eyes", "mm"].error) == (pytest.approx(63), 0)
    assert found["share", ""].value == pytest.approx(mouth / pupils)
    a, b = HEAD[36, :2] - HEAD[30, :2], HEAD[45, :2] - HEAD[30, :2]
    angle = np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    assert found["nose", "°"].value == pytest.approx(angle)


def test_errors_agree_with_sampling():
    from nasion.uncertainty import covariances

    rng, noise = np.random.default_rng(0), np.linalg.cholesky(covariances(FACE.spread, FACE.anisotropy))
    sampled = []
    for _ in range(600):
        moved = FACE.keypoints + (noise @ rng.normal(size=(68, 2, 1)))[..., 0]
        sampled.append([each.value for _, each in measure_definitions(replace(FACE, keypoints=moved), DEFINED)])
    errors = [each.error for _, each in measure_definitions(FACE, DEFINED)]
    assert errors == pytest.approx(np.std(sampled, axis=0), rel=0.12)


def test_missing_points_give_nan_where_they_are_needed():
    face = face_of(FACE.keypoints.copy(), 1.0)
    face.keypoints[48] = np.nan
    found = by_name(face)
    assert np.isnan([found["mouth", "px"].value, found["mouth", "px"].error, found["share", ""].value]).all()
    assert np.isfinite(found["eyes", "px"].value)
    together = face_of(np.full((68, 2), 5.0))
    assert np.isnan(by_name(together)["share", ""].value)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"nose": 3.0}, "is not a defined distance"),
        ({"eyes": 0.0}, "a positive number of mm"),
        ({"eyes": float("nan")}, "a positive number of mm"),
        ({"eyes": 63.0, "mouth": 50.0}, "one known length"),
    ],
)
def test_bad_known_lengths_are_rejected(known, words):
    with pytest.raises(ConfigError, match=words):
        measure_definitions(FACE, DEFINED, known)


def test_inter_ocular_distance_may_be_the_known_length():
    outer = float(np.linalg.norm(HEAD[36, :2] - HEAD[45, :2]))
    assert by_name(FACE, {"inter_ocular": 10 * outer})["mouth", "mm"].value == pytest.approx(
        by_name(FACE)["mouth", "px"].value
    )


def test_symmetric_faces_have_no_asymmetry_wherever_they_are():
    assert asymmetry(FACE).value == pytest.approx(0, abs=0.002)
    droop = HEAD.copy()
    droop[[54, 53, 64], 1] -= 0.8
    before = asymmetry(face_of(projected(0, 0, 10, head=droop)))
    moved = Affine.rotation(70, (9, 9))(projected(0, 0, 10, head=droop))
    assert before.value > 0.008
    assert asymmetry(face_of(moved)).value == pytest.approx(before.value)
    assert asymmetry(face_of(projected(30, 0, 0))).value > 0.05


def test_asymmetry_needs_a_flip_map_and_all_points():
    with pytest.raises(SkeletonError, match="symmetry cannot be measured"):
        asymmetry(face_of(np.zeros((1, 2)), skeleton=load_skeleton("nose-1")))
    face = face_of(FACE.keypoints.copy())
    face.keypoints[3] = np.nan
    assert np.isnan(asymmetry(face).value)
