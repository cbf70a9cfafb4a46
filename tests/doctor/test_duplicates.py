"""Duplicates, near-duplicates and leaks."""

import cv2
import numpy as np
import pytest

from doctor.faces import read
from nasion.doctor.duplicates import MAX_BITS, duplicate_groups, duplicates, hash_distances, leaks
from nasion.doctor.reading import face_hash
from nasion.geometry import Affine, box_around


def duplicated(faces):
    return duplicates(faces, duplicate_groups(faces))


def leaked(faces):
    return leaks(faces, duplicate_groups(faces))


def test_distances_between_hashes_count_different_bits():
    one = np.array([[True, True, False, False], [True, True, True, True]])
    other = np.array([[True, False, False, False], [False, False, True, True], [True, True, True, True]])
    assert hash_distances(one, other).tolist() == [[1, 4, 2], [3, 2, 0]]


@pytest.mark.parametrize("scale", [0.7, 1.4])
def test_a_compressed_and_scaled_copy_has_nearly_the_same_hash(drawn, scale):
    hashes, copies = [], []
    for face in drawn.annotations[:6]:
        image = drawn.open_image(face)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 50])
        copy = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
        to_copy = Affine.resize(image.shape[:2], small.shape[:2])
        hashes.append(face_hash(image, box_around(face.keypoints)))
        copies.append(face_hash(copy, box_around(to_copy(face.keypoints))))
    distances = hash_distances(np.stack(hashes), np.stack(copies))
    assert distances.diagonal().max() <= MAX_BITS
    assert distances[~np.eye(6, dtype=bool)].min() > 0


def test_a_box_outside_the_image_hashes_the_full_image(drawn):
    image = drawn.open_image(drawn.annotations[0])
    far = np.array([1000.0, 900.0, 1200.0, 1100.0])
    assert (face_hash(image, far) == face_hash(image, None)).all()


def test_files_with_nearly_the_same_hash_are_duplicates():
    bits = np.zeros(255, bool)
    near, far = bits.copy(), bits.copy()
    near[:MAX_BITS], far[: 3 * MAX_BITS] = True, True
    found = duplicated([read("a.png", "1", bits=bits), read("b.png", "2", bits=near), read("c.png", "3", bits=far)])
    assert found.verdict == "check"
    assert [str(each) for each in found.suspects] == ["b.png (same face as a.png, saved differently)"]


def test_groups_contain_all_copies_of_an_image():
    faces = [read(f"{name}.png", digest) for name, digest in zip("abcdef", "121321", strict=True)]
    assert duplicate_groups(faces) == [[0, 2, 5], [1, 4]]


def test_two_splits_of_one_file_are_a_leak():
    assert leaked([read("a.png", split="train"), read("a.png", split="test")]).text == "1 in two splits: image a.png"


def test_files_with_equal_pixels_are_duplicates():
    faces = [read("x/b.png", "1"), read("x/a.png", "1"), read("x/c.png", "2")]
    found = duplicated(faces)
    assert (found.verdict, found.text) == ("check", "1 image is in more than one file: a.png = b.png")
    assert [str(each) for each in found.suspects] == ["a.png (same pixels as b.png)"]
    assert duplicated(faces[1:]).verdict == "good"


def test_two_faces_of_one_image_are_not_duplicates():
    assert duplicated([read("a.png", "1"), read("a.png", "1")]).verdict == "good"


def test_a_subject_in_two_splits_is_a_leak():
    faces = [read("a.png", "1", subject="7", split="train"), read("b.png", "2", subject="7", split="test")]
    found = leaked(faces)
    assert (found.verdict, found.text) == ("wrong", "1 in two splits: subject 7")
    assert [each.face.name for each in found.suspects] == ["b.png"]


def test_an_image_in_two_splits_is_a_leak():
    faces = [read("a.png", "1", subject="1", split="train"), read("b.png", "1", subject="2", split="val")]
    assert leaked(faces).text == "1 in two splits: image a.png"


def test_faces_without_split_or_subject_are_not_leaks():
    faces = [
        read("a.png", "1", subject="1", split="train"),
        read("b.png", "2", subject="1", split=""),
        read("c.png", "3", split="train"),
        read("d.png", "4", split="test"),
    ]
    assert leaked(faces).verdict == "good"


def test_leaks_need_two_splits():
    faces = [read("a.png", "1", subject="1", split="train"), read("b.png", "1", subject="1")]
    assert leaked(faces).verdict == "unknown"
