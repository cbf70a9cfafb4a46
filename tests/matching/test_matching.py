"""Two faces matched: known maps are recovered, points land where they should, files are what they say."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from nasion import images
from nasion.datasets.drawn import draw_face
from nasion.errors import ConfigError, ImageError, SkeletonError
from nasion.geometry import Affine
from nasion.matching import match
from nasion.matching.morph import Pair, upright
from nasion.matching.warp import ROOM, bend, border_points, triangles, within
from nasion.matching.write import ChosenFace, chosen_face, write_match
from nasion.sample import Prediction
from nasion.skeleton import from_table, load_skeleton

SIZE = (60, 80)


def face(points, skeleton="imm-58"):
    points = np.asarray(points, float)
    skeleton = load_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
    return Prediction(points, np.ones(len(points)), np.zeros_like(points), np.array([0.0, 0, 1, 1]), 1.0, skeleton)


def scattered(count, seed=0, low=12, high=48):
    return np.random.default_rng(seed).uniform(low, high, (count, 2))


@given(st.floats(-180, 180), st.floats(0.2, 5), st.floats(-300, 300), st.floats(-300, 300))
def test_a_known_similarity_is_recovered(angle, scale, dx, dy):
    a = scattered(58)
    there = Affine.translation(dx, dy) @ Affine.linear(scale * np.eye(2), [0, 0]) @ Affine.rotation(angle, [5, 9])
    found = match(face(a), face(there(a)))
    assert found.similarity(there(a)) == pytest.approx(a, abs=1e-6)
    assert found.residual == pytest.approx(0, abs=1e-8)
    assert found.similarity.scale == pytest.approx(1 / scale)
    assert np.cos(np.radians(found.similarity.rotation_deg + angle)) == pytest.approx(1, abs=1e-9)


def test_points_are_matched_by_name_not_by_place():
    one = from_table("one", {"names": ["a", "b", "c", "d"], "regions": {"all": "0-3"}})
    two = from_table("two", {"names": ["d", "x", "b", "a", "c"], "regions": {"all": "0-4"}})
    places = {name: np.array(place, float) for name, place in zip("abcdx", scattered(5), strict=True)}
    found = match(face([places[n] for n in one.names], one), face([places[n] + 7 for n in two.names], two))
    assert found.names == ("a", "b", "c", "d")
    assert found.b - found.a == pytest.approx(np.full((4, 2), 7.0))


def test_missing_points_are_left_out_and_too_few_are_refused():
    a, b = scattered(58), scattered(58)
    a[3] = np.nan
    b[7] = np.nan
    found = match(face(a), face(b))
    assert len(found.names) == 56
    assert found.residual == pytest.approx(0, abs=1e-9)
    b[2:] = np.nan
    with pytest.raises(SkeletonError, match="use one model"):
        match(face(a), face(b))


@pytest.mark.parametrize(("count", "low", "high"), [(3, 12, 48), (20, 12, 48), (68, 12, 48), (20, 0, 59)])
def test_triangles_cover_the_frame_once(count, low, high):
    points = np.concatenate(
        [scattered(count, 0, low, high), within(scattered(9, 1, -50, 150), SIZE), border_points(SIZE)]
    )
    corners = points[triangles(points, SIZE)]
    (x1, y1), (x2, y2) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    assert np.abs(x1 * y2 - x2 * y1).sum() / 2 == pytest.approx((1 + 2 * ROOM) ** 2 * SIZE[0] * SIZE[1], rel=1e-5)


def test_points_that_coincide_are_one():
    points = np.concatenate([np.repeat(scattered(4), 3, axis=0), border_points(SIZE)])
    assert bend(np.zeros((*SIZE, 3), np.uint8), points, points, SIZE).shape == (*SIZE, 3)


def test_bending_onto_itself_changes_nothing():
    image = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    points = np.concatenate([scattered(20), border_points(SIZE)])
    assert np.abs(bend(image, points, points, SIZE).astype(int) - image).max() <= 1


def test_a_blob_follows_its_point():
    size = (240, 320)
    source = np.array([[80.0, 60], [230, 70], [150, 170], [160, 110]])
    target = source + np.array([[12, -9], [-15, 11], [8, 14], [-6, -10]])
    y, x = np.mgrid[: size[0], : size[1]]
    for k in range(len(source)):
        blob = 255 * np.exp(-((x - source[k, 0]) ** 2 + (y - source[k, 1]) ** 2) / 18)
        image = np.repeat(np.rint(blob).astype(np.uint8)[..., None], 3, -1)
        edge = border_points(size)
        moved = bend(image, np.concatenate([source, edge]), np.concatenate([target, edge]), size)[..., 0].astype(float)
        peak = np.unravel_index(moved.argmax(), moved.shape)[::-1]
        assert np.abs(np.array(peak) - target[k]).max() <= 1
        assert cv2.GaussianBlur(moved, (0, 0), 1)[tuple(np.rint(target[k]).astype(int)[::-1])] > 150


def drawn(person, view=0, folder=Path()):
    made = draw_face(11, person, view, "ibug-68")
    return ChosenFace(folder / f"{person}.png", made.image, face(made.keypoints, "ibug-68"))


def test_a_morph_begins_at_a_and_ends_at_b():
    a, b = drawn(0), drawn(1)
    pair = Pair(a.image, b.image, match(a.face, b.face))
    assert np.abs(pair.at(0.0).astype(int) - pair.a).mean() < 0.5
    assert np.abs(pair.at(1.0).astype(int) - pair.b).mean() < 0.5
    halfway = (pair.a_points + pair.b_points) / 2
    assert len(halfway) == 68 + 8
    assert len(list(pair.frames(5))) == 5


def test_a_shape_is_stood_upright():
    mean = drawn(2).face.keypoints
    skeleton = load_skeleton("ibug-68")
    level = upright(mean, skeleton)
    outer = level[[36, 45]]
    assert abs(outer[1, 1] - outer[0, 1]) < 0.05 * abs(outer[1, 0] - outer[0, 0])
    turned = upright(Affine.rotation(35, mean.mean(0))(mean), skeleton)
    assert turned == pytest.approx(level, abs=1e-6)


@pytest.mark.parametrize("form", ["gif", "mp4"])
def test_the_files_of_a_match(tmp_path, form):
    a, b = drawn(0, folder=tmp_path), drawn(1, 2, tmp_path)
    found, files = write_match(a, b, tmp_path / "out", frames=4, form=form)
    assert {path.name for path in files} == {
        "matches.jpg", "aligned.jpg", "warped.jpg", "midway.jpg", f"morph.{form}", "match.json",
    }  # fmt: skip
    assert images.size(tmp_path / "out" / "aligned.jpg") == a.image.shape[:2]
    table = json.loads((tmp_path / "out" / "match.json").read_text())
    assert len(table["matches"]) == 68
    assert np.array(table["similarity"]["matrix"]) == pytest.approx(found.similarity.matrix, abs=1e-5)
    assert table["matches"][0]["a"] == pytest.approx(a.face.keypoints[0], abs=1e-2)
    if form == "gif":
        with PillowImage.open(tmp_path / "out" / "morph.gif") as film:
            assert film.n_frames == 6  # there and back
    else:
        film = cv2.VideoCapture(str(tmp_path / "out" / "morph.mp4"))
        assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 4


def test_an_unknown_film_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match="gif or mp4"):
        write_match(drawn(0), drawn(1), tmp_path / "out", form="avi")
    assert not (tmp_path / "out").exists()


def test_the_face_of_a_picture(tmp_path):
    images.write(tmp_path / "a.png", draw_face(11, 0, 0, "ibug-68").image)
    small, large = face(scattered(68), "ibug-68"), face(scattered(68) * 3, "ibug-68")

    def predictor(_image):
        return [small, large]

    assert chosen_face(predictor, tmp_path / "a.png").face is large
    assert chosen_face(predictor, tmp_path / "a.png", 0).face is small
    with pytest.raises(ImageError, match="no face 2; it has 2"):
        chosen_face(predictor, tmp_path / "a.png", 2)
    with pytest.raises(ImageError, match="no face was found"):
        chosen_face(lambda _image: [], tmp_path / "a.png")
