"""The boxes that an evaluation uses."""

from types import SimpleNamespace

import numpy as np
import pytest

from doubles import QUAD, SIZE, Fixed, FixedDetector, quad_faces
from nasion.errors import ConfigError, ImageError
from nasion.evaluation.box_modes import BOX_MODES, NoBoxError, box_function, describe_boxes
from nasion.predict.predictor import Predictor

IMAGE = np.zeros((*SIZE, 3), np.uint8)
FACE = quad_faces().annotations[2]
TRUE = [22.0, 20, 42, 50]
"""The box around the points of `FACE`, image px."""

FAR = [60.0, 10, 70, 20]


def predictor(*boxes, **crop):
    return Predictor(Fixed([9, 9], QUAD, **crop), FixedDetector(*boxes))


def test_modes():
    assert BOX_MODES == ("points", "image", "detector")


def test_points_are_the_box_around_the_true_points():
    assert np.array_equal(box_function("points", predictor())(FACE, IMAGE), TRUE)


@pytest.mark.parametrize("word", ["image", "picture"])
@pytest.mark.parametrize("trained_on", ["image", "points"])
def test_image_and_its_former_word_are_the_full_image(word, trained_on):
    assert box_function(word, predictor(box=trained_on))(FACE, IMAGE) is None


def test_detector_box_is_the_best_match():
    near, nearer = [20.0, 20, 40, 50], [21.0, 20, 41, 50]
    found = box_function("detector", predictor(FAR, near, nearer))(FACE, IMAGE)
    assert np.array_equal(found, nearer)


@pytest.mark.parametrize("boxes", [[], [FAR]])
def test_face_without_a_matching_detection_has_no_box(boxes):
    box_of = box_function("detector", predictor(*boxes))
    with pytest.raises(NoBoxError, match="no box overlaps this face"):
        box_of(FACE, IMAGE)


@pytest.mark.parametrize(("shift", "matches"), [(13.3, True), (13.4, False)])
def test_box_matches_from_an_iou_of_0_2(shift, matches):
    # boxes 20 px wide, shifted by s px, have an IoU of (20 - s) / (20 + s): 0.2 at s = 13.33
    box_of = box_function("detector", predictor([TRUE[0] + shift, TRUE[1], TRUE[2] + shift, TRUE[3]]))
    if matches:
        assert box_of(FACE, IMAGE)[0] == TRUE[0] + shift
    else:
        with pytest.raises(NoBoxError):
            box_of(FACE, IMAGE)


def test_table_box_is_the_best_match_of_the_image(tmp_path):
    rows = [FAR, [20.0, 20, 40, 50]]
    lines = [f"{FACE.image},{','.join(map(str, row))}" for row in rows]
    (tmp_path / "b.CSV").write_text("\n".join(["image,x0,y0,x1,y1", *lines, f"face1.png,{','.join(map(str, FAR))}"]))
    box_of = box_function(str(tmp_path / "b.CSV"), predictor())
    assert np.array_equal(box_of(FACE, IMAGE), rows[1])
    with pytest.raises(NoBoxError):
        box_of(quad_faces().annotations[1], IMAGE)
    with pytest.raises(ImageError, match="has no box for it"):
        box_of(quad_faces().annotations[0], IMAGE)


@pytest.mark.parametrize("boxes", ["guesses", "", "boxes.txt", "Points"])
def test_unknown_mode_is_rejected(boxes):
    with pytest.raises(ConfigError, match=f'no boxes "{boxes}"; choose points, image, detector or a CSV file'):
        box_function(boxes, predictor())


@pytest.mark.parametrize("boxes", ["points", "detector", "table.csv"])
def test_model_for_full_images_accepts_no_other_boxes(boxes):
    with pytest.raises(ConfigError, match="fixed was trained on full images; evaluate it with --boxes image"):
        box_function(boxes, predictor(box="image"))


@pytest.mark.parametrize(
    ("boxes", "text"),
    [
        ("points", "points"),
        ("image", "image"),
        ("picture", "image"),
        ("a.csv", "a.csv"),
        ("detector", "boxes of fixed detector"),
        (lambda _face, _image: None, "given boxes"),
    ],
)
def test_description_of_the_boxes(boxes, text):
    assert describe_boxes(boxes, predictor()) == text


def test_detector_is_loaded_only_if_it_is_used():
    class Lazy(SimpleNamespace):
        @property
        def detector(self):
            raise AssertionError("the detector must not be loaded")

    lazy = Lazy(backend=Fixed([9, 9], QUAD))
    assert np.array_equal(box_function("points", lazy)(FACE, IMAGE), TRUE)
    assert describe_boxes("points", lazy) == "points"
