"""face_recognition's functions for faces and their points."""

import numpy as np
import pytest

from doubles import FixedDetector
from nasion import Predictor, compat
from nasion.compat import face_recognition
from nasion.errors import ConfigError, ImageError


def test_locations_are_top_right_bottom_left(found, photo):
    (location,) = face_recognition.face_locations(photo)
    assert location == pytest.approx((76, 274, 173, 177), abs=2)
    assert all(type(value) is int for value in location)
    assert face_recognition.batch_face_locations([photo, photo]) == [[location]] * 2


def test_locations_lie_within_the_image(found, photo):
    compat.use(Predictor(found.backend, FixedDetector((0, 0, 92, 90))))
    face = np.ascontiguousarray(photo[88:178, 180:272])
    ((top, right, bottom, left),) = face_recognition.face_locations(face)
    assert (top, left) == (0, 0)
    assert right <= 92
    assert bottom <= 90


def test_given_locations_are_used(found, photo):
    locations = face_recognition.face_locations(photo)
    calls = found.detector.calls
    given = face_recognition.face_landmarks(photo, locations)
    assert found.detector.calls == calls
    assert given == face_recognition.face_landmarks(photo)
    assert len(face_recognition.face_landmarks(photo, locations * 2)) == 2


def test_parts_of_known_points():
    points = [(k, 0) for k in range(68)]
    (face,) = face_recognition.face_landmarks(landmark_points=[points])
    indices = {name: [x for x, _ in part] for name, part in face.items()}
    assert indices["nose_tip"] == [31, 32, 33, 34, 35]
    assert indices["top_lip"] == [*range(48, 55), 64, 63, 62, 61, 60]
    assert indices["bottom_lip"] == [*range(54, 60), 48, 60, 67, 66, 65, 64]
    (small,) = face_recognition.face_landmarks(landmark_points=[points[:5]], model="small")
    assert small == {"nose_tip": [(4, 0)], "left_eye": [(2, 0), (3, 0)], "right_eye": [(0, 0), (1, 0)]}


def test_without_a_face(no_face, photo):
    assert face_recognition.face_landmarks(photo) == []
    assert face_recognition.face_locations(photo) == []


def test_files(photo, file):
    assert (face_recognition.load_image_file(str(file)) == photo).all()
    with file.open("rb") as opened:
        assert face_recognition.load_image_file(opened, mode="L").shape == (512, 512)
    with pytest.raises(ImageError, match="no such image"):
        face_recognition.load_image_file("nowhere.jpg")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda photo: face_recognition.face_landmarks(photo, model="huge"), 'the model is "large" or "small", not'),
        (lambda _photo: face_recognition.face_landmarks(), "needs an image, or landmark_points"),
        (lambda _photo: face_recognition.load_image_file("a.jpg", mode="CMYK"), 'the mode of an image is "RGB" or "L"'),
    ],
)
def test_bad_arguments_are_one_line(photo, call, words):
    with pytest.raises(ConfigError, match=words):
        call(photo)
