"""The images of an open folder through HTTP."""

import shutil

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.skeleton import load_skeleton
from nasion.studio import open_album
from nasion.studio.albums.label_store import Face

IBUG = load_skeleton("ibug-68")
IMAGES = "/v1/album/images"


def update(labels, shift=0.0, **changes):
    """Return what a client sends to save the faces of an answer, moved by some px."""
    faces = [
        {"keypoints": [point and [point[0] + shift, point[1]] for point in face["keypoints"]], "origin": face["origin"]}
        for face in labels["faces"]
    ]
    return {"name": labels["name"], "seen": labels["version"], "faces": faces, "state": "done"} | changes


def test_suggested_faces_are_changed_and_saved(album_client, folder):
    labels = album_client.get(f"{IMAGES}/1").json()
    assert list(labels) == ["name", "width", "height", "version", "state", "changed", "labeled", "start", "faces"]
    assert (labels["name"], labels["version"], labels["labeled"], labels["start"]) == (
        "inside/a.png",
        "new",
        False,
        "model",
    )
    assert (labels["width"], labels["height"], labels["state"], labels["changed"]) == (512, 512, "todo", False)
    (face,) = labels["faces"]
    assert list(face) == ["keypoints", "origin", "model", "ellipses"]
    assert (face["origin"], face["keypoints"]) == (None, face["model"])
    assert len(face["ellipses"]["semi_major_px"]) == 68
    response = album_client.put(f"{IMAGES}/1", json=update(labels, 2.0))
    assert (response.status_code, response.json()["notice"]) == (200, "")
    saved = album_client.get(f"{IMAGES}/1").json()
    assert (saved["version"], saved["labeled"], saved["start"]) == (response.json()["version"], True, "labels")
    assert (saved["state"], saved["changed"], saved["faces"][0]["origin"]) == ("done", True, 0)
    assert np.array(saved["faces"][0]["keypoints"]) == pytest.approx(np.array(face["keypoints"]) + [2, 0], abs=2e-3)
    assert [entry["state"] for entry in album_client.get("/v1/album").json()["entries"]] == ["todo", "done"]
    assert (folder / "nasion-labels.json").is_file()


def test_saving_on_labels_that_have_changed_is_a_conflict(album_client):
    labels = album_client.get(f"{IMAGES}/0").json()
    assert album_client.put(f"{IMAGES}/0", json=update(labels)).status_code == 200
    response = album_client.put(f"{IMAGES}/0", json=update(labels))
    assert response.status_code == 409
    assert "have changed" in response.json()["error"]


def test_a_number_that_belongs_to_another_image_is_a_conflict(album_client, folder):
    """After a restart, an image that was added has shifted the numbers."""
    labels = album_client.get(f"{IMAGES}/0").json()
    assert album_client.put(f"{IMAGES}/1", json=update(labels)).status_code == 409
    assert not (folder / "nasion-labels.json").exists()


def test_an_image_without_a_face_is_marked(album_client):
    labels = album_client.get(f"{IMAGES}/0").json()
    response = album_client.put(f"{IMAGES}/0", json=update(labels, faces=[], state="no_face"))
    assert response.status_code == 200
    again = album_client.get(f"{IMAGES}/0").json()
    assert (again["state"], again["labeled"], again["faces"]) == ("no_face", True, [])
    assert album_client.get("/v1/album").json()["entries"][0]["state"] == "no_face"
    back = album_client.put(f"{IMAGES}/0", json=update(again, faces=None, state="todo"))
    assert back.json()["version"] == "new"


@pytest.mark.parametrize("state", ["no_face", "finished"])
def test_a_state_that_contradicts_the_faces_is_refused(album_client, folder, state):
    labels = album_client.get(f"{IMAGES}/0").json()
    assert album_client.put(f"{IMAGES}/0", json=update(labels, state=state)).status_code == 422
    assert not (folder / "nasion-labels.json").exists()


def test_an_image_and_its_thumbnail_are_served_as_jpeg(album_client):
    response = album_client.get(f"{IMAGES}/0/picture")
    assert response.headers["content-type"] == "image/jpeg"
    image = images.decode(response.content, "the image")
    assert np.abs(image.astype(float) - data.astronaut()).mean() < 4
    for _ in range(2):
        response = album_client.get(f"{IMAGES}/0/thumbnail")
        assert images.decode(response.content, "the image").shape == (256, 256, 3)
    assert response.headers["cache-control"].startswith("private, max-age=")


@pytest.mark.parametrize(
    "path", ["/2", "/-1", "/2/picture", "/2/thumbnail", "/x", "/2/history", "/99999999999999999999"]
)
def test_other_numbers_are_rejected(album_client, path):
    assert album_client.get(f"{IMAGES}{path}").status_code == 422


def test_an_image_is_a_number_and_never_a_path(album_client):
    assert album_client.get(f"{IMAGES}/..%2f..%2fetc").status_code in (404, 422)


@pytest.mark.parametrize("point", ['["x", 1]', "[1]", "[Infinity, 1]", "[NaN, 1]", "[1000001, 1]", "7"])
def test_invalid_points_are_not_saved(album_client, folder, point):
    body = f'{{"name": "a.png", "seen": "new", "faces": [{{"keypoints": [{", ".join([point] * 68)}]}}]}}'
    response = album_client.put(f"{IMAGES}/0", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert list(response.json()) == ["error"]
    assert not (folder / "nasion-labels.json").exists()


@pytest.mark.parametrize("points", [[], [None] * 68, [[1.0, 2.0]] * 67])
def test_points_that_do_not_fit_are_not_saved(album_client, folder, points):
    body = {"name": "a.png", "faces": [{"keypoints": points}], "seen": "new"}
    assert album_client.put(f"{IMAGES}/0", json=body).status_code == 422
    assert not (folder / "nasion-labels.json").exists()


def test_missing_points_are_saved_as_null(album_client):
    labels = album_client.get(f"{IMAGES}/0").json()
    labels["faces"][0]["keypoints"][3] = None
    assert album_client.put(f"{IMAGES}/0", json=update(labels)).status_code == 200
    assert album_client.get(f"{IMAGES}/0").json()["faces"][0]["keypoints"][3] is None


def test_nothing_is_saved_in_a_deleted_folder(album_client, folder):
    labels = album_client.get(f"{IMAGES}/0").json()
    shutil.rmtree(folder)
    response = album_client.put(f"{IMAGES}/0", json=update(labels))
    assert response.status_code == 422
    assert "its image is missing" in response.json()["error"]
    assert not folder.exists()
    assert album_client.get(f"{IMAGES}/0").status_code == 422
    for path in ("/picture", "/thumbnail"):
        response = album_client.get(f"{IMAGES}/0{path}")
        assert response.status_code == 404
        assert response.json()["error"] == "a.png: the image is no longer there; restore it or reload the page"


def test_an_image_is_accepted_with_its_suggestions_or_its_labels(album_client):
    assert album_client.post(f"{IMAGES}/0/accept").status_code == 200
    labels = album_client.get(f"{IMAGES}/0").json()
    assert (labels["state"], labels["changed"], len(labels["faces"])) == ("done", False, 1)
    album_client.put(f"{IMAGES}/0", json=update(labels, 3.0, state="todo"))
    album_client.post(f"{IMAGES}/0/accept")
    again = album_client.get(f"{IMAGES}/0").json()
    assert (again["state"], again["changed"]) == ("done", True)


def test_an_image_without_a_face_is_not_accepted(serve, tmp_path):
    images.write(tmp_path / "gray.png", np.full((60, 80, 3), 90, np.uint8))
    with serve(album=open_album(str(tmp_path), IBUG)) as client:
        response = client.post(f"{IMAGES}/0/accept")
    assert response.status_code == 422
    assert "gray.png: no face was found" in response.json()["error"]


def test_earlier_labels_are_listed(album_client):
    labels = album_client.get(f"{IMAGES}/0").json()
    seen = album_client.put(f"{IMAGES}/0", json=update(labels)).json()["version"]
    album_client.put(f"{IMAGES}/0", json=update(labels, 5.0, seen=seen))
    first, second = album_client.get(f"{IMAGES}/0/history").json()
    assert (first["state"], second["state"], second["faces"]) == ("done", "todo", None)
    assert first["faces"] == [labels["faces"][0]["keypoints"]]


def test_a_face_in_a_box_is_predicted(album_client):
    placed = album_client.post(f"{IMAGES}/0/place", json={"box": [176, 95, 275, 180]}).json()
    assert placed["start"] == "model"
    suggested = album_client.get(f"{IMAGES}/0").json()["faces"][0]["keypoints"]
    assert np.array(placed["face"]["keypoints"]) == pytest.approx(np.array(suggested), abs=4)
    for box in ([1, 2, 3], [5, 5, 5, 5], [9, 9, 1, 1], ["x", 1, 2, 3]):
        assert album_client.post(f"{IMAGES}/0/place", json={"box": box}).status_code == 422


def test_places_of_a_face_are_named(album_client):
    (face,) = album_client.get(f"{IMAGES}/0/landmarks").json()["faces"]
    places = {each["name"]: (each["x"], each["y"]) for each in face}
    assert places["right_eye"][0] < places["nose"][0] < places["left_eye"][0]


def test_two_labeled_faces_are_predicted_each_in_its_place(serve, make, tmp_path):
    images.write(tmp_path / "two.png", np.concatenate([data.astronaut()] * 2, axis=1))
    found = make("default")(data.astronaut())[0].keypoints
    album = open_album(str(tmp_path), IBUG)
    album.save(0, [Face(found + [512, 0]), Face(found)], "new")
    with serve(album=album) as client:
        for face in client.get(f"{IMAGES}/0").json()["faces"]:
            assert np.array(face["model"]) == pytest.approx(np.array(face["keypoints"]), abs=3)


@pytest.fixture
def own(serve, tmp_path):
    """Return a client whose folder has two images and the skeleton "mine" of three points."""
    for name in "ab":
        images.write(tmp_path / f"{name}.png", data.astronaut())
    with serve(album=open_album(str(tmp_path), IBUG)) as client:
        skeleton = {"name": "mine", "names": ["right_eye", "left_eye", "nose"], "flip": [1, 0, 2]}
        assert client.post("/v1/album/skeleton", json=skeleton).json()["count"] == 3
        yield client


def test_the_first_face_of_a_new_skeleton_has_no_start(own):
    labels = own.get(f"{IMAGES}/0").json()
    assert (labels["start"], labels["faces"]) == ("none", [])
    assert own.post(f"{IMAGES}/0/place", json={"box": [176, 95, 275, 180]}).json() == {"start": "none", "face": None}


def test_further_faces_start_where_those_labeled_before_had_their_points(own):
    points = [[205.0, 115.0], [240.0, 116.0], [223.0, 137.0]]
    own.put(f"{IMAGES}/0", json={"name": "a.png", "seen": "new", "faces": [{"keypoints": points}], "state": "done"})
    labels = own.get(f"{IMAGES}/1").json()
    assert (labels["start"], labels["labeled"]) == ("mean_shape", False)
    assert np.array(labels["faces"][0]["keypoints"]) == pytest.approx(np.array(points), abs=0.5)
    placed = own.post(f"{IMAGES}/1/place", json={"box": [176, 95, 275, 180]}).json()
    assert placed["start"] == "mean_shape"
    assert np.array(placed["face"]["keypoints"]) == pytest.approx(np.array(points), abs=6)
    assert own.get(f"{IMAGES}/0").json()["faces"][0]["model"] is None
