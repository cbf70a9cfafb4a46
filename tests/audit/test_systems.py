"""Models as systems: boxes, rejection, and points that are mapped to those of the labels."""

from dataclasses import replace

import numpy as np
import pytest

from audit.perfect_system import drawn
from doubles import Fixed, quad_faces
from nasion.audit import ModelSystem, run_audit
from nasion.datasets.mapping import PointMapping
from nasion.errors import AnnotationError, ConfigError, SkeletonError
from nasion.predict.predictor import Predictor
from nasion.skeleton import from_table, load_skeleton

IBUG = load_skeleton("ibug-68")
FIVE = from_table(
    "five", {"count": 5, "regions": {"all": "0-4"}, "normalizers": {"inter_pupil": ["0", "1"]}, "flip": "1 0 2 4 3"}
)
MAPPING = PointMapping(FIVE, (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,)), "ibug-68")


def predictor(**options):
    places = np.random.default_rng(0).uniform([10, 8], [50, 40], (68, 2))
    return Predictor(Fixed(places, "ibug-68", **options))


def five_points(faces):
    """Return faces with 68 points as faces with five."""
    return replace(
        faces,
        skeleton=FIVE,
        annotations=tuple(
            replace(face, skeleton=FIVE, keypoints=MAPPING.mean(face.keypoints), visible=np.ones(5, bool))
            for face in faces.annotations
        ),
    )


def test_a_model_returns_the_predictions_of_its_predictor():
    faces = drawn(1)
    (face,) = faces.annotations
    image, box = faces.load(0).image, faces.annotations[0].points_box()
    system = ModelSystem(predictor())
    assert system.box(face).tolist() == box.tolist()
    first, second = system.find([image, image], box)
    (expected,) = predictor().predict_boxes([image], [box])
    assert (first.keypoints == expected.keypoints).all()
    assert (second.spread == expected.spread).all()
    assert not first.is_rejected


def test_rejection_is_that_of_the_predictor():
    image = np.zeros((90, 120, 3), np.uint8)
    model = predictor()
    model.backend.spreads = np.full(68, 30.0)
    (found,) = ModelSystem(model).find([image], np.array([10.0, 10, 90, 80]))
    assert found.is_rejected


def test_mapped_points_are_means_and_have_no_uncertainty():
    faces = five_points(drawn(1))
    system = ModelSystem(predictor(), MAPPING)
    (found,) = system.find([np.zeros((90, 120, 3), np.uint8)], np.array([10.0, 10, 90, 80]))
    assert found.keypoints[0] == pytest.approx(found.complete.keypoints[36:42].mean(0))
    assert found.keypoints[2] == pytest.approx(found.complete.keypoints[30])
    assert np.isnan(found.spread).all()
    audit = run_audit(system, faces, threads=1)
    assert audit.normalizer == "inter_pupil"
    assert not audit.known.any()
    assert np.isfinite(audit.nme).all()


def test_the_box_of_mapped_points_is_that_of_the_complete_face():
    faces = drawn(8)
    system = ModelSystem(predictor(), MAPPING)
    for face, five in zip(faces.annotations, five_points(faces).annotations, strict=True):
        true, found = face.points_box(), system.box(five)
        size = np.sqrt(np.prod(true[2:] - true[:2]))
        assert np.abs(found - true).max() < 0.35 * size
        assert np.prod(found[2:] - found[:2]) > 2 * np.prod(five.points_box()[2:] - five.points_box()[:2])


def test_points_in_one_place_have_no_box():
    (face,) = five_points(drawn(1)).annotations
    with pytest.raises(AnnotationError, match="too few, or in one place"):
        ModelSystem(predictor(), MAPPING).box(replace(face, keypoints=np.full((5, 2), 7.0)))


def test_unsuitable_models_mappings_and_data_are_errors():
    with pytest.raises(ConfigError, match="uses full images"):
        ModelSystem(predictor(box="image"))
    with pytest.raises(SkeletonError, match="the mapping is from wflw-98, not from ibug-68"):
        ModelSystem(predictor(), replace(MAPPING, origin="wflw-98"))
    with pytest.raises(SkeletonError, match="no points in three dimensions"):
        ModelSystem(Predictor(Fixed(np.zeros((58, 2)))), replace(MAPPING, origin=""))
    with pytest.raises(SkeletonError, match="the mapping is to five, but the data has the points of quad"):
        ModelSystem(predictor(), MAPPING).labeled(quad_faces(2))
    with pytest.raises(SkeletonError, match="cannot be taken from those of quad"):
        ModelSystem(predictor()).labeled(quad_faces(2))
