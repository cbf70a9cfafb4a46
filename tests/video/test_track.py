"""Faces keep their numbers through moving, hidden, cut and crowded clips.

Clips made from a photograph by known motion run the packaged model; a scripted predictor pins the rules one by one.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.detect import Detection
from nasion.errors import ConfigError, ImageError
from nasion.geometry import Affine, box_around, box_center
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.sample import Prediction
from nasion.skeleton import load_skeleton
from nasion.video import FaceTracker, Frame, TrackedFace, follow
from nasion.video.track import (
    DETECT_EVERY_S,
    FORGET_AFTER_S,
    MAX_DISTANCE,
    MAX_MISSES,
    MAX_SIZE_RATIO,
    MIN_INSIDE,
    Track,
)
from video.video_files import av, cut_off, damage, remux, times, write

assert av  # skips this file without PyAV

ASTRONAUT = data.astronaut()
SIZE = ASTRONAUT.shape[:2]
BOX = [176, 95, 275, 180]
RATE = 25.0


@pytest.fixture(scope="module")
def backend():
    return OnnxBackend(resolve("default"), threads=1)


@pytest.fixture(scope="module")
def still(backend):
    """The keypoints on the photograph, which moved photographs are compared with."""
    return Predictor(backend)(ASTRONAUT, [BOX])[0].keypoints


class Scene:
    """A clip and its perfect detector: frames are pairs of an image and the keypoints of each face in it."""

    def __init__(self, frames, rate=RATE):
        self.frames, self.rate, self.index = frames, rate, -1

    def __iter__(self):
        for index, (image, _) in enumerate(self.frames):
            self.index = index
            yield index / self.rate, image

    def __call__(self, _image):
        return [Detection(box_around(points), 0.9) for points in self.frames[self.index][1]]


def moved(still, motions, image=ASTRONAUT):
    return [(images.warp(image, motion, image.shape[:2]), [motion(still)]) for motion in motions]


def run(backend, frames, smooth="none", rate=RATE):
    scene = Scene(frames, rate)
    return list(follow(scene, Predictor(backend, scene), smooth))


def pan(count, step=2.0):
    return [Affine.translation(step * k, 0.5 * step * k) for k in range(count)]


def numbers(frames):
    return {face.number for frame in frames for face in frame.faces}


def test_face_that_moves_rotates_and_approaches_keeps_its_number(backend, still):
    def motion(k):
        return (
            Affine.translation(2.0 * k, k)
            @ Affine.rotation(0.6 * k, [225, 140])
            @ Affine.linear(1.006**k * np.eye(2), [225, 140])
        )

    frames = moved(still, [motion(k) for k in range(40)])
    tracked = run(backend, frames)
    assert numbers(tracked) == {0}
    assert all(len(frame.faces) == 1 for frame in tracked)
    errors = [
        np.linalg.norm(frame.faces[0].prediction.keypoints - true[0], axis=-1).mean()
        for frame, (_, true) in zip(tracked, frames, strict=True)
    ]
    assert np.mean(errors) < 0.03 * np.ptp(still[:, 0])


def test_frames_carry_their_index_time_and_image(backend, still):
    frames = moved(still, pan(3))
    tracked = run(backend, frames, rate=10)
    assert [(frame.index, frame.time_s) for frame in tracked] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert all(frame.image is image for frame, (image, _) in zip(tracked, frames, strict=True))


def test_smoothing_removes_half_of_the_jitter(backend, still):
    random = np.random.default_rng(0)
    noisy = [np.clip(ASTRONAUT + random.normal(0, 12, ASTRONAUT.shape), 0, 255).astype(np.uint8) for _ in range(40)]

    def jitter(smooth):
        tracked = run(backend, [(image, [still]) for image in noisy], smooth)
        points = np.array([frame.faces[0].prediction.keypoints for frame in tracked])[10:]
        return np.sqrt(np.var(points, axis=0).sum(-1)).mean()

    assert jitter("light") < 0.5 * jitter("none")


@pytest.mark.parametrize("smooth", ["none", "light"])
def test_face_after_a_cut_gets_a_new_number(backend, still, smooth):
    gray = np.full_like(ASTRONAUT, 128)
    frames = [(gray, []) if 10 <= k < 18 else frame for k, frame in enumerate(moved(still, pan(30, 0.5)))]
    tracked = run(backend, frames, smooth)
    assert [len(frame.faces) for frame in tracked] == [1] * 10 + [0] * 8 + [1] * 12
    assert numbers(tracked[18:]) == {1}


def cover(frames, box, hidden, step=(0, 0)):
    """Paint a gray rectangle over a range of frames; it moves by `step` px per frame, and hides the face."""
    x0, y0, x1, y1 = box.astype(int)
    covered = []
    for k, (image, points) in enumerate(frames):
        if k in hidden:
            image, left, top = image.copy(), x0 + step[0] * k, y0 + step[1] * k
            image[top : top + y1 - y0, left : left + x1 - x0] = 110
        covered.append((image, [] if k in hidden else points))
    return covered


def test_face_that_is_hidden_for_a_moment_keeps_its_number(backend, still):
    frames = cover(moved(still, pan(30, 0.5)), box_around(still) + [-15, -15, 25, 25], range(10, 18))
    tracked = run(backend, frames)
    assert [len(frame.faces) for frame in tracked][12:18] == [0] * 6
    assert numbers(tracked) == {0}
    assert len(tracked[18].faces) == 1


def test_face_that_moves_while_it_is_hidden_keeps_its_number(backend, still):
    frames = cover(moved(still, pan(32, 4.0)), box_around(still) + [-20, -20, 20, 30], range(8, 17), (4, 2))
    tracked = run(backend, frames)
    assert not tracked[12].faces
    assert numbers(tracked) == {0}


def test_flash_is_not_a_cut(backend, still):
    frames = moved(still, pan(30, 0.5))
    for k in (8, 20):
        image, points = frames[k]
        frames[k] = np.clip(image.astype(int) + 60, 0, 255).astype(np.uint8), points
    assert numbers(run(backend, frames)) == {0}


@pytest.mark.parametrize("step", [0.45, 0.65])
def test_fast_face_at_a_low_frame_rate_keeps_its_number(backend, still, step):
    width = np.ptp(still[:, 0])
    wide = np.pad(ASTRONAUT, ((0, 0), (0, 300), (0, 0)), mode="edge")
    tracked = run(backend, moved(still, [Affine.translation(step * width * k, 0) for k in range(6)], wide), rate=5)
    assert numbers(tracked) == {0}
    assert all(frame.faces for frame in tracked)


def test_model_without_uncertainty_loses_a_face_that_the_detector_misses(still):
    limitless = OnnxBackend(resolve("default"), threads=1)
    limitless.max_relative_spread = np.inf
    wall = np.random.default_rng(0).integers(90, 120, ASTRONAUT.shape).astype(np.uint8)
    frames = []
    for k in range(60):
        share = min(1, k / 10)
        image = np.rint((1 - share) * ASTRONAUT + share * wall).astype(np.uint8)
        frames.append((image, [still] if k < 5 else []))
    tracked = run(limitless, frames)
    assert tracked[0].faces
    assert not any(frame.faces for frame in tracked[45:])


def test_second_face_gets_the_next_number(backend, still):
    alone = np.concatenate([ASTRONAUT, np.full_like(ASTRONAUT, 90)], axis=1)
    both = np.concatenate([ASTRONAUT, ASTRONAUT], axis=1)
    tracked = run(backend, [(alone, [still])] * 8 + [(both, [still + [512, 0], still])] * 20, "light")
    assert [face.number for face in tracked[0].faces] == [0]
    assert [face.number for face in tracked[-1].faces] == [0, 1]
    first, second = (face.prediction.keypoints.mean(0)[0] for face in tracked[-1].faces)
    assert first < 512 < second


def test_face_that_leaves_the_frame_disappears(backend, still):
    frames = moved(still, pan(40, 12.0))
    gone = next(k for k, (_, (points,)) in enumerate(frames) if points[:, 0].min() > SIZE[1])
    tracked = run(backend, [(image, points if k < gone else []) for k, (image, points) in enumerate(frames)])
    assert len(tracked[0].faces) == 1
    assert not any(frame.faces for frame in tracked[gone + 1 :])


def test_uncertain_keypoints_are_hidden_but_still_tracked(backend, still):
    scene = Scene(moved(still, pan(12)))
    tracked = list(follow(scene, Predictor(backend, scene, max_spread=0.02), "light"))
    missing = [np.isnan(frame.faces[0].prediction.keypoints).any(1).sum() for frame in tracked]
    assert all(0 < count < 68 for count in missing)
    assert numbers(tracked) == {0}


def test_clip_that_is_cut_off_ends_with_a_warning(backend, tmp_path):
    path = remux(write(tmp_path / "a.mp4", times(100)), tmp_path / "b.mkv")
    cut_off(path, tmp_path / "c.mkv", 0.33)
    with pytest.warns(UserWarning, match=r"c\.mkv: [^;]+$"):
        tracked = list(follow(str(tmp_path / "c.mkv"), Predictor(backend, lambda _image: []), "none"))
    assert 10 < len(tracked) < 100


def test_damaged_clip_ends_with_a_warning_that_counts_the_damage(backend, tmp_path):
    path = write(tmp_path / "a.mp4", times(60))
    damage(path, 20)
    with pytest.warns(UserWarning, match=r"a\.mp4: \d+ damaged parts were left out"):
        list(follow(path, Predictor(backend, lambda _image: []), "none"))


def test_intact_clip_ends_without_a_warning(backend, tmp_path):
    path = write(tmp_path / "a.mp4", times(5))
    assert len(list(follow(path, Predictor(backend, lambda _image: []), "none"))) == 5
    with pytest.raises(ImageError, match="no such file"):
        next(follow(tmp_path / "b.mp4", Predictor(backend)))


def test_unsuitable_models_and_unknown_smoothing_are_rejected(backend):
    with pytest.raises(ConfigError, match="no smoothing"):
        FaceTracker(Predictor(backend), "much")
    for full_image, count in ((True, 68), (False, 1)):
        predictor = Scripted(uses_full_image=full_image, skeleton=SimpleNamespace(count=count))
        with pytest.raises(ConfigError, match="scripted predicts from full images or has a single keypoint"):
            FaceTracker(predictor)


# From here on: a scripted predictor instead of the model.

SHAPE = np.random.default_rng(5).uniform(-0.5, 0.5, (58, 2)) * 0.98
SHAPE[:2] = [[-0.5, -0.5], [0.5, 0.5]]  # so that the bounding box is exact
SKELETON = load_skeleton("imm-58")
IMAGE = np.zeros((400, 600, 3), np.uint8)


def face(x, y, size=100.0, spread=1.0, score=0.8):
    """A face with a square bounding box, centered on (x, y)."""
    keypoints = SHAPE * size + [x, y]
    crop = box_around(keypoints)
    return Prediction(keypoints, np.full(58, spread), np.zeros((58, 2)), crop, score, SKELETON)


@dataclass
class Scripted:
    """A predictor that sees the faces in `visible`, and detects those in `detected` (default: all)."""

    visible: tuple = ()
    detected: tuple | None = None
    uses_full_image: bool = False
    skeleton: object = SKELETON
    max_relative_spread: float = 0.1
    max_spread: float | None = None

    @property
    def backend(self):
        return SimpleNamespace(name="scripted", max_relative_spread=self.max_relative_spread)

    def __call__(self, _image):
        return list(self.visible if self.detected is None else self.detected)

    def predict_boxes(self, images, boxes, passes):
        """Predict the nearest visible face, with score 1; without a face near the box, something very uncertain."""
        assert (len(images), passes) == (len(boxes), 1)
        return [self.nearest(box_center(box)) for box in boxes]

    def nearest(self, place):
        def distance(each):
            return np.linalg.norm(box_center(box_around(each.keypoints)) - place)

        best = min(self.visible, key=distance, default=None)
        if best is None or distance(best) > 60:
            return face(*place, spread=99.0, score=1.0)
        return replace(best, score=1.0)

    def mask_uncertain(self, face):
        return face


class Script:
    """A tracker whose predictor sees the faces of each step. The tracker uses a copy of its predictor."""

    def __init__(self, smooth="none", **options):
        self.tracker = FaceTracker(Scripted(**options), smooth)

    def step(self, time_s, *visible, detected=None, image=IMAGE):
        """Return the numbers and the x coordinates of the faces."""
        self.tracker._unmasked.visible, self.tracker._unmasked.detected = visible, detected
        self.faces = self.tracker(image, time_s)
        return [(each.number, round(float(each.prediction.keypoints[:2].mean(0)[0]), 6)) for each in self.faces]


def test_found_is_the_former_name_of_prediction():
    prediction = face(1, 2)
    assert TrackedFace(3, prediction, prediction).found is prediction


def test_detector_runs_every_half_second():
    script = Script()
    runs = []
    for k in range(14):
        script.step(k / 10, face(100, 100))
        runs.append(script.tracker.detector_runs)
    assert DETECT_EVERY_S == 0.5
    assert runs == [1] * 5 + [2] * 5 + [3] * 4


def test_detector_runs_in_every_frame_without_a_face_or_with_a_lost_one():
    script = Script()
    for k in range(4):
        script.step(k / 25)
    assert script.tracker.detector_runs == 4
    script.step(0.2, face(100, 100), face(300, 100))
    script.step(0.24, face(100, 100), face(300, 100))
    assert script.tracker.detector_runs == 5
    for k in range(3):
        assert script.step(0.28 + k / 25, face(100, 100)) == [(0, 100)]
    assert script.tracker.detector_runs == 8


def test_faces_are_returned_by_number_whatever_the_order_of_detections():
    script = Script()
    assert script.step(0.0, face(100, 100), face(300, 100)) == [(0, 100), (1, 300)]
    assert script.step(0.6, face(305, 100), face(105, 100)) == [(0, 105), (1, 305)]


def test_score_is_that_of_the_latest_detection():
    script = Script()
    scores = []
    for time_s, score in ((0.0, 0.9), (0.3, 0.7), (0.6, 0.6), (0.9, 0.5)):
        script.step(time_s, face(100, 100, score=score))
        scores.append(script.faces[0].prediction.score)
    assert scores == [0.9, 0.9, 0.6, 0.6]


def test_score_is_the_largest_of_the_detections_of_the_same_face():
    script = Script()
    script.step(0.0, face(100, 100, score=0.9))
    script.step(0.5, face(100, 100), detected=(face(99, 100, score=0.3), face(101, 100, score=0.4), face(300, 300)))
    assert script.faces[0].prediction.score == 0.4


def test_lost_face_returns_with_its_number_within_a_second():
    script = Script()
    script.step(0.0, face(100, 100))
    assert script.step(0.04) == []
    assert script.step(FORGET_AFTER_S, face(100, 100)) == [(0, 100)]
    script = Script()
    script.step(0.0, face(100, 100))
    script.step(0.04)
    assert script.step(FORGET_AFTER_S + 0.01) == []
    assert script.tracker.tracks == []
    assert script.step(FORGET_AFTER_S + 0.05, face(100, 100)) == [(1, 100)]


@pytest.mark.parametrize(("shift", "number"), [(MAX_DISTANCE - 0.01, 0), (MAX_DISTANCE + 0.01, 1)])
def test_lost_face_returns_only_near_its_position(shift, number):
    script = Script()
    script.step(0.0, face(100, 100))
    script.step(0.04)
    ((found, _),) = script.step(0.08, face(100 + 100 * shift, 100))
    assert found == number


def test_returned_faces_go_to_the_nearest_lost_track():
    script = Script()
    script.step(0.0, face(100, 200), face(280, 200))
    script.step(0.04)
    assert script.step(0.08, face(300, 200), face(170, 200)) == [(0, 170), (1, 300)]


def test_new_face_is_not_given_a_lost_number_twice():
    script = Script()
    script.step(0.0, face(200, 200))
    script.step(0.04)
    assert script.step(0.08, face(150, 200, 60), face(220, 200, 80)) == [(0, 220), (1, 150)]


def test_face_near_two_lost_tracks_continues_the_nearer_one_only():
    script = Script()
    script.step(0.0, face(200, 200), face(330, 200))
    script.step(0.04)
    assert script.step(0.08, face(230, 200)) == [(0, 230)]
    assert [track.is_lost for track in script.tracker.tracks] == [False, True]


def test_two_tracks_on_one_face_become_one():
    script = Script()
    script.step(0.0, face(100, 100), face(180, 100))
    assert script.step(0.04, face(135, 100)) == [(0, 135)]


def test_detection_of_a_tracked_face_starts_no_second_track():
    script = Script()
    script.step(0.0, face(100, 100))
    assert script.step(0.5, face(100, 100), detected=(face(140, 100),)) == [(0, 100)]  # IoU 0.43
    assert script.step(1.0, face(100, 100), detected=(face(170, 100),)) == [(0, 100), (1, 170)]  # IoU 0.18


def test_uncertain_detection_starts_no_track():
    script = Script(max_relative_spread=0.1)
    assert script.step(0.0, face(100, 100, spread=10.5)) == []
    assert script.step(0.04, face(100, 100, spread=9.5)) == [(0, 100)]


@pytest.mark.parametrize(("inside", "count"), [(MIN_INSIDE + 0.02, 1), (MIN_INSIDE - 0.02, 0)])
def test_face_must_lie_mostly_inside_the_frame(inside, count):
    x = -0.5 - 50 + 100 * inside  # this share of a face of 100 px is right of the left edge
    assert len(Script().step(0.0, face(x, 200))) == count
    right = IMAGE.shape[1] - 0.5 + 50 - 100 * inside
    assert len(Script().step(0.0, face(right, 200))) == count


def test_face_outside_the_frame_diagonally_is_rejected():
    assert Script().step(0.0, face(-200, -200)) == []


@pytest.mark.parametrize(("size", "count"), [(1.5, 1), (0.9, 0)])
def test_face_smaller_than_a_pixel_is_rejected(size, count):
    assert len(Script(max_relative_spread=9.0).step(0.0, face(100, 100, size))) == count


@pytest.mark.parametrize(("spread", "limit"), [(np.nan, 0.1), (1.0, np.inf)])
def test_face_that_cannot_be_rejected_is_lost_after_missed_detections(spread, limit):
    script = Script(max_relative_spread=limit)
    visible = face(100, 100, spread=spread)
    script.step(0.0, visible)
    for k in range(1, MAX_MISSES):
        assert script.step(0.5 * k, visible, detected=()) == [(0, 100)]
    assert script.step(0.5 * MAX_MISSES, visible, detected=()) == []


def test_detection_resets_the_count_of_misses():
    script = Script(max_relative_spread=np.inf)
    visible = face(100, 100)
    for k, detected in enumerate([None, (), None, (), None]):
        assert script.step(0.5 * k, visible, detected=detected) == [(0, 100)]


def test_face_that_can_be_rejected_survives_missed_detections():
    script = Script()
    script.step(0.0, face(100, 100))
    for k in range(1, 6):
        assert script.step(0.5 * k, face(100, 100), detected=()) == [(0, 100)]


def test_smoothing_starts_anew_when_a_face_returns():
    script = Script("strong")
    script.step(0.0, face(100, 100))
    ((_, moved_x),) = script.step(0.04, face(110, 100))
    assert 100 < moved_x < 110
    script.step(0.08)
    assert script.step(0.12, face(130, 100)) == [(0, 130)]


def test_smoothed_keypoints_are_shown_but_not_tracked():
    script = Script("strong")
    script.step(0.0, face(100, 100))
    script.step(0.04, face(110, 100))
    assert box_center(script.tracker.tracks[0].box) == pytest.approx([110, 100])


GRADIENT = np.repeat(np.linspace(0, 255, 600)[None, :, None], 400, 0).repeat(3, 2).astype(np.uint8)


@pytest.mark.parametrize(
    ("image", "is_cut"),
    [
        (GRADIENT[:, ::-1], True),  # another scene
        (GRADIENT // 2 + 120, False),  # a change of exposure
        (np.clip(GRADIENT.astype(int) + 30, 0, 255).astype(np.uint8), False),  # too small a change
        (np.full_like(GRADIENT, 127), True),
    ],
)
def test_cut_is_a_large_change_of_contrast(image, is_cut):
    script = Script()
    script.step(0.0, face(100, 100), image=GRADIENT)
    assert script.step(0.04, face(100, 100), image=np.ascontiguousarray(image)) == [(int(is_cut), 100)]


def test_noise_on_a_dark_wall_is_not_a_cut():
    noise = np.random.default_rng(0).integers(0, 12, (2, *IMAGE.shape), np.uint8)
    script = Script()
    script.step(0.0, face(100, 100), image=noise[0])
    assert script.step(0.04, face(100, 100), image=noise[1] + np.uint8(60)) == [(0, 100)]


def test_distance_is_measured_in_sizes_from_the_nearer_of_start_and_expected_position():
    track = Track(0, face(100, 100, 50), None, seen_s=1.0, velocity=np.array([200.0, 0.0]))
    at = {x: track.distance(box_around(face(x, 100, 50).keypoints), 1.5) for x in (100, 125, 175, 200, 250)}
    assert at == pytest.approx({100: 0, 125: 0.5, 175: 0.5, 200: 0, 250: 1.0})


@pytest.mark.parametrize("ratio", [MAX_SIZE_RATIO, 1 / MAX_SIZE_RATIO])
def test_distance_is_infinite_if_the_sizes_differ_too_much(ratio):
    track = Track(0, face(100, 100, 50), None, seen_s=0.0)
    just_inside = 1 + 0.99 * (ratio - 1)
    assert track.distance(box_around(face(100, 100, 50 * just_inside).keypoints), 0.1) == pytest.approx(0)
    beyond = ratio * 1.01 if ratio > 1 else ratio / 1.01
    assert track.distance(box_around(face(100, 100, 50 * beyond).keypoints), 0.1) == np.inf


def test_update_measures_the_velocity():
    track = Track(0, face(100, 100), None, seen_s=1.0)
    track.update(face(110, 95), 1.5)
    assert track.velocity == pytest.approx([20, -10])
    assert (track.seen_s, box_center(track.box).tolist()) == (1.5, pytest.approx([110, 95]))
    track.update(face(300, 100), 1.5)  # a repeated time keeps the velocity
    assert track.velocity == pytest.approx([20, -10])


def test_repr_of_a_frame_is_one_line():
    assert repr(Frame(12, 0.5, np.zeros((6, 8, 3), np.uint8), ())) == "<Frame 12: 0.500 s, 8 x 6 px, 0 faces>"
