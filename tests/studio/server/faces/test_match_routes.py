"""Two images in, a match out: as JSON with a morph, or as a file."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from nasion.detect import Detection
from nasion.outputs.kinds import json_schema


def test_two_images_are_matched(client, astronaut):
    files = {"a": ("a.jpg", astronaut), "b": ("b.jpg", astronaut)}
    answer = client.post("/v1/match?frames=3", files=files).json()
    assert list(answer) == ["names", "residual", "large", "scale", "rotation_deg", "a", "b", "frames"]
    assert answer["residual"] == pytest.approx(0, abs=1e-6)
    assert (answer["scale"], answer["rotation_deg"]) == pytest.approx((1, 0), abs=1e-6)
    assert len(answer["names"]) == len(answer["a"]["keypoints"]) == 68
    assert answer["a"] == answer["b"]
    assert len(answer["frames"]) == 3


def test_the_second_image_is_aligned_to_the_first(client, astronaut, to_jpeg):
    part = np.ascontiguousarray(data.astronaut()[:300, 20:360])  # the fixed box of the detector still has the face
    files = {"a": ("a.jpg", astronaut), "b": ("b.jpg", to_jpeg(part))}
    answer = client.post("/v1/match?frames=2", files=files).json()
    sizes = [(answer[name]["width"], answer[name]["height"]) for name in "ab"]
    assert sizes == [(512, 512), (340, 300)]
    a, b = (np.array(answer[name]["keypoints"]) for name in "ab")
    assert a - b == pytest.approx(np.tile([20.0, 0.0], (68, 1)), abs=4)
    assert answer["scale"] == pytest.approx(1, abs=0.05)


def test_the_scale_of_a_match_leads_from_the_second_image_to_the_first(astronaut, make, monkeypatch, serve):
    def twice_as_large(name):
        predictor = make(name)
        monkeypatch.setattr(predictor, "_detector", lambda image: [scaled(image.shape[0] / 512)])
        return predictor

    def scaled(factor):
        return Detection(factor * np.array([176.0, 95, 275, 180]), 0.9)

    large = io.BytesIO()
    PillowImage.open(io.BytesIO(astronaut)).resize((1024, 1024)).save(large, "PNG")
    with serve(make=twice_as_large) as client:
        files = {"a": ("a.jpg", astronaut), "b": ("b.png", large.getvalue())}
        answer = client.post("/v1/match?frames=2", files=files).json()
    assert answer["scale"] == pytest.approx(0.5, abs=0.02)


def test_the_frames_of_a_morph_are_jpeg_images_from_the_first_to_the_second(client, astronaut, to_jpeg):
    swapped = to_jpeg(np.ascontiguousarray(data.astronaut()[:, :, ::-1]))  # red and blue swapped
    files = {"a": ("a.jpg", astronaut), "b": ("b.jpg", swapped)}
    frames = client.post("/v1/match?frames=3", files=files).json()["frames"]
    reds = []
    for frame in frames:
        kind, _, content = frame.partition(",")
        assert kind == "data:image/jpeg;base64"
        image = np.asarray(PillowImage.open(io.BytesIO(base64.b64decode(content))), float)
        reds.append((image[..., 0] - image[..., 2]).mean())
    assert reds[0] > 3
    assert reds[2] < -3
    assert abs(reds[1]) < 2


@pytest.mark.parametrize("empty", ["a", "b"])
def test_a_match_needs_a_face_in_both_images(client, astronaut, gray, empty):
    files = {name: (f"{name}.jpg", gray if name == empty else astronaut) for name in "ab"}
    response = client.post("/v1/match", files=files)
    assert response.status_code == 422
    assert response.json()["error"] == f"no face was found in image {empty.upper()}"


def test_a_match_needs_two_images(client, astronaut):
    response = client.post("/v1/match", files={"a": ("a.jpg", astronaut)})
    assert response.status_code == 422
    assert response.json()["error"] == "send 2 images as files of a form; this request has 1"


@pytest.mark.parametrize("frames", [1, 32, "many"])
def test_the_number_of_frames_is_limited(client, astronaut, frames):
    files = {"a": ("a.jpg", astronaut), "b": ("b.jpg", astronaut)}
    assert client.post(f"/v1/match?frames={frames}", files=files).status_code == 422


class TestTwoFaces:
    """Both images show the same two faces; the right one is darker."""

    @pytest.fixture
    def pair(self, serve, make, monkeypatch):
        def two(name):
            predictor = make(name)
            boxes = [np.array([176.0, 95, 275, 180]) + [x, 0, x, 0] for x in (0, 512)]
            monkeypatch.setattr(predictor, "_detector", lambda _image: [Detection(box, 0.9) for box in boxes])
            return predictor

        with serve(make=two) as client:
            yield client

    @pytest.fixture
    def couple(self, to_jpeg):
        return to_jpeg(np.concatenate([data.astronaut(), data.astronaut() // 2], axis=1))

    def test_the_largest_face_is_matched_unless_one_is_chosen(self, pair, couple):
        files = {"a": ("a.jpg", couple), "b": ("b.jpg", couple)}
        answer = pair.post("/v1/match?frames=2", files=files).json()
        largest = answer["a"]["face"]
        assert answer["b"]["face"] == largest
        other = 1 - largest
        answer = pair.post(f"/v1/match?frames=2&face_a={other}", files=files).json()
        assert (answer["a"]["face"], answer["b"]["face"]) == (other, largest)
        assert answer["a"]["keypoints"] != answer["b"]["keypoints"]

    def test_a_face_that_does_not_exist_is_an_error(self, pair, couple):
        files = {"a": ("a.jpg", couple), "b": ("b.jpg", couple)}
        response = pair.post("/v1/match?face_b=2", files=files)
        assert response.status_code == 422
        assert response.json()["error"] == "image B has no face 2; it has 2, counted from 0"


def test_faces_of_the_same_pose_have_no_large_difference(client, astronaut):
    files = {"a": ("a.jpg", astronaut), "b": ("b.jpg", astronaut)}
    assert client.post("/v1/match?frames=2", files=files).json()["large"] is False


def test_a_match_can_be_downloaded_as_an_image_a_gif_and_json(client, astronaut, to_jpeg):
    files = {"a": ("a.jpg", astronaut), "b": ("b.jpg", to_jpeg(data.astronaut() // 2))}
    saved = {kind: client.post(f"/v1/match/{kind}", files=files) for kind in ("image", "gif", "json")}
    names = [response.headers["content-disposition"] for response in saved.values()]
    assert names == [f'attachment; filename="{name}"' for name in ("matches.jpg", "morph.gif", "match.json")]
    assert PillowImage.open(io.BytesIO(saved["image"].content)).size == (960, 480)
    assert PillowImage.open(io.BytesIO(saved["gif"].content)).n_frames > 5
    match = json.loads(saved["json"].content)
    pytest.importorskip("jsonschema").validate(match, json_schema("match"))
    assert match["a"] == {"image": "a.jpg", "face": 0}
    assert client.post("/v1/match/mp5", files=files).status_code == 422
