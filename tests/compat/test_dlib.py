"""The detector, the shape predictor and face chips of dlib."""

import numpy as np
import pytest

from nasion import images
from nasion.compat import dlib
from nasion.errors import ConfigError, ImageError


def array_of(face):
    return np.array([(part.x, part.y) for part in face.parts()])


def test_points_are_rounded_only_in_dlibs_form(found, photo):
    (box,) = dlib.get_frontal_face_detector()(photo, 1)
    face = dlib.shape_predictor()(photo, box)
    exact = face.prediction.keypoints
    assert (array_of(face) == np.rint(exact)).all()
    assert (exact % 1).any()
    assert np.isfinite(face.prediction.spread).all()


def test_box_need_not_be_precise(found, photo):
    (box,) = dlib.get_frontal_face_detector()(photo)
    predictor = dlib.shape_predictor()
    shifted = dlib.rectangle(box.left() + 12, box.top() - 8, box.right() + 12, box.bottom() - 8)
    assert np.abs(array_of(predictor(photo, box)) - array_of(predictor(photo, shifted))).mean() < 1.5


def test_gray_images(found, photo):
    gray = photo[..., 1]
    (box,) = dlib.get_frontal_face_detector()(gray)
    colored = array_of(dlib.shape_predictor()(photo, box))
    assert np.abs(array_of(dlib.shape_predictor()(gray, box)) - colored).mean() < 2


def test_threshold_drops_faces(found, photo):
    detector = dlib.get_frontal_face_detector()
    assert len(detector.run(photo, 0, 0.5)[0]) == 1
    assert detector.run(photo, 0, 0.95) == ([], [], [])


def test_without_a_face(no_face, photo):
    boxes = dlib.get_frontal_face_detector()(photo)
    assert (list(boxes), type(boxes)) == ([], dlib.rectangles)


def test_model_files_are_not_read_with_one_warning(found, tmp_path):
    with pytest.warns(UserWarning, match=r"^nasion predicts with its own model and does not read m\.dat$") as caught:
        dlib.shape_predictor(str(tmp_path / "m.dat"))
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_five_points_are_those_of_dlib(found, photo):
    (box,) = dlib.get_frontal_face_detector()(photo)
    with pytest.warns(UserWarning, match="does not read"):
        five = dlib.shape_predictor("shape_predictor_5_face_landmarks.dat")(photo, box)
    assert five.num_parts == 5
    assert (array_of(five) == array_of(dlib.shape_predictor()(photo, box))[[45, 42, 36, 39, 33]]).all()


def test_chips(found, photo):
    (box,) = dlib.get_frontal_face_detector()(photo)
    face = dlib.shape_predictor()(photo, box)
    chip = dlib.get_face_chip(photo, face, size=200)
    assert (chip.shape, chip.dtype) == ((200, 200, 3), np.uint8)
    by_hand = dlib.full_object_detection(box, face.parts())
    assert np.abs(dlib.get_face_chip(photo, by_hand, 200).astype(int) - chip).mean() < 3
    assert dlib.get_face_chip(photo[..., 0], face).shape == (150, 150)
    wide, tight = (dlib.get_face_chip(photo, face, 200, padding) for padding in (0.6, 0.1))
    inner = images.warp(wide, images.Affine.crop(_inner(200, 0.6, 0.1), (200, 200)), (200, 200))
    assert np.abs(inner.astype(int) - tight).mean() < 8
    assert [each.shape for each in dlib.get_face_chips(photo, [face, face], 64)] == [(64, 64, 3)] * 2


def _inner(size, wide, tight):
    """Return the part of a chip with a wide border that a chip with a tight one shows, px."""
    border = size * (wide - tight) / (1 + 2 * wide)
    return [border - 0.5, border - 0.5, size - border - 0.5, size - border - 0.5]


def test_chip_of_a_face_with_few_parts(photo):
    face = dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), [dlib.point(1, 2)] * 5)
    with pytest.raises(ConfigError, match="a face chip needs a face with 68 parts, not 5"):
        dlib.get_face_chip(photo, face)


def test_files(photo, file, tmp_path):
    assert (dlib.load_rgb_image(str(file)) == photo).all()
    gray = dlib.load_grayscale_image(str(file))
    assert gray.shape == (512, 512)
    dlib.save_image(gray, str(tmp_path / "gray.png"))
    assert (images.read(tmp_path / "gray.png")[..., 0] == gray).all()
    with pytest.raises(ImageError, match="no such image"):
        dlib.load_rgb_image("nowhere.jpg")


def test_bad_arguments_are_one_line(found, photo):
    predictor = dlib.shape_predictor()
    with pytest.raises(ImageError, match="an image is gray"):
        predictor(None, dlib.rectangle(0, 0, 9, 9))
    with pytest.raises(ImageError, match="outside the image"):
        predictor(photo, dlib.rectangle(900, 900, 990, 990))
    with pytest.raises(ConfigError):
        predictor(photo, dlib.rectangle())
