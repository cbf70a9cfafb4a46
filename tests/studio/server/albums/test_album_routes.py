"""Folders through HTTP: lists, confinement to the root, skeletons, import and export."""

import json

import numpy as np
import pytest
from skimage import data

from nasion import images
from nasion.skeleton import load_skeleton
from nasion.studio import open_album
from nasion.studio.albums.label_store import Face

IBUG = load_skeleton("ibug-68")
POINTS = np.arange(136.0).reshape(68, 2)


@pytest.fixture
def rooted(serve, folder):
    """Return a client that may open the folders beside `folder`, one of which is a link to elsewhere."""
    images.write(folder.parent / "more" / "x.png", data.astronaut())
    (folder.parent / "out").symlink_to("/etc")
    with serve(album=open_album(str(folder), IBUG), root=folder.parent) as client:
        yield client


def test_the_folder_is_described(album_client):
    album = album_client.get("/v1/album").json()
    assert list(album) == [
        *("folder", "name", "form", "hides", "adds", "notice", "changes", "images", "entries", "skeleton")
    ]
    assert (album["folder"], album["name"], album["form"]) == ("", "faces", "nasion-labels.json")
    assert (album["hides"], album["adds"], album["notice"], album["images"]) == (True, True, "", 2)
    assert album["skeleton"]["name"] == "ibug-68"
    keys = ["id", "name", "state", "faces", "changed", "found", "uncertainty", "error"]
    assert [list(entry) for entry in album["entries"]] == [keys] * 2
    assert [(entry["id"], entry["name"], entry["state"]) for entry in album["entries"]] == [
        (0, "a.png", "todo"),
        (1, "inside/a.png", "todo"),
    ]


def test_only_changes_are_sent_on_request(album_client, folder):
    server = album_client.app.app.state.server
    album = server.albums.get(None).album
    before = album_client.get("/v1/album").json()["changes"]
    album.save(1, [Face(POINTS)], "new")
    after = album_client.get(f"/v1/album?since={before}").json()
    assert 1 in [entry["id"] for entry in after["entries"]]
    assert after["changes"] > before
    images.write(folder / "0.png", data.astronaut())
    names = {entry["name"]: entry["id"] for entry in album_client.get("/v1/album").json()["entries"]}
    assert names == {"a.png": 0, "inside/a.png": 1, "0.png": 2}


def test_folders_are_listed_and_opened(rooted, folder):
    listing = rooted.get("/v1/folders").json()
    assert listing["parent"] is None
    assert [(each["path"], each["images"]) for each in listing["folders"]] == [("faces", 1), ("more", 1)]
    assert listing["refused"] == ["out"]
    assert rooted.get("/v1/album").json()["folder"] == "faces"
    assert rooted.get("/v1/album?folder=more").json()["name"] == "more"
    assert rooted.get("/v1/album").json()["folder"] == "more"  # the one that was opened last
    labels = rooted.get("/v1/album/images/0?folder=more").json()
    body = {"name": "x.png", "seen": "new", "faces": labels["faces"]}
    assert rooted.put("/v1/album/images/0?folder=more", json=body).status_code == 200
    assert (folder.parent / "more" / "nasion-labels.json").is_file()
    assert rooted.get("/v1/album?folder=faces").json()["entries"][0]["faces"] is None
    assert rooted.get("/v1/folders?path=more").json()["parent"] == ""


@pytest.mark.parametrize("folder_name", ["..", "/etc", "out", "out/ssl", "more/x.png", "nowhere", "csv:x", "a\0b"])
def test_folders_outside_the_root_are_not_opened(rooted, folder_name):
    for path in ("/v1/album", "/v1/album/images/0", "/v1/album/images/0/picture", "/v1/train"):
        response = rooted.get(path, params={"folder": folder_name})
        assert response.status_code == 422
        assert list(response.json()) == ["error"]
    assert rooted.get("/v1/folders", params={"path": folder_name}).status_code == 422


def test_without_a_folder_the_remedy_is_named(client):
    for path in ("/v1/album", "/v1/folders", "/v1/train"):
        response = client.get(path)
        assert response.status_code == 422
        assert "nasion serve FOLDER" in response.json()["error"]
    assert client.get("/v1/studio").json().items() >= {"album": False, "root": None}.items()


def test_a_root_without_an_open_folder(serve, folder):
    with serve(root=folder.parent) as client:
        assert client.get("/v1/studio").json().items() >= {"album": False, "root": folder.parent.name}.items()
        assert client.get("/v1/album?folder=faces").json()["images"] == 2
        assert client.get("/v1/studio").json()["album"] is True


def test_a_new_skeleton_is_proposed_and_created(album_client, folder):
    points = {"names": ["a", "b", "c"], "keypoints": [[0, 0], [10, 0], [5, 6]]}
    assert album_client.post("/v1/album/pairs", json=points).json() == {"flip": [1, 0, 2]}
    assert album_client.post("/v1/album/pairs", json=points | {"names": ["a"]}).status_code == 422
    skeleton = {"name": "mine", "names": ["a", "b", "c"], "flip": [1, 0, 2]}
    assert album_client.post("/v1/album/skeleton", json=skeleton).json()["flip"] == [1, 0, 2]
    assert (folder / "mine.toml").is_file()
    assert album_client.get("/v1/album").json()["skeleton"]["names"] == ["a", "b", "c"]
    assert album_client.app.app.state.server.albums.get(None).training.source.endswith("mine.toml")
    response = album_client.post("/v1/album/skeleton", json=skeleton)
    assert "choose another name" in response.json()["error"]


def test_labels_are_exported_and_imported(album_client, folder):
    assert album_client.get("/v1/album/export?format=coco").status_code == 422
    formats = {each["name"]: each["folder"] for each in album_client.get("/v1/formats").json()}
    assert (formats["coco"], formats["ibug"]) == (False, True)
    album = album_client.app.app.state.server.albums.get(None).album
    album.save(0, [Face(POINTS), Face(POINTS + 5)], "new")
    response = album_client.get("/v1/album/export?format=coco")
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''faces-coco.json"
    assert response.headers["x-not-stored"] == ""
    assert len(json.loads(response.content)["annotations"]) == 2
    archive = album_client.get("/v1/album/export?format=ibug")
    assert "several%20faces" in archive.headers["x-not-stored"]
    album.save(0, None, album.version(0))
    summary = album_client.post("/v1/album/import?format=coco", content=response.content).json()
    assert summary == {"images": 1, "faces": 2, "elsewhere": 0, "kept": 0, "problems": []}
    assert len(album.faces(0)) == 2
    for form, content in (("coco", b"a diary"), ("coco", b""), ("nonsense", b"x"), ("../x", b"x")):
        assert album_client.post("/v1/album/import", params={"format": form}, content=content).status_code == 422


def test_label_files_become_a_project(serve, folder):
    lines = "".join(f"{x + 1:.3f} {y + 1:.3f}\n" for x, y in POINTS)
    (folder / "a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    with serve(album=open_album(str(folder), IBUG)) as client:
        assert client.get("/v1/album").json()["adds"] is False
        assert client.post("/v1/album/project").json()["faces"] == 1
        assert client.get("/v1/album").json()["adds"] is True
