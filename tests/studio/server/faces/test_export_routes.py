"""Predictions are sent back and returned as a file."""

import json

import pytest


@pytest.fixture(scope="module")
def predicted(client, astronaut):
    answer = client.post("/v1/predict", content=astronaut).json()
    return {"image": "me.jpg", **{key: answer[key] for key in ("width", "height", "faces")}}


def test_predictions_become_a_file(client, predicted):
    response = client.post("/v1/export/json", json={"images": [predicted]})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''keypoints.json"
    document = json.loads(response.content)
    assert document["images"] == [predicted]
    assert document["model"] == "default"


@pytest.mark.parametrize(
    ("form", "kind"), [("csv", "text/csv"), ("coco", "application/json"), ("zip", "application/zip")]
)
def test_other_forms_have_their_media_type(client, predicted, form, kind):
    assert client.post(f"/v1/export/{form}", json={"images": [predicted]}).headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("doc", {"images": [{"image": "a", "width": 1, "height": 1, "faces": []}]}),
        ("json", {"images": []}),
        ("json", {"images": [{"image": "a"}]}),
        ("json?model=none", {"images": [{"image": "a", "width": 1, "height": 1, "faces": []}]}),
    ],
)
def test_wrong_requests_are_one_line(client, path, body):
    response = client.post(f"/v1/export/{path}", json=body)
    assert response.status_code == 422
    assert list(response.json()) == ["error"]
