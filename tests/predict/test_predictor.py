"""The way from a picture to its points and back, with networks whose answer is known."""

import numpy as np
import pytest

from nasion.datasets import load
from nasion.detect import Detection
from nasion.errors import ConfigError, ImageError, ModelError, SkeletonError
from nasion.evaluation.evaluation import evaluate
from nasion.predict.crop import CropConfig
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton


class Fixed:
    """Answers the same place of every crop, and remembers what it was shown."""

    def __init__(self, place, skeleton="imm-58", **crop):
        self.name, self.validation_share, self.max_relative_spread = "fixed", 0.0, 0.1
        self.skeleton = load_skeleton(skeleton)
        self.crop = CropConfig(**{"height": 48, "width": 64, **crop})
        self.place, self.seen, self.spreads = np.asarray(place, float), [], np.full(self.skeleton.count, 2.0)
        self.anisotropy = np.zeros(2)

    def __call__(self, crops):
        self.seen.append(crops)
        points = np.broadcast_to(self.place, (len(crops), self.skeleton.count, 2))
        return points.copy(), np.tile(self.spreads, (len(crops), 1)), np.broadcast_to(self.anisotropy, points.shape)


class BrightSpot(Fixed):
    """Finds the centroid of what is bright; its points lie around it like a small face."""

    offsets = np.random.default_rng(0).uniform(-6, 6, (58, 2))

    def __call__(self, crops):
        weight = np.where(crops[..., 0] > 128, 1.0, 0.0)
        y, x = np.mgrid[: crops.shape[1], : crops.shape[2]]
        total = weight.sum((1, 2))
        center = np.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], -1) / total[:, None]
        return center[:, None] + self.offsets, np.ones((len(crops), 58)), np.zeros((len(crops), 58, 2))


def test_points_and_spread_come_back_in_image_px():
    # a crop of 64 x 48 px of a box of 320 x 240: 5 image px a crop px; its first pixel's center is 2 px inside
    backend = Fixed([0, 0], margin=1.0)
    backend.anisotropy = np.array([0.0, np.log(4.0)])
    (face,) = Predictor(backend)(np.zeros((480, 640, 3), np.uint8), [[99.5, 49.5, 419.5, 289.5]])
    assert face.keypoints[7] == pytest.approx([102, 52])
    assert face.spread[7] == pytest.approx(10)
    assert face.ellipses[7] == pytest.approx([20, 5, 45])
    assert face.box == pytest.approx([99.5, 49.5, 419.5, 289.5])


def test_without_a_box_the_whole_picture_is_seen():
    backend = Fixed([63, 47], channels=1, box="picture")
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 320:] = 255
    (face,) = Predictor(backend)(image)
    assert backend.seen[0].shape == (1, 48, 64, 1)
    assert backend.seen[0][0, :, :30].max() == 0
    assert backend.seen[0][0, :, 34:].min() == 255
    assert face.keypoints[0] == pytest.approx([639.5 - 5, 479.5 - 5])


def spot(x, y):
    image = np.zeros((480, 640, 3), np.uint8)
    image[y - 8 : y + 9, x - 8 : x + 9] = 255
    return image


def test_refining_cuts_again_around_the_points_found():
    rough = Predictor(BrightSpot([0, 0]))(spot(300, 200), [None])[0]
    fine = Predictor(BrightSpot([0, 0], refine=2))(spot(300, 200), [None])[0]
    assert np.ptp(fine.box[[0, 2]]) < np.ptp(rough.box[[0, 2]]) / 3
    center = (fine.keypoints - BrightSpot.offsets * np.ptp(fine.box[[0, 2]]) / 64).mean(0)
    assert center == pytest.approx([300, 200], abs=0.5)


def test_the_same_alone_as_among_others():
    predictor = Predictor(BrightSpot([0, 0], refine=1))
    pictures = [spot(100 + 30 * k, 200) for k in range(5)]
    together = predictor.batch(pictures, [[None]] * 5)
    for picture, (face,) in zip(pictures, together, strict=True):
        assert predictor(picture, [None])[0].keypoints == pytest.approx(face.keypoints)


class Shows:
    """A detector that shows the same boxes in every picture."""

    name = "shows"

    def __init__(self, *boxes):
        self.boxes = boxes

    def __call__(self, image):
        return [Detection(np.array(box, float), 0.9 - 0.1 * k) for k, box in enumerate(self.boxes)]


def shape(spread):
    """A backend whose points fill the crop and whose spread is `spread` crop px."""
    backend = Fixed(np.random.default_rng(0).uniform(8, 40, (58, 2)), margin=1.0)
    call = backend.__class__.__call__
    backend_type = type(
        "Shaped",
        (Fixed,),
        {"__call__": lambda self, crops: (call(self, crops)[0], spread(crops), call(self, crops)[2])},
    )
    backend.__class__ = backend_type
    return backend


IMAGE = np.zeros((480, 640, 3), np.uint8)


def test_faces_are_where_the_detector_points():
    backend = shape(lambda crops: np.ones((len(crops), 58)))
    faces = Predictor(backend, Shows([100, 100, 200, 200], [400, 100, 500, 200]))(IMAGE)
    assert [face.score for face in faces] == pytest.approx([0.9, 0.8])
    assert faces[1].keypoints - faces[0].keypoints == pytest.approx(np.broadcast_to([300.0, 0], (58, 2)))
    assert Predictor(backend, Shows())(IMAGE) == []
    many = Predictor(backend, Shows([100, 100, 200, 200])).batch([IMAGE, IMAGE[:300], IMAGE])
    assert [len(each) for each in many] == [1, 1, 1]


def test_what_the_network_doubts_is_no_face():
    def doubtful(crops):
        return np.where(np.arange(len(crops))[:, None] == 0, 30.0, 1.0) * np.ones((len(crops), 58))

    faces = Predictor(shape(doubtful), Shows([100, 100, 200, 200], [400, 100, 500, 200]))(IMAGE)
    assert [face.score for face in faces] == pytest.approx([0.8])
    unknown = shape(lambda crops: np.full((len(crops), 58), np.nan))
    assert len(Predictor(unknown, Shows([100, 100, 200, 200]))(IMAGE)) == 1
    given = Predictor(shape(doubtful))(IMAGE, [[100, 100, 200, 200]])
    assert len(given) == 1  # a box that a person gave is not doubted


def test_faces_and_points_that_are_too_unsure_are_left_out():
    backend = Fixed(np.linspace([10, 10], [40, 30], 58))
    picture = np.zeros((480, 640, 3), np.uint8)
    seen = [Detection(np.array([100.0, 100, 200, 200]), 0.9), Detection(np.array([300.0, 100, 400, 200]), 0.5)]
    assert len(Predictor(backend, lambda _image: seen)(picture)) == 2
    (sure,) = Predictor(backend, lambda _image: seen, min_score=0.6)(picture)
    assert sure.score == 0.9
    backend.spreads = np.where(np.arange(58) < 5, 5.0, 1.0)
    size = np.sqrt(30 * 20)
    for share, missing in ((0.9 / size, 58), (4.0 / size, 5), (6.0 / size, 0)):
        (face, _) = Predictor(backend, lambda _image: seen, max_spread=share)(picture)
        assert np.isnan(face.keypoints).all(1).sum() == missing
    assert np.isnan(Predictor(backend, max_spread=4.0 / size)(picture, [[0, 0, 90, 90]])[0].keypoints[:5]).all()
    backend.anisotropy = np.array([2 * np.log(1.5), 0.0])  # along x half as far again
    (face, _) = Predictor(backend, lambda _image: seen, max_spread=6.0 / size)(picture)
    assert np.isnan(face.keypoints).all(1).sum() == 5
    backend.spreads = np.full(58, np.nan)
    with pytest.raises(ConfigError, match="does not say how far"):
        Predictor(backend, max_spread=0.1)(picture, [[0, 0, 90, 90]])


def test_a_face_found_twice_is_one():
    backend = shape(lambda crops: np.ones((len(crops), 58)))
    faces = Predictor(backend, Shows([100, 100, 200, 200], [104, 100, 204, 200]))(IMAGE)
    assert [face.score for face in faces] == pytest.approx([0.9])


@pytest.mark.parametrize("box", [[0, 0, 0, 5], [0, 0, 5, np.nan], [1, 2, 3], [5, 5, 1, 1]])
def test_a_box_without_area_is_refused(box):
    with pytest.raises(ConfigError, match="x0,y0,x1,y1"):
        Predictor(Fixed([0, 0]))(np.zeros((9, 9, 3), np.uint8), [box])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3)),
        np.zeros((0, 9, 3), np.uint8),
        "a",
    ],
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(ImageError, match=r"\(H, W, 3\) of uint8"):
        Predictor(Fixed([0, 0]))(image, [None])


def test_no_model():
    with pytest.raises(ModelError, match="no model"):
        Predictor("nowhere")


def test_evaluation_by_hand(drawn):
    """A network that always answers the picture's middle is as far off as the points are from it."""
    measured = evaluate(Predictor(Fixed([31.5, 23.5], box="picture")), drawn, "picture")
    expected = np.linalg.norm(drawn.keypoints() - [319.5, 239.5], axis=-1)
    assert measured.errors == pytest.approx(expected)
    scores = measured.scores()
    assert scores["n"] == 24
    assert scores["error_px/mean"] == pytest.approx(expected.mean())
    lengths = [np.linalg.norm(k[13] - k[21]) for k in drawn.keypoints()]
    assert scores["nme/inter_ocular"] == pytest.approx(np.mean(expected.mean(1) / lengths))
    assert scores["failure_rate@0.08/inter_ocular"] == 1
    low, high = measured.intervals()["error_px/mean"]
    assert low < scores["error_px/mean"] < high
    assert measured.by_region()["nose"] == pytest.approx(expected[:, 47:].mean())
    assert measured.order()[-1] == np.argmax(expected.mean(1) / lengths)


def test_the_bias_is_what_does_not_average_out(drawn):
    from dataclasses import replace

    measured = evaluate(Predictor(Fixed([31.5, 23.5], box="picture")), drawn, "picture")
    assert measured.bias() == pytest.approx([319.5, 239.5] - drawn.keypoints().mean(0))
    missing = measured.true_keypoints.copy()
    missing[3, 7] = np.nan
    assert np.isfinite(replace(measured, true_keypoints=missing).bias()).all()


def test_a_part_of_a_face_keeps_the_faces_lengths(drawn):
    whole = evaluate(Predictor(Fixed([31.5, 23.5], box="picture")), drawn, "picture")
    nose = evaluate(Predictor(Fixed([31.5, 23.5], "nose-1", box="picture")), drawn, "picture")
    assert nose.lengths["inter_ocular"] == pytest.approx(whole.lengths["inter_ocular"])
    assert nose.errors[:, 0] == pytest.approx(whole.errors[:, 52])


def test_faces_that_cannot_be_measured_are_named_and_never_best(drawn):
    from dataclasses import replace

    eyeless, lone = drawn.annotations[0].keypoints.copy(), np.full((58, 2), np.nan)
    eyeless[13:29] = np.nan
    lone[3] = [300, 200]
    faces = [replace(a, keypoints=k) for a, k in zip(drawn.annotations, [eyeless, lone], strict=False)]
    some = drawn.subset([*faces, *drawn.annotations[2:]])
    whole = evaluate(Predictor(Fixed([31.5, 23.5], box="picture")), some, "picture")
    assert len(whole.faces) == 24
    assert whole.scores()["n/inter_ocular"] == 22
    assert 1 not in whole.order()
    assert len(whole.order()) == 23
    boxed = evaluate(Predictor(Fixed([31.5, 23.5])), some, "points")
    assert len(boxed.faces) == 23
    assert "no extent" in boxed.problems[0].reason


def test_what_does_not_fit_is_refused(drawn):
    with pytest.raises(SkeletonError, match="does not say where"):
        evaluate(Predictor(Fixed([0, 0], "ibug-68")), drawn)
    with pytest.raises(ConfigError, match="whole pictures"):
        evaluate(Predictor(Fixed([0, 0], box="picture")), drawn, "points")
    with pytest.raises(ConfigError, match="points, picture, detector or a CSV file"):
        evaluate(Predictor(Fixed([0, 0])), load("synthetic:1"), "guesses")


def test_boxes_of_a_detector_and_faces_that_it_loses(drawn):
    faces = drawn.subset(drawn.annotations[:3])
    boxes = [faces.annotations[0].points_box()]
    far = np.array([0.0, 0, 20, 20])
    queue = iter([[far, boxes[0]], [far], []])

    class Finds:
        name = "finds"

        def __call__(self, image):
            return [Detection(box, 0.9) for box in next(queue)]

    measured = evaluate(Predictor(Fixed([31.5, 23.5], margin=1.0), Finds()), faces, "detector")
    assert [face.name for face in measured.faces] == [faces.annotations[0].name]
    assert len(measured.lost) == 2
    assert measured.scores()["n/lost"] == 2
    assert measured.pred_keypoints[0, 0] == pytest.approx(boxes[0].reshape(2, 2).mean(0))


def test_boxes_of_a_table_and_of_a_function(drawn, tmp_path):
    faces = drawn.subset(drawn.annotations[:2])
    box = faces.annotations[0].points_box()
    table = "image,x0,y0,x1,y1\n" + f"{faces.annotations[0].image},{','.join(map(str, box))}\n"
    (tmp_path / "boxes.csv").write_text(table)
    measured = evaluate(Predictor(Fixed([31.5, 23.5])), faces, str(tmp_path / "boxes.csv"))
    assert len(measured.faces) == 1
    assert "has no box for it" in measured.problems[0].reason
    given = evaluate(Predictor(Fixed([31.5, 23.5])), faces, lambda face, _image: face.points_box() + 5)
    assert measured.pred_keypoints[0] + 5 == pytest.approx(given.pred_keypoints[0])


def test_the_error_against_moved_and_scaled_boxes(drawn):
    from nasion.evaluation.box_sensitivity import SCALES, SHIFTS, box_curve

    faces = drawn.subset(drawn.annotations[:3])
    curve = box_curve(Predictor(Fixed([31.5, 23.5])), faces)  # always answers the box's center
    assert (len(curve.shifted), len(curve.scaled)) == (len(SHIFTS), len(SCALES))
    assert curve.scaled == pytest.approx(np.full(5, curve.shifted[0]))
    sides = np.array([np.ptp(face.points_box().reshape(2, 2), axis=0) for face in faces.annotations])
    lengths = [face.normalizer_lengths()["inter_ocular"] for face in faces.annotations]
    assert curve.shifted[-1] - curve.shifted[0] < np.mean(0.2 * sides.max(1) / lengths)
    assert curve.shifted[-1] > curve.shifted[0]


def test_the_model_in_the_package_says_the_same_alone_as_in_a_batch():
    from skimage import data

    astronaut = data.astronaut()
    pictures = [astronaut, astronaut[:300, 100:400], np.ascontiguousarray(astronaut[:, ::-1])]
    boxes = [[[176, 95, 275, 180]], [[76, 95, 175, 180], [60, 80, 190, 190]], [[236, 95, 335, 180]]]
    predictor = Predictor()
    together = predictor.batch(pictures, boxes)
    assert [len(faces) for faces in together] == [1, 2, 1]
    for picture, given, faces in zip(pictures, boxes, together, strict=True):
        for alone, among in zip(predictor(picture, given), faces, strict=True):
            assert alone.keypoints == pytest.approx(among.keypoints, abs=1e-3)
            assert alone.spread == pytest.approx(among.spread, abs=1e-3)
    shifted = together[1][0].keypoints + np.array([100, 0])
    assert np.linalg.norm(shifted - together[0][0].keypoints, axis=1).mean() < 0.5
