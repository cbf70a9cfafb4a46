"""The files of a match and of a mean face hold what they say, and nothing is overwritten or half done."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from matching.pairs import face, scattered, synthetic
from nasion import images
from nasion.datasets.drawn import render_face
from nasion.errors import ConfigError, ImageError, OutputError, SkeletonError
from nasion.matching import match, write
from nasion.matching.morph import Pair, level_shape
from nasion.matching.write import ChosenFace, chosen_face, matches_view, write_match, write_mean
from nasion.shapes import mean_shape
from nasion.skeleton import load_skeleton

IMAGE_NAMES = ["aligned.jpg", "matches.jpg", "midway.jpg", "warped.jpg"]
SKELETON = load_skeleton("ibug-68")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def close(stored, expected):
    """Whether an image survived JPEG."""
    return np.abs(stored.astype(int) - expected).mean() < 4


@pytest.fixture
def pair(tmp_path):
    return synthetic(0, folder=tmp_path), synthetic(1, 2, tmp_path)


@pytest.mark.parametrize("form", ["gif", "mp4"])
def test_match_writes_its_images_morph_and_table(tmp_path, pair, form):
    matched, files = write_match(*pair, tmp_path / "out", frames=4, form=form)
    assert names(tmp_path / "out") == sorted([*IMAGE_NAMES, "match.json", f"morph.{form}"])
    assert sorted(path.name for path in files) == names(tmp_path / "out")
    assert all(path.parent == tmp_path / "out" for path in files)
    assert matched.names == match(pair[0].face, pair[1].face).names


def test_images_show_b_aligned_warped_and_blended(tmp_path, pair):
    a, b = pair
    matched, _ = write_match(a, b, tmp_path / "out", frames=2)
    stored = {name: images.read(tmp_path / "out" / name) for name in IMAGE_NAMES}
    aligned = images.warp(b.image, matched.similarity, a.image.shape[:2], cv2.BORDER_CONSTANT)
    assert close(stored["aligned.jpg"], aligned)
    assert close(stored["midway.jpg"], Pair(a.image, b.image, matched).at(0.5))
    assert close(stored["matches.jpg"], matches_view(a, b, matched))
    assert stored["warped.jpg"].shape == a.image.shape


def test_warp_moves_keypoints_of_b_onto_those_of_a(tmp_path):
    """White dots on the mouth corners of B land on the mouth corners of A."""
    a, b = synthetic(0, folder=tmp_path), synthetic(1, folder=tmp_path)
    dots = np.zeros_like(b.image)
    for x, y in np.rint(b.face.keypoints[[48, 54]]).astype(int):
        dots[y - 3 : y + 4, x - 3 : x + 4] = 255
    write_match(a, ChosenFace(b.path, dots, b.face), tmp_path / "out", frames=2)
    warped = images.read(tmp_path / "out" / "warped.jpg")[..., 0] > 128
    _, _, _, centers = cv2.connectedComponentsWithStats(warped.astype(np.uint8))
    corners = sorted(a.face.keypoints[[48, 54]].tolist())
    assert np.array(sorted(centers[1:].tolist())) == pytest.approx(np.array(corners), abs=1.5)


def test_table_holds_the_similarity_and_the_matched_points(tmp_path, pair):
    a, b = pair
    matched, _ = write_match(a, b, tmp_path / "out", frames=2)
    table = json.loads((tmp_path / "out" / "match.json").read_text())
    assert (table["a"], table["b"]) == ({"image": str(a.path), "face": 0}, {"image": str(b.path), "face": 1})
    similarity = table["similarity"]
    assert (similarity["from"], similarity["to"]) == ("b", "a")
    assert np.array(similarity["matrix"]) == pytest.approx(matched.similarity.matrix, abs=1e-5)
    assert similarity["scale"] == pytest.approx(matched.similarity.scale, abs=1e-5)
    assert similarity["rotation_deg"] == pytest.approx(matched.similarity.rotation_deg, abs=1e-3)
    assert similarity["residual_px"] == pytest.approx(np.sqrt(np.mean(matched.residuals**2)), abs=1e-2)
    assert similarity["residual"] == pytest.approx(matched.residual, abs=1e-4)
    assert [row["name"] for row in table["matches"]] == list(SKELETON.names)
    assert table["matches"][7]["a"] == pytest.approx(a.face.keypoints[7], abs=1e-2)
    assert table["matches"][7]["b"] == pytest.approx(b.face.keypoints[7], abs=1e-2)
    assert table["matches"][7]["residual_px"] == pytest.approx(matched.residuals[7], abs=1e-2)


def test_gif_plays_forwards_and_backwards_at_two_thirds_of_the_size(tmp_path, pair):
    write_match(*pair, tmp_path / "out", frames=4)
    with PillowImage.open(tmp_path / "out" / "morph.gif") as film:
        assert (film.n_frames, film.size) == (6, (320, 320))  # frames 0 1 2 3 2 1
        assert film.info["duration"] == pytest.approx(1000 / 15, abs=10)
        assert film.info["loop"] == 0
        frames = []
        for k in range(6):
            film.seek(k)
            frames.append(np.asarray(film.convert("RGB"), int))
    changes = [np.abs(frames[k] - frames[0]).mean() for k in range(6)]
    assert changes[1] < changes[2] < changes[3]
    assert changes[5] == pytest.approx(changes[1], abs=0.5)


def test_mp4_plays_from_a_to_b(tmp_path, pair):
    matched, _ = write_match(*pair, tmp_path / "out", frames=4, form="mp4")
    film = cv2.VideoCapture(str(tmp_path / "out" / "morph.mp4"))
    assert (film.get(cv2.CAP_PROP_FRAME_COUNT), film.get(cv2.CAP_PROP_FPS)) == (4, 15)
    frames = [cv2.cvtColor(film.read()[1], cv2.COLOR_BGR2RGB) for _ in range(4)]
    both = Pair(pair[0].image, pair[1].image, matched)
    assert np.abs(frames[0].astype(int) - both.a).mean() < 5
    assert np.abs(frames[3].astype(int) - both.b).mean() < 5


def test_opencv_without_mp4_is_one_line(tmp_path, monkeypatch):
    silent = SimpleNamespace(write=lambda _frame: None, release=lambda: None)
    monkeypatch.setattr(cv2, "VideoWriter", lambda *_: silent)
    cv2.VideoWriter.fourcc = lambda *_: 0
    with pytest.raises(OutputError, match="use --morph gif"):
        write._mp4([np.zeros((8, 8, 3), np.uint8)])


def test_view_joins_matched_points_in_the_same_color(tmp_path):
    a, b = synthetic(0), synthetic(1)
    black = [ChosenFace(each.path, np.zeros_like(each.image), each.face) for each in (a, b)]
    matched = match(a.face, b.face)
    view = matches_view(*black, matched)
    assert view.shape == (480, 960, 3)
    maps = [write.to_view(points) for points in (matched.a, matched.b)]
    first, second = maps[0](matched.a), maps[1](matched.b) + [480, 0]
    colors = []
    for k in (8, 30):
        (x0, y0), (x1, y1) = np.rint(first[k]).astype(int), np.rint(second[k]).astype(int)
        assert view[y0, x0].tolist() == view[y1, x1].tolist()
        colors.append(view[y0, x0].tolist())
    assert colors[0] != colors[1]
    middle = np.rint((first[8] + second[8]) / 2).astype(int)
    assert view[middle[1] - 1 : middle[1] + 2, middle[0]].any()  # the line between the chins is the lowest


def test_unknown_format_is_rejected_before_anything_is_written(tmp_path, pair):
    with pytest.raises(ConfigError, match='gif or mp4, not "avi"'):
        write_match(*pair, tmp_path / "out", form="avi")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("which", [0, 1])
def test_image_that_is_too_long_is_rejected(tmp_path, pair, monkeypatch, which):
    long = ChosenFace(tmp_path / "long.png", np.zeros((3, 700, 3), np.uint8), pair[which].face)
    faces = [long if k == which else each for k, each in enumerate(pair)]
    monkeypatch.setattr(write, "LARGEST_SIDE", 699)
    with pytest.raises(ImageError, match=r"long\.png: longer than 699 px"):
        write_match(*faces, tmp_path / "out")
    monkeypatch.setattr(write, "LARGEST_SIDE", 700)
    write._check_request(*faces, "gif")


def test_faces_without_common_points_are_rejected_before_anything_is_written(tmp_path, pair):
    few = pair[1].face.keypoints.copy()
    few[2:] = np.nan
    with pytest.raises(SkeletonError, match="use one model"):
        write_match(pair[0], ChosenFace(pair[1].path, pair[1].image, face(few, "ibug-68")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["warped.jpg", "morph.gif", "match.json"])
def test_files_beside_the_inputs_are_not_overwritten(tmp_path, pair, name):
    (tmp_path / name).write_text("the user's own file")
    with pytest.raises(ConfigError, match="already exists among your files"):
        write_match(*pair, tmp_path)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "the user's own file"


def test_file_cannot_be_the_folder(tmp_path, pair):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        write_match(*pair, tmp_path / "out")


@pytest.fixture
def photo(tmp_path):
    images.write(tmp_path / "a.png", render_face(11, 0, 0, "ibug-68").image)
    return tmp_path / "a.png"


def test_largest_face_is_chosen_by_default(photo):
    faces = [face(scattered(68) * scale, "ibug-68") for scale in (1, 3, 2)]
    chosen = chosen_face(lambda _image, _boxes: faces, photo)
    assert chosen.face is faces[1]
    assert (chosen.path, chosen.number) == (photo, 1)
    assert np.array_equal(chosen.image, images.read(photo))


def test_face_is_chosen_by_its_number(photo):
    faces = [face(scattered(68) * scale, "ibug-68") for scale in (1, 3, 2)]
    for number in range(3):
        assert chosen_face(lambda _image, _boxes: faces, photo, number).face is faces[number]


@pytest.mark.parametrize("number", [2, -1])
def test_missing_face_number_is_rejected(photo, number):
    faces = [face(scattered(68), "ibug-68")] * 2
    with pytest.raises(ImageError, match=rf"a\.png: no face {number}; it has 2, counted from 0"):
        chosen_face(lambda _image, _boxes: faces, photo, number)


def test_image_without_a_face_is_rejected(photo):
    with pytest.raises(ImageError, match="no face was found"):
        chosen_face(lambda _image, _boxes: [], photo)


PREDICTOR = SimpleNamespace(skeleton=SKELETON)


@pytest.fixture
def folder(tmp_path):
    """A folder with three faces, as paths and predictions."""
    faces = [synthetic(k, folder=tmp_path / "in") for k in range(3)]
    for each in faces:
        images.write(each.path, each.image)
    return [(each.path, each.face) for each in faces]


def test_mean_face_and_its_shape_are_written(tmp_path, folder):
    files = write_mean(PREDICTOR, folder, tmp_path / "out")
    assert [path.name for path in files] == names(tmp_path / "out") == ["mean-face.jpg", "mean-face.json"]
    assert images.size(files[0]) == (480, 480)
    table = json.loads(files[1].read_text())
    assert (table["faces"], table["skeleton"]) == (3, "ibug-68")
    assert table["images"] == [str(path) for path, _ in folder]
    expected = level_shape(mean_shape([each.keypoints for _, each in folder]), SKELETON)
    assert np.array(table["shape"]) == pytest.approx(expected, abs=1e-4)


def test_mean_face_beside_the_inputs_is_not_overwritten(tmp_path, folder):
    (tmp_path / "in" / "mean-face.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"mean-face\.json already exists"):
        write_mean(PREDICTOR, folder, tmp_path / "in")
    assert "mean-face.jpg" not in names(tmp_path / "in")


def test_model_with_too_few_points_has_no_mean_face(tmp_path, folder):
    with pytest.raises(SkeletonError, match="needs 3 points; nose-1 has fewer"):
        write_mean(SimpleNamespace(skeleton=load_skeleton("nose-1")), folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
