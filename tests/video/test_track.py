"""Faces followed through clips made from stills by known motion, so that true points are known in every frame."""

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.detect.yunet import Detection
from nasion.errors import ConfigError
from nasion.geometry import Affine, box_around
from nasion.predict.model_zoo import resolve
from nasion.predict.onnx_backend import OnnxBackend
from nasion.predict.predictor import Predictor
from nasion.video import FaceTracker, follow

ASTRONAUT = data.astronaut()
SIZE = ASTRONAUT.shape[:2]
BOX = [176, 95, 275, 180]
RATE = 25.0


@pytest.fixture(scope="module")
def backend():
    return OnnxBackend(resolve("default"), threads=1)


@pytest.fixture(scope="module")
def still(backend):
    """The points on the still, which moved stills are measured against."""
    return Predictor(backend)(ASTRONAUT, [BOX])[0].keypoints


class Shown:
    """A clip whose faces a perfect detector sees: where they are in each frame."""

    def __init__(self, frames):
        self.frames, self.index = frames, -1

    def __iter__(self):
        for index, (image, _) in enumerate(self.frames):
            self.index = index
            yield index / RATE, image

    def __call__(self, _image):
        return [Detection(box_around(points), 0.9) for points in self.frames[self.index][1]]


def moved(still, motions, image=ASTRONAUT):
    return [(images.warp(image, motion, SIZE), [motion(still)]) for motion in motions]


def run(backend, frames, smooth="none"):
    clip = Shown(frames)
    return list(follow(clip, Predictor(backend, clip), smooth))


def pan(count, step=2.0):
    return [Affine.translation(step * k, 0.5 * step * k) for k in range(count)]


def test_a_face_that_moves_turns_and_nears_keeps_its_number(backend, still):
    def motion(k):
        return (
            Affine.translation(2.0 * k, k)
            @ Affine.rotation(0.6 * k, [225, 140])
            @ Affine.linear(1.006**k * np.eye(2), [225, 140])
        )

    frames = moved(still, [motion(k) for k in range(40)])
    found = run(backend, frames)
    assert {face.number for frame in found for face in frame.faces} == {0}
    assert all(len(frame.faces) == 1 for frame in found)
    width = np.ptp(still[:, 0])
    errors = [
        np.linalg.norm(frame.faces[0].found.keypoints - true[0], axis=-1).mean() / width
        for frame, (_, true) in zip(found, frames, strict=True)
    ]
    assert np.mean(errors) < 0.03


def test_the_detector_looks_now_and_then(backend, still):
    clip = Shown(moved(still, pan(40)))
    follower = FaceTracker(Predictor(backend, clip), "none", look_every_s=0.5)
    for time_s, image in clip:
        follower(image, time_s)
    assert follower.looks == 4  # at 0, 0.52, 1.04 and 1.56 s


def test_smoothing_leaves_half_the_trembling(backend, still):
    random = np.random.default_rng(0)
    frames = moved(still, [Affine.identity()] * 40)
    frames = [(np.clip(i + random.normal(0, 12, i.shape), 0, 255).astype(np.uint8), p) for i, p in frames]

    def jitter(smooth):
        points = np.array([frame.faces[0].found.keypoints for frame in run(backend, frames, smooth)])[10:]
        return np.sqrt(np.var(points, axis=0).sum(-1)).mean()

    assert jitter("light") < 0.5 * jitter("none")


def test_after_a_cut_who_comes_is_somebody_new(backend, still):
    frames = moved(still, pan(30, 0.5))
    hidden = np.full_like(ASTRONAUT, 128)
    frames = [(hidden, []) if 10 <= k < 18 else frame for k, frame in enumerate(frames)]
    for smooth in ("none", "light"):
        found = run(backend, frames, smooth)
        assert [len(frame.faces) for frame in found] == [1] * 10 + [0] * 8 + [1] * 12
        assert {face.number for frame in found[18:] for face in frame.faces} == {1}


def test_a_hand_before_the_face_is_no_cut(backend, still):
    frames = moved(still, pan(30, 0.5))
    x0, y0, x1, y1 = (box_around(still) + [-15, -15, 25, 25]).astype(int)
    covered = []
    for k, (image, points) in enumerate(frames):
        if 10 <= k < 18:
            image = image.copy()
            image[y0:y1, x0:x1] = 110
        covered.append((image, [] if 10 <= k < 18 else points))
    found = run(backend, covered)
    assert [len(frame.faces) for frame in found][12:18] == [0] * 6
    assert {face.number for frame in found for face in frame.faces} == {0}
    assert len(found[18].faces) == 1


def test_a_flash_is_no_cut(backend, still):
    frames = moved(still, pan(30, 0.5))
    for k in (8, 20):
        image, points = frames[k]
        frames[k] = np.clip(image.astype(int) + 60, 0, 255).astype(np.uint8), points
    assert {face.number for frame in run(backend, frames) for face in frame.faces} == {0}


@pytest.mark.parametrize("step", [0.45, 0.65])
def test_one_that_moves_fast_keeps_its_number(backend, still, step):
    """Few frames a second: from one to the next it moves by half its width and more."""
    width = np.ptp(still[:, 0])
    wide = np.pad(ASTRONAUT, ((0, 0), (0, 300), (0, 0)), mode="edge")
    motions = [Affine.translation(step * width * k, 0) for k in range(6)]
    frames = [(images.warp(wide, motion, wide.shape[:2]), [motion(still)]) for motion in motions]
    clip = Shown(frames)
    pictures = [(k / 5, image) for k, (_, image) in enumerate(clip)]

    def scores_seen():
        for k, pair in enumerate(pictures):
            clip.index = k
            yield pair

    found = list(follow(scores_seen(), Predictor(backend, clip), "none"))
    assert {face.number for frame in found for face in frame.faces} == {0}
    assert all(frame.faces for frame in found)


def test_one_that_is_hidden_while_it_moves_keeps_its_number(backend, still):
    frames = moved(still, pan(32, 4.0))
    x0, y0, x1, y1 = (box_around(still) + [-20, -20, 20, 30]).astype(int)
    covered = []
    for k, (image, points) in enumerate(frames):
        if 8 <= k < 17:
            image, left, top = image.copy(), x0 + 4 * k, y0 + 2 * k
            image[top : top + y1 - y0, left : left + x1 - x0] = 110
        covered.append((image, [] if 8 <= k < 17 else points))
    found = run(backend, covered)
    assert not found[12].faces
    assert {face.number for frame in found for face in frame.faces} == {0}


def test_a_model_without_doubts_loses_what_the_detector_sees_no_more(still):
    doubtless = OnnxBackend(resolve("default"), threads=1)
    doubtless.max_relative_spread = np.inf
    frames = moved(still, [Affine.identity()] * 60)
    wall = np.random.default_rng(0).integers(90, 120, ASTRONAUT.shape).astype(np.uint8)
    faded = []
    for k, (image, points) in enumerate(frames):
        share = min(1, k / 10)
        faded.append((np.rint((1 - share) * image + share * wall).astype(np.uint8), points if k < 5 else []))
    found = run(doubtless, faded)
    assert found[0].faces
    assert not any(frame.faces for frame in found[45:])


def test_a_score_is_of_the_last_look(backend, still):
    clip = Shown(moved(still, pan(30, 0.5)))
    scores = iter([0.9, 0.7, 0.6])
    follower = FaceTracker(
        Predictor(backend, lambda image: [Detection(d.box, next(scores)) for d in clip(image)]), "none"
    )
    scores_seen = [follower(image, time_s)[0].found.score for time_s, image in clip]
    assert (scores_seen[0], scores_seen[12], scores_seen[14], scores_seen[-1]) == (0.9, 0.9, 0.7, 0.6)


def test_a_clip_that_was_cut_off_is_told(backend, tmp_path):
    av = pytest.importorskip("av")
    from fractions import Fraction

    from nasion.video.reader import Writer

    with Writer(tmp_path / "a.mp4", SIZE, Fraction(25)) as writer:
        for k in range(100):
            writer.add(k / 25, ASTRONAUT if k % 2 else np.roll(ASTRONAUT, k, 0))
    with av.open(str(tmp_path / "a.mp4")) as source, av.open(str(tmp_path / "b.mkv"), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    content = (tmp_path / "b.mkv").read_bytes()
    (tmp_path / "c.mkv").write_bytes(content[: len(content) // 3])
    with pytest.warns(UserWarning, match=r"c\.mkv"):
        list(follow(tmp_path / "c.mkv", Predictor(backend, lambda _image: []), "none"))


def test_a_second_face_gets_a_number_of_its_own(backend, still):
    wide = np.concatenate([ASTRONAUT, np.full_like(ASTRONAUT, 90)], axis=1)
    beside = still + [512, 0]
    both = np.concatenate([ASTRONAUT, ASTRONAUT], axis=1)
    frames = [(wide, [still])] * 8 + [(both, [beside, still])] * 20
    clip = Shown(frames)
    found = list(follow(clip, Predictor(backend, clip), "light"))
    assert [face.number for face in found[0].faces] == [0]
    assert [face.number for face in found[-1].faces] == [0, 1]
    assert found[-1].faces[0].found.keypoints.mean(0)[0] < 512 < found[-1].faces[1].found.keypoints.mean(0)[0]


def test_a_face_that_leaves_the_picture_is_gone(backend, still):
    frames = moved(still, pan(40, 12.0))
    gone = next(k for k, (_, (points,)) in enumerate(frames) if points[:, 0].min() > SIZE[1])
    clip = Shown([(image, points if k < gone else []) for k, (image, points) in enumerate(frames)])
    found = list(follow(clip, Predictor(backend, clip), "none"))
    assert len(found[0].faces) == 1
    assert [len(frame.faces) for frame in found[gone + 1 :]] == [0] * (len(frames) - gone - 1)


def test_unsure_points_are_left_out_of_what_is_shown_and_not_of_what_is_followed(backend, still):
    clip = Shown(moved(still, pan(12)))
    frames = list(follow(clip, Predictor(backend, clip, max_spread=0.02), "light"))
    missing = [np.isnan(frame.faces[0].found.keypoints).any(1).sum() for frame in frames]
    assert all(0 < count < 68 for count in missing)
    assert {face.number for frame in frames for face in frame.faces} == {0}


def test_what_cannot_be_followed(backend):
    with pytest.raises(ConfigError, match="no smoothing"):
        FaceTracker(Predictor(backend), "much")
    whole = OnnxBackend(resolve("default"), threads=1)
    whole.crop = whole.crop.model_copy(update={"box": "picture"})
    with pytest.raises(ConfigError, match="given boxes"):
        FaceTracker(Predictor(whole))
