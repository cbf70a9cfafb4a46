"""FaceAlignment: what its calls accept and return."""

import numpy as np
import pytest

from nasion.compat import face_alignment
from nasion.compat.face_alignment import FaceAlignment, LandmarksType
from nasion.errors import ConfigError


@pytest.fixture
def aligner(found):
    return FaceAlignment(LandmarksType.TWO_D, device="cpu", flip_input=False)


def test_points_of_every_face(aligner, photo, found):
    (points,) = aligner.get_landmarks(photo)
    assert (points.shape, points.dtype) == ((68, 2), np.float32)
    assert points == pytest.approx(found(photo)[0].keypoints, abs=1e-3)


def test_paths_gray_images_and_tensors(aligner, photo, file):
    torch = pytest.importorskip("torch")
    (points,) = aligner.get_landmarks(photo)
    for image in (str(file), file, torch.from_numpy(photo).float()):
        assert (aligner.get_landmarks_from_image(image)[0] == points).all()
    assert np.abs(aligner.get_landmarks(photo[..., 1])[0] - points).mean() < 2


def test_scores_and_boxes(aligner, photo):
    points, scores, boxes = aligner.get_landmarks(photo, return_bboxes=True, return_landmark_score=True)
    assert [len(each) for each in (points, scores, boxes)] == [1, 1, 1]
    assert (scores[0].shape, boxes[0].shape) == ((68,), (5,))
    assert ((scores[0] > 0.3) & (scores[0] <= 1)).all()
    x0, y0, x1, y1, score = boxes[0]
    assert score == pytest.approx(0.9)
    assert y0 < points[0][:, 1].min() - 10  # from the hairline
    assert x0 < x1
    assert y1 == pytest.approx(points[0][:, 1].max(), abs=5)
    assert aligner.get_landmarks(photo, return_bboxes=True)[1] is None
    assert aligner.get_landmarks(photo, return_landmark_score=True)[2] is None


def test_given_boxes_are_used_and_returned(aligner, found, photo):
    calls = found.detector.calls
    boxes = [[140, 60, 300, 200], np.array([175.0, 60, 275, 180, 0.5])]
    points, _, returned = aligner.get_landmarks_from_image(photo, detected_faces=boxes, return_bboxes=True)
    assert found.detector.calls == calls
    assert returned is boxes
    assert np.abs(points[0] - points[1]).mean() < 2


def test_without_a_face(no_face, photo):
    aligner = FaceAlignment(LandmarksType.TWO_D)
    with pytest.warns(UserWarning, match=r"^No faces were detected\.$") as caught:
        assert aligner.get_landmarks(photo) is None
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="No faces"):
        assert aligner.get_landmarks(photo, return_bboxes=True) == (None, None, None)
    assert aligner.get_landmarks_from_batch(photo.transpose(2, 0, 1)[None]) == [[]]


@pytest.mark.parametrize("wrap", [lambda batch: batch, lambda batch: pytest.importorskip("torch").from_numpy(batch)])
def test_batches(aligner, photo, wrap):
    batch = wrap(np.stack([photo.transpose(2, 0, 1)] * 2).astype(np.float32))
    (single,) = aligner.get_landmarks(photo)
    points = aligner.get_landmarks_from_batch(batch)
    assert [each.shape for each in points] == [(68, 2)] * 2
    assert (points[1] == single).all()
    points, scores, boxes = aligner.get_landmarks_from_batch(batch, return_bboxes=True, return_landmark_score=True)
    assert (len(points), scores[1][0].shape, boxes[1][0].shape) == (2, (68,), (5,))
    twice = aligner.get_landmarks_from_batch(batch, detected_faces=[[boxes[0][0]] * 2, [boxes[1][0]]])
    assert [each.shape for each in twice] == [(136, 2), (68, 2)]


def test_folders(aligner, file):
    (file.parent / "deep").mkdir()
    (file.parent / "deep" / "b.PNG").write_bytes(file.read_bytes())
    (file.parent / "notes.txt").write_text("no image")
    found = aligner.get_landmarks_from_directory(str(file.parent))
    assert set(found) == {str(file), str(file.parent / "deep" / "b.PNG")}
    assert found[str(file)][0].shape == (68, 2)
    assert set(aligner.get_landmarks_from_directory(file.parent, recursive=False)) == {str(file)}
    assert aligner.get_landmarks_from_directory(file.parent, extensions=[".jpg"]) == {}


def test_names_of_earlier_versions():
    assert LandmarksType._2D is LandmarksType.TWO_D
    assert [LandmarksType(k).name for k in (1, 2, 3)] == ["TWO_D", "TWO_HALF_D", "THREE_D"]
    assert int(face_alignment.NetworkSize.LARGE) == 4


@pytest.mark.parametrize("kind", [LandmarksType.TWO_HALF_D, LandmarksType.THREE_D, LandmarksType._3D])
def test_other_points_are_rejected(kind):
    with pytest.raises(ConfigError, match=r"predicts points in the image plane only; use LandmarksType\.TWO_D"):
        FaceAlignment(kind)
