"""Images in, faces out; everything else is an error of one line."""

import io
import threading

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from nasion.errors import ModelError
from nasion.outputs.schema import MEASUREMENTS
from nasion.predict.model_zoo import available, card
from nasion.studio import ServerSettings


def test_the_health_check_counts_unfinished_jobs(client):
    assert client.get("/healthz").json() == {"ok": True, "waiting": 0}
    queue = client.app.app.state.server.queue
    queue.unfinished = 3
    assert client.get("/healthz").json() == {"ok": True, "waiting": 3}
    queue.unfinished = 0


def test_the_models_are_listed_with_their_keypoints_and_terms(client):
    models = client.get("/v1/models").json()
    assert [model["name"] for model in models] == available()
    assert list(models[0]) == ["name", "skeleton", "card", "terms"]
    assert models[0]["skeleton"]["count"] == 68
    assert models[0]["card"] == card(models[0]["name"])
    assert models[0]["terms"] == models[0]["card"]["terms"] != ""


def test_a_model_that_cannot_be_loaded_does_not_hide_the_others(serve, tmp_path, gray):
    (tmp_path / "mine.onnx").write_bytes(b"cut off")
    with serve(extra={"mine": str(tmp_path / "mine.onnx")}) as client:
        first, *others = client.get("/v1/models").json()
        assert list(first) == ["name", "error"]
        assert first["name"] == "mine"
        assert "damaged" in first["error"]
        assert all("skeleton" in model for model in others)
        assert client.post("/v1/predict?model=default", content=gray).status_code == 200
        assert client.post("/v1/predict", content=gray).status_code == 422


@pytest.mark.parametrize("form", ["typed body", "body", "form"])
def test_an_image_gives_its_faces(client, make, astronaut, form):
    request = {
        "typed body": {"content": astronaut, "headers": {"content-type": "image/jpeg"}},
        "body": {"content": astronaut},
        "form": {"files": {"image": ("me.jpg", astronaut, "image/jpeg")}},
    }[form]
    response = client.post("/v1/predict", **request)
    assert response.status_code == 200
    answer = response.json()
    assert list(answer)[:3] == ["schema_version", "nasion_version", "model"]
    assert (answer["model"], answer["skeleton"], len(answer["point_names"])) == ("default", "ibug-68", 68)
    assert (answer["width"], answer["height"]) == (512, 512)
    (face,) = answer["faces"]
    expected = make("default")(data.astronaut())[0]
    assert list(face) == ["face", "score", "box", "keypoints", "spread_px", "ellipses", "hidden_probability"]
    assert (face["face"], face["score"]) == (0, 0.9)
    assert np.array(face["keypoints"]) == pytest.approx(expected.keypoints, abs=3)  # JPEG loses a little
    assert len(face["spread_px"]) == len(face["ellipses"]["angle_deg"]) == 68


def test_faces_are_measured_on_request(client, astronaut):
    (face,) = client.post("/v1/predict?measure=true", content=astronaut).json()["faces"]
    assert tuple(face["measurements"]) == MEASUREMENTS
    assert list(face["measurements"]["yaw"]) == ["value", "error", "unit"]
    assert face["measurements"]["mouth_open"]["error"] is None
    assert client.post("/v1/predict?measure=often", content=astronaut).status_code == 422


def test_the_model_can_be_chosen(client, make, astronaut):
    answer = client.post("/v1/predict?model=tiny", content=astronaut).json()
    expected = make("tiny")(data.astronaut())[0]
    assert (answer["model"], answer["skeleton"]) == ("tiny", expected.skeleton.name)
    assert len(answer["faces"][0]["keypoints"]) == expected.skeleton.count


def test_boxes_give_one_face_each_in_their_order(client, astronaut):
    boxes = [(176, 95, 275, 180), (60, 40, 90, 80)]
    query = "&".join("box=" + ",".join(map(str, box)) for box in boxes)
    faces = client.post(f"/v1/predict?{query}", content=astronaut).json()["faces"]
    assert [face["score"] for face in faces] == [1.0, 1.0]
    for face, (x0, y0, x1, y1) in zip(faces, boxes, strict=True):
        left, top, right, bottom = face["box"]
        assert left < (x0 + x1) / 2 < right
        assert top < (y0 + y1) / 2 < bottom


@pytest.mark.parametrize(
    "box",
    [
        *("1,2,3", "1,2,3,4,5", "a,b,c,d", "here", "", "-1e300,0,9,9", "0,0,9,1000001", "nan,0,9,9", "0,0,inf,9"),
        *("9,9,1,1", "5,5,5,5", "x" * 500),
    ],
)
def test_an_invalid_box_is_rejected(client, astronaut, box):
    response = client.post("/v1/predict", params={"box": box}, content=astronaut)
    assert response.status_code == 422
    assert response.json()["error"].startswith(("a box is x0,y0,x1,y1 in px", "the box has the coordinate"))
    assert "\n" not in response.json()["error"]
    assert len(response.json()["error"]) < 200


def test_the_number_of_boxes_is_limited(client, gray):
    box = "box=9,9,40,40"
    assert client.post("/v1/predict?" + "&".join([box] * 65), content=gray).status_code == 422


def test_an_image_without_a_face_gives_an_empty_list(client, gray):
    answer = client.post("/v1/predict", content=gray).json()
    assert (answer["width"], answer["height"], answer["faces"]) == (80, 60, [])


def bomb():
    buffer = io.BytesIO()
    PillowImage.new("1", (30_000, 30_000)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"not an image", "cut", bomb()], ids=["empty", "text", "cut off", "bomb"])
def test_a_body_that_is_not_an_image_is_rejected_in_one_line(client, astronaut, content):
    response = client.post("/v1/predict", content=astronaut[:900] if content == "cut" else content)
    assert response.status_code == 422
    assert list(response.json()) == ["error"]
    assert "\n" not in response.json()["error"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"--x\r\n", "multipart/form-data; boundary=x", 422), (b"--x", "multipart/form-data", 400)],
)
def test_a_damaged_form_is_rejected(client, content, kind, status):
    response = client.post("/v1/predict", content=content, headers={"content-type": kind})
    assert response.status_code == status
    assert list(response.json()) == ["error"]


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c"], []])
def test_a_prediction_takes_exactly_one_image(client, gray, names):
    files = {name: (f"{name}.jpg", gray) for name in names} or {"text": (None, "no file")}
    response = client.post("/v1/predict", files=files)
    assert response.status_code in (400, 422)
    assert list(response.json()) == ["error"]


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
DDS = b"DDS " + (124).to_bytes(4, "little") + bytes(120)
EPS_LIKE_HEIC = b"%!PSftypheic\n" + EPS


@pytest.mark.parametrize("content", [EPS, DDS, EPS_LIKE_HEIC])
def test_formats_that_are_programs_or_rare_are_not_opened(client, content):
    if content is EPS_LIKE_HEIC:
        pytest.importorskip("pillow_heif")
    response = client.post("/v1/predict", content=content)
    assert response.status_code == 422
    assert "known format" in response.json()["error"]


def test_an_image_with_too_many_pixels_is_rejected_before_it_is_decoded(serve, astronaut):
    with serve(settings=ServerSettings(largest_pixels=512 * 512 - 1)) as client:
        response = client.post("/v1/predict", content=astronaut)
    assert response.status_code == 422
    assert "pixels" in response.json()["error"]


@pytest.mark.parametrize("name", ["../default", "/etc/passwd", "runs/me", "x" * 5000, "<script>"])
def test_a_model_is_a_name_and_never_a_file(client, astronaut, name):
    response = client.post("/v1/predict", params={"model": name}, content=astronaut)
    assert response.status_code == 422
    assert "no model" in response.json()["error"]
    assert len(response.json()["error"]) < 300


def test_an_example_is_predicted_at_the_start(serve, make):
    """The first request then finds everything loaded; errors are left to it."""
    seen = threading.Event()

    class Seen:
        def __init__(self, name):
            self.predictor = make(name)
            self.skeleton, self.backend = self.predictor.skeleton, self.predictor.backend

        def __call__(self, image, boxes=None):
            seen.set()
            return self.predictor(image, boxes)

    def fail(name):
        seen.set()
        raise ModelError("damaged")

    for each in (Seen, fail):
        seen.clear()
        with serve(settings=ServerSettings(warm_up=True), make=each) as client:
            assert seen.wait(60)
            assert client.get("/healthz").status_code == 200
