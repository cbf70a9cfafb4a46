"""From an image to its keypoints and back, with networks whose answer is known."""

import copy
import pickle
import pydoc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image as PillowImage
from skimage import data

from doubles import BrightSpot, Fixed, FixedDetector, prediction
from nasion.detect import Detection
from nasion.errors import ConfigError, ImageError, ModelError
from nasion.geometry import box_around
from nasion.images import write
from nasion.predict.backends.backend import relative_spread
from nasion.predict.predictor import BATCH, Predictor
from nasion.skeleton import load_skeleton

IMAGE = np.zeros((480, 640, 3), np.uint8)
PLACES = np.random.default_rng(0).uniform(8, 40, (58, 2))
"""Keypoints that fill a crop, crop px."""


def spot(x, y):
    image = np.zeros((480, 640, 3), np.uint8)
    image[y - 8 : y + 9, x - 8 : x + 9] = 255
    return image


class Forbidden:
    """A detector that must not run."""

    name = "forbidden"

    def __call__(self, image):
        raise AssertionError("the detector must not run")


def test_keypoints_and_spread_are_returned_in_image_px():
    # a crop of 64 x 48 px of a box of 320 x 240: 5 image px per crop px; its first pixel's center is 2 px inside
    backend = Fixed([0, 0], margin=1.0)
    backend.anisotropy = np.array([0.0, np.log(4.0)])
    (face,) = Predictor(backend)(IMAGE, [[99.5, 49.5, 419.5, 289.5]])
    assert_allclose(face.keypoints[7], [102, 52])
    assert_allclose(face.spread[7], 10)
    assert_allclose(face.ellipses[7], [20, 5, 45])
    assert_allclose(face.box, [99.5, 49.5, 419.5, 289.5])
    assert face.score == 1
    assert face.skeleton is backend.skeleton


def test_model_for_full_images_sees_the_full_image_without_a_detector():
    backend = Fixed([63, 47], channels=1, box="image")
    image = IMAGE.copy()
    image[:, 320:] = 255
    (face,) = Predictor(backend, Forbidden())(image)
    assert backend.seen[0].shape == (1, 48, 64, 1)
    assert backend.seen[0][0, :, :30].max() == 0
    assert backend.seen[0][0, :, 34:].min() == 255
    assert_allclose(face.keypoints[0], [639.5 - 5, 479.5 - 5])


@pytest.mark.parametrize(
    ("crop", "expected"),
    [({"box": "image"}, True), ({"full_image_share": 0.3}, True), ({"full_image_share": 0.0}, False)],
)
def test_full_image_is_used_if_the_model_was_trained_on_it(crop, expected):
    detector = FixedDetector()
    predictor = Predictor(Fixed([31.5, 23.5], **crop), detector)
    assert predictor.uses_full_image is expected
    assert len(predictor(IMAGE)) == expected
    assert detector.calls == (not expected)


def test_box_none_is_the_full_image():
    (face,) = Predictor(Fixed([31.5, 23.5]), Forbidden())(IMAGE, [None])
    assert_allclose(face.box, [-0.5, -0.5, 639.5, 479.5])
    assert_allclose(face.keypoints[3], [319.5, 239.5])
    assert face.score == 1


def test_refinement_crops_again_around_the_predicted_keypoints():
    rough = Predictor(BrightSpot([0, 0]))(spot(300, 200), [None])[0]
    fine = Predictor(BrightSpot([0, 0], refine=2))(spot(300, 200), [None])[0]
    assert np.ptp(fine.box[[0, 2]]) < np.ptp(rough.box[[0, 2]]) / 3
    center = (fine.keypoints - BrightSpot.offsets * np.ptp(fine.box[[0, 2]]) / 64).mean(0)
    assert_allclose(center, [300, 200], atol=0.5)


@pytest.mark.parametrize(("refine", "passes", "calls"), [(0, None, 1), (2, None, 3), (2, 1, 1), (0, 4, 4), (3, 2, 2)])
def test_network_runs_once_per_pass(refine, passes, calls):
    backend = Fixed(PLACES, refine=refine)
    Predictor(backend).predict_boxes([IMAGE], [None], passes)
    assert len(backend.seen) == calls


def test_refined_box_has_margin_and_aspect():
    backend = Fixed(PLACES, margin=1.5)
    first = Predictor(backend).predict_boxes([IMAGE], [None])[0]
    second = Predictor(backend).predict_boxes([IMAGE], [None], passes=2)[0]
    around = box_around(first.keypoints)
    sides = around[2:] - around[:2]
    half_width = max(1.5 * sides[0], 1.5 * sides[1] * 64 / 48) / 2
    center = (around[:2] + around[2:]) / 2
    half = np.array([half_width, half_width * 48 / 64])
    assert_allclose(second.box, [*(center - half), *(center + half)])


@pytest.mark.parametrize(("spread", "passes"), [(10, 1), (30, 1), (40, 2), (50, 2)])
def test_keypoints_in_a_small_part_of_a_given_box_end_the_passes(spread, passes):
    places = [[0, 0], [spread, spread * 3 / 4]]
    backend = Fixed(np.resize(places, (58, 2)), margin=1.0)
    Predictor(backend).predict_boxes([IMAGE], [[100, 100, 164, 148]], passes=2)
    assert len(backend.seen) == passes


def test_another_pass_is_made_only_where_the_crop_would_move():
    still, moved = [0.0, 0.0, 63.0, 47.0], [0.0, 0.0, 200.0, 150.0]
    corners = np.linspace([0, 0], [63, 47], 58)  # the box around them is nearly that of the whole crop
    backend = Fixed(corners, margin=1.0)
    Predictor(backend).predict_boxes([IMAGE, IMAGE], [still, moved], passes=2)
    assert [len(crops) for crops in backend.seen] == [2]
    backend = Fixed(corners * 0.9, margin=1.0)
    Predictor(backend).predict_boxes([IMAGE, IMAGE], [still, moved], passes=2)
    assert [len(crops) for crops in backend.seen] == [2, 2]


@pytest.mark.parametrize("place", [[9, 9], np.linspace([5, 7], [50, 7], 58)])
def test_keypoints_without_extent_keep_their_box(place):
    faces = [Predictor(Fixed(place)).predict_boxes([IMAGE], [[50, 50, 90, 99]], passes)[0] for passes in (1, 3)]
    assert_allclose(faces[0].box, faces[1].box)
    assert_allclose(faces[0].keypoints, faces[1].keypoints)


def test_batch_equals_single_images():
    predictor = Predictor(BrightSpot([0, 0], refine=1))
    images = [spot(100 + 30 * k, 200) for k in range(5)]
    together = predictor.batch(images, [[None], [None, [0, 60, 280, 270]], [], [None], [None]])
    assert [len(faces) for faces in together] == [1, 2, 0, 1, 1]
    for image, faces in zip(images, together, strict=True):
        if faces:
            assert_allclose(predictor(image, [None])[0].keypoints, faces[0].keypoints)
    assert_allclose(together[1][1].keypoints, predictor(images[1], [[0, 60, 280, 270]])[0].keypoints)


def test_network_receives_at_most_one_batch_of_crops():
    backend = Fixed([3, 4])
    boxes = [[10 * k, 0, 10 * k + 9, 8] for k in range(2 * BATCH + 3)]
    faces = Predictor(backend)(IMAGE, boxes)
    assert [len(crops) for crops in backend.seen] == [BATCH, BATCH, 3]
    assert_allclose(np.diff([face.keypoints[0, 0] for face in faces]), 10)


def test_image_without_faces_does_not_reach_the_network():
    backend = Fixed([3, 4])
    assert Predictor(backend, FixedDetector()).batch([IMAGE, IMAGE]) == [[], []]
    assert Predictor(backend)(IMAGE, []) == []
    assert backend.seen == []


def test_faces_are_predicted_where_the_detector_finds_them():
    predictor = Predictor(Fixed(PLACES), FixedDetector([100, 100, 200, 200], [400, 100, 500, 200]))
    faces = predictor(IMAGE)
    assert_allclose([face.score for face in faces], [0.9, 0.8])
    assert_allclose(faces[1].keypoints - faces[0].keypoints, np.broadcast_to([300.0, 0], (58, 2)))
    assert [len(each) for each in predictor.batch([IMAGE, IMAGE[:300], IMAGE])] == [2, 2, 2]


def test_detections_that_the_network_rejects_are_dropped():
    class Uncertain(Fixed):
        def spread_of(self, crops):
            return np.where(np.arange(len(crops))[:, None] == 0, 30.0, 1.0) * np.ones((len(crops), 58))

    boxes = [100, 100, 200, 200], [400, 100, 500, 200]
    assert_allclose([face.score for face in Predictor(Uncertain(PLACES), FixedDetector(*boxes))(IMAGE)], [0.8])
    assert len(Predictor(Uncertain(PLACES))(IMAGE, boxes)) == 2  # boxes of the caller are never rejected


def test_model_without_uncertainty_rejects_nothing():
    backend = Fixed(PLACES)
    backend.spreads = np.full(58, np.nan)
    assert len(Predictor(backend, FixedDetector([100, 100, 200, 200]))(IMAGE)) == 1


def test_rejection_limit_itself_is_accepted():
    backend = Fixed(PLACES)
    box = [100, 100, 200, 200]
    (face,) = Predictor(backend)(IMAGE, [box])
    backend.max_relative_spread = relative_spread(face.spread, face.box)
    assert len(Predictor(backend, FixedDetector(box))(IMAGE)) == 1
    backend.max_relative_spread = np.nextafter(backend.max_relative_spread, 0)
    assert Predictor(backend, FixedDetector(box))(IMAGE) == []


@pytest.mark.parametrize(("shift", "scores"), [(0.0, [0.9]), (0.42, [0.9]), (0.44, [0.9, 0.8])])
def test_duplicate_faces_are_dropped_from_an_iou_of_0_4(shift, scores):
    # boxes shifted by the share s of their width have an IoU of (1 - s) / (1 + s): 0.4 at s = 3/7 = 0.4286
    backend = Fixed(PLACES)
    (face,) = Predictor(backend)(IMAGE, [[100, 100, 200, 200]])
    dx = shift * np.ptp(face.keypoints[:, 0])
    detector = FixedDetector([100, 100, 200, 200], [100 + dx, 100, 200 + dx, 200])
    assert_allclose([face.score for face in Predictor(backend, detector)(IMAGE)], scores)


def test_three_duplicates_are_one_face():
    detector = FixedDetector([100, 100, 200, 200], [104, 100, 204, 200], [300, 100, 400, 200], [98, 100, 198, 200])
    assert_allclose([face.score for face in Predictor(Fixed(PLACES), detector)(IMAGE)], [0.9, 0.7])


def test_the_better_one_of_two_duplicates_is_kept_in_any_order():
    boxes = np.array([[100.0, 100, 200, 200], [104, 100, 204, 200]])
    found = [Detection(boxes[0], 0.6), Detection(boxes[1], 0.7)]
    (face,) = Predictor(Fixed(PLACES), lambda _image: found)(IMAGE)
    assert face.score == 0.7


@pytest.mark.parametrize(("min_score", "count"), [(0.0, 2), (0.5, 2), (0.51, 1), (0.9, 1), (0.91, 0)])
def test_detections_below_min_score_are_dropped(min_score, count):
    found = [Detection(np.array([100.0, 100, 200, 200]), 0.9), Detection(np.array([300.0, 100, 400, 200]), 0.5)]
    predictor = Predictor(Fixed(PLACES), lambda _image: found, min_score=min_score)
    assert len(predictor(IMAGE)) == count


def test_min_score_does_not_apply_to_given_boxes():
    assert len(Predictor(Fixed(PLACES), min_score=1.0)(IMAGE, [[100, 100, 200, 200]])) == 1


@pytest.mark.parametrize(("limit_px", "missing"), [(0.9, 58), (4.0, 5), (6.0, 0)])
@pytest.mark.parametrize("boxes", [None, [[100, 100, 200, 200]]])
def test_uncertain_keypoints_become_nan(limit_px, missing, boxes):
    backend = Fixed(np.linspace([10, 10], [40, 30], 58))  # 30 x 20 crop px
    backend.spreads = np.where(np.arange(58) < 5, 5.0, 1.0)
    predictor = Predictor(backend, FixedDetector([100, 100, 200, 200]), max_spread=limit_px / np.sqrt(30 * 20))
    (face,) = predictor(IMAGE, boxes)
    assert np.isnan(face.keypoints).all(1).tolist() == [k < missing for k in range(58)]
    assert np.isfinite(face.spread).all()


def test_long_axis_of_the_ellipse_decides_about_uncertain_keypoints():
    backend = Fixed(np.linspace([10, 10], [40, 30], 58))
    backend.spreads = np.where(np.arange(58) < 5, 5.0, 1.0)
    backend.anisotropy = np.array([2 * np.log(1.5), 0.0])  # 5 px become 7.5 px along x
    (face,) = Predictor(backend, max_spread=6.0 / np.sqrt(30 * 20))(IMAGE, [[0, 0, 90, 90]])
    assert np.isnan(face.keypoints[:, 0]).sum() == 5


def test_uncertainty_at_the_limit_is_kept():
    face = prediction([[0, 0], [4, 9], [1, 1], [2, 2]], spread=[3.0, np.nextafter(3.0, 4), 2.0, np.nan])
    masked = Predictor(Fixed([0, 0]), max_spread=0.5).mask_uncertain(face)  # the size is the root of 4 * 9, 6 px
    assert np.isnan(masked.keypoints[:, 0]).tolist() == [False, True, False, False]
    assert_allclose(masked.keypoints[[0, 2, 3]], face.keypoints[[0, 2, 3]])


def test_size_of_a_single_keypoint_is_its_crop():
    face = prediction([[7, 7]], load_skeleton("nose-1"), spread=8.0, box=[0, 0, 16, 25])  # 20 px
    for limit, missing in ((0.39, True), (0.41, False)):
        masked = Predictor(Fixed([0, 0], "nose-1"), max_spread=limit).mask_uncertain(face)
        assert np.isnan(masked.keypoints).all() == missing


def test_without_a_limit_faces_are_unchanged():
    face = prediction([[0, 0], [4, 9], [1, 1], [2, 2]], spread=1e9)
    assert Predictor(Fixed([0, 0])).mask_uncertain(face) is face


def test_max_spread_needs_a_model_with_uncertainty():
    backend = Fixed(PLACES)
    backend.spreads = np.full(58, np.nan)
    with pytest.raises(ConfigError, match="fixed predicts no uncertainty"):
        Predictor(backend, max_spread=0.1)(IMAGE, [[0, 0, 90, 90]])


@pytest.mark.parametrize("box", [[0, 0, 0, 5], [0, 0, 5, np.nan], [1, 2, 3], [5, 5, 1, 1]])
def test_box_without_area_is_rejected(box):
    predictor = Predictor(Fixed([0, 0]))
    with pytest.raises(ConfigError, match="x0,y0,x1,y1"):
        predictor(IMAGE, [box])
    with pytest.raises(ConfigError, match="x0,y0,x1,y1"):
        predictor.predict_boxes([IMAGE], [box])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((9, 7), np.uint8),
        np.zeros((9, 7, 4), np.uint8),
        np.zeros((9, 7, 3)),
        np.zeros((9, 7, 3), np.int8),
        np.zeros((0, 9, 3), np.uint8),
        np.zeros((9, 0, 3), np.uint8),
        np.zeros((2, 9, 7, 3), np.uint8),
        7,
        None,
    ],
)
def test_non_image_is_rejected(image):
    predictor = Predictor(Fixed([0, 0]))
    with pytest.raises(ImageError, match=r"\(H, W, 3\) of uint8"):
        predictor(image, [None])
    with pytest.raises(ImageError, match=r"\(H, W, 3\) of uint8"):
        predictor.batch([IMAGE, image], [[None], [None]])


def test_number_of_boxes_must_match_the_number_of_images():
    with pytest.raises(ValueError, match="zip"):
        Predictor(Fixed([0, 0])).predict_boxes([IMAGE, IMAGE], [None])


def test_unknown_model_is_rejected():
    with pytest.raises(ModelError, match='no model "nowhere"'):
        Predictor("nowhere")


def test_model_name_is_loaded_and_backend_is_used_as_it_is():
    backend = Fixed([0, 0])
    assert Predictor(backend).backend is backend
    assert Predictor(backend).skeleton is backend.skeleton
    assert Predictor("tiny").backend.name == "tiny"
    assert Predictor().backend.name == "default"


def test_detector_is_loaded_once_and_on_first_use():
    notices = []
    predictor = Predictor(Fixed([0, 0]), notice=notices.append)
    assert notices == []
    first = predictor.detector
    assert first.name == "nasion's detector"  # tests have no connection
    assert predictor.detector is first
    assert len(notices) == 1
    given = FixedDetector()
    assert Predictor(Fixed([0, 0]), given).detector is given


def test_notice_is_a_warning_by_default():
    predictor = Predictor(Fixed([0, 0]))
    with pytest.warns(UserWarning, match="nasion's detector"):
        assert predictor.detector


def test_model_in_the_package_predicts_the_same_in_a_batch():
    from skimage import data

    astronaut = data.astronaut()
    images = [astronaut, astronaut[:300, 100:400], np.ascontiguousarray(astronaut[:, ::-1])]
    boxes = [[[176, 95, 275, 180]], [[76, 95, 175, 180], [60, 80, 190, 190]], [[236, 95, 335, 180]]]
    predictor = Predictor()
    together = predictor.batch(images, boxes)
    assert [len(faces) for faces in together] == [1, 2, 1]
    for image, given, faces in zip(images, boxes, together, strict=True):
        for alone, among in zip(predictor(image, given), faces, strict=True):
            assert_allclose(alone.keypoints, among.keypoints, atol=1e-3)
            assert_allclose(alone.spread, among.spread, atol=1e-3)
    shifted = together[1][0].keypoints + np.array([100, 0])
    assert np.linalg.norm(shifted - together[0][0].keypoints, axis=1).mean() < 0.5


@pytest.mark.parametrize("name", ["yunet", "packaged_detector"])
def test_eight_threads_predict_what_one_predicts(name, request):
    detector = request.getfixturevalue(name)
    predictor = Predictor("tiny", detector)
    astronaut = data.astronaut()
    sizes = [512, 480, 400, 330, 512, 301, 260, 500]
    images = [np.ascontiguousarray(astronaut[:side, 60 : 60 + side]) for side in sizes] * 3
    alone = [predictor(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(predictor, images))
    assert [len(faces) for faces in alone] == [len(faces) for faces in together]
    assert sum(map(len, alone)) >= len(images) // 2
    for faces, others in zip(alone, together, strict=True):
        for face, other in zip(faces, others, strict=True):
            assert np.array_equal(face.keypoints, other.keypoints)
            assert face.score == other.score


def test_path_is_read(tmp_path):
    write(tmp_path / "a.png", IMAGE)
    for path in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert_allclose(
            Predictor(Fixed([3, 4]))(path, [None])[0].keypoints, Predictor(Fixed([3, 4]))(IMAGE, [None])[0].keypoints
        )
        assert len(Predictor(Fixed([3, 4])).batch([path, IMAGE], [[None], [None]])) == 2
    with pytest.raises(ImageError, match="no such image"):
        Predictor(Fixed([3, 4]))(tmp_path / "none.png")


def test_detector_may_be_a_path(yunet_file):
    astronaut = data.astronaut()
    for path in (yunet_file, str(yunet_file)):
        assert len(Predictor("tiny", path)(astronaut)) == 1
    with pytest.raises(ModelError, match=r"none\.onnx"):
        Predictor("tiny", "none.onnx")


@pytest.mark.parametrize("copied", [lambda each: pickle.loads(pickle.dumps(each)), copy.deepcopy])
@pytest.mark.parametrize("name", ["yunet", "packaged_detector"])
def test_copy_predicts_the_same(request, name, copied):
    predictor = Predictor("tiny", request.getfixturevalue(name), min_score=0.2, max_spread=0.3)
    twin = copied(predictor)
    assert (twin.min_score, twin.max_spread, twin.backend.name) == (0.2, 0.3, "tiny")
    for face, other in zip(predictor(data.astronaut()), twin(data.astronaut()), strict=True):
        assert np.array_equal(face.keypoints, other.keypoints, equal_nan=True)


def test_pickled_predictor_holds_names_and_paths_instead_of_networks(yunet_file, monkeypatch, tmp_path):
    content = pickle.dumps(Predictor("tiny"))
    assert len(content) < 1000
    assert b"weights" not in content  # a packaged model is found by its name, wherever the package is
    monkeypatch.chdir(yunet_file.parent)
    content = pickle.dumps(Predictor("tiny", yunet_file.name))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(content).detector.name == "YuNet"


def test_shallow_copy_shares_the_network_and_keeps_its_own_limits(yunet):
    predictor = Predictor("tiny", yunet, max_spread=0.1)
    twin = copy.copy(predictor)
    twin.max_spread = None
    assert twin.backend is predictor.backend
    assert twin.detector is yunet
    assert predictor.max_spread == 0.1


def test_unknown_device_is_rejected():
    with pytest.raises(ConfigError, match='unknown device "gpu"; '):
        Predictor("tiny", device="gpu")
    assert Predictor("tiny", device="auto").backend.device == "cpu"


@pytest.mark.parametrize("box", [[700, 100, 800, 200], [-90, 10, -0.5, 40], [5, 480, 20, 500]])
def test_box_outside_the_image_is_rejected(box):
    with pytest.raises(
        ImageError, match=rf"^the box \[{box[0]}.* lies outside the image of {IMAGE.shape[1]} x {IMAGE.shape[0]} px$"
    ):
        Predictor(Fixed([3, 4]))(IMAGE, [[1, 1, 9, 9], box])


def test_box_that_reaches_beyond_the_image_is_used():
    assert len(Predictor(Fixed([3, 4]))(IMAGE, [[-20, -20, 10, 10]])) == 1


def test_mistakes_with_images_name_the_remedy():
    predictor = Predictor(Fixed(PLACES))
    for image, remedy in (
        (
            PillowImage.new("RGB", (9, 7)),
            r'not PIL\.Image\.Image; convert it with numpy\.asarray\(image\.convert\("RGB"\)\)',
        ),
        ([IMAGE, IMAGE], r"not a list; for several images, use predictor\.batch\(images\)"),
        (None, "not builtins.NoneType"),
        (IMAGE / 255, r"not \(480, 640, 3\) of float64"),
    ):
        with pytest.raises(ImageError, match=remedy):
            predictor(image)


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], np.array([1.0, 2, 3, 4]), (5,)])
def test_one_box_is_not_a_list_of_boxes(boxes):
    with pytest.raises(ConfigError, match=r"boxes is a list of boxes, such as \[\[200, 120, 440, 400\]\]"):
        Predictor(Fixed(PLACES))(IMAGE, boxes)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"min_score": 3}, "min_score is a score from 0 to 1, not 3"),
        ({"min_score": np.nan}, "min_score is a score"),
        ({"max_spread": 0}, "max_spread is a share"),
        ({"max_spread": np.inf}, "max_spread is a share"),
    ],
)
def test_limits_are_checked(limits, message):
    with pytest.raises(ConfigError, match=message):
        Predictor(Fixed(PLACES), **limits)


def test_repr_states_model_points_device_and_limits():
    assert repr(Predictor("tiny", device="cpu")) == "<Predictor: tiny, 68 points of ibug-68, on cpu>"
    limited = repr(Predictor("tiny", min_score=0.5, max_spread=0.05))
    assert limited.endswith("on cpu, min_score 0.5, max_spread 0.05>")


def test_help_shows_short_types():
    text = pydoc.render_doc(Predictor, renderer=pydoc.plaintext)
    assert "boxes: 'Sequence[ArrayLike | None] | None' = None" in text
    assert "_SupportsArray" not in text
