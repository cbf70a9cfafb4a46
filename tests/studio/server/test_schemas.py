"""The OpenAPI description is complete, and answers have exactly the keys that it names."""

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from nasion.outputs.kinds import json_schema
from nasion.outputs.records import header_values
from nasion.skeleton import load_skeleton
from nasion.studio.server.schemas import Faces, Health, SkeletonInfo

NOSE = load_skeleton("nose-1")
IMM = load_skeleton("imm-58")


@pytest.fixture
def openapi(album_client):
    return album_client.get("/openapi.json").json()


def operations(openapi):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    }


def test_all_routes_are_described(openapi):
    assert openapi["info"]["title"] == "nasion HTTP API"
    assert set(operations(openapi)) == {
        "GET /healthz",
        "GET /v1/studio",
        "GET /v1/models",
        "POST /v1/predict",
        "POST /v1/match",
        "POST /v1/match/{kind}",
        "POST /v1/export/{form}",
        "POST /v1/video",
        "GET /v1/video/{name}",
        "DELETE /v1/video/{name}",
        "GET /v1/video/{name}/frame",
        "GET /v1/video/{name}/keypoints.mp4",
        "GET /v1/video/{name}/keypoints.csv",
        "GET /v1/album",
        "GET /v1/folders",
        "GET /v1/formats",
        "POST /v1/album/project",
        "POST /v1/album/pairs",
        "POST /v1/album/skeleton",
        "POST /v1/album/import",
        "GET /v1/album/export",
        "GET /v1/album/images/{number}",
        "PUT /v1/album/images/{number}",
        "GET /v1/album/images/{number}/picture",
        "GET /v1/album/images/{number}/thumbnail",
        "GET /v1/album/images/{number}/history",
        "GET /v1/album/images/{number}/landmarks",
        "POST /v1/album/images/{number}/accept",
        "POST /v1/album/images/{number}/place",
        "GET /v1/train",
        "POST /v1/train",
        "POST /v1/train/stop",
        "POST /v1/train/resume",
        "GET /v1/train/comparison",
        "GET /v1/train/report",
    }


def test_every_route_has_a_summary_and_a_schema_for_its_answer(openapi):
    for name, operation in operations(openapi).items():
        assert operation["summary"], name
        (content,) = operation["responses"]["200"]["content"].values()
        assert content["schema"], name
        json_types = operation["responses"]["200"]["content"].keys() & {"application/json"}
        assert not json_types or "$ref" in json.dumps(content["schema"]), name  # a named object, not any JSON


def test_every_route_describes_its_errors(openapi):
    for name, operation in operations(openapi).items():
        error = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert error["$ref"].endswith("/ErrorMessage"), name
        assert "422" not in operation["responses"], name  # FastAPI's own form of errors is never sent


def test_every_reference_has_its_object(openapi):
    text = json.dumps(openapi)
    references = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= set(openapi["components"]["schemas"])


def test_parameters_and_bodies_are_described(openapi):
    found = operations(openapi)
    for name, operation in found.items():
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter["description"], (name, parameter["name"])
    assert set(found["POST /v1/predict"]["requestBody"]["content"]) == {"image/*", "multipart/form-data"}
    assert set(found["POST /v1/match"]["requestBody"]["content"]) == {"multipart/form-data"}
    assert set(found["PUT /v1/album/images/{number}"]["requestBody"]["content"]) == {"application/json"}


def test_fields_carry_descriptions(openapi):
    entry = openapi["components"]["schemas"]["ImageEntry"]
    assert "fraction of the face's size" in entry["properties"]["uncertainty"]["description"]
    assert set(entry["required"]) == set(entry["properties"])


def test_a_skeleton_is_described_with_all_that_drawing_needs():
    info = SkeletonInfo.of(IMM).model_dump()
    assert list(info) == ["name", "count", "names", "lines", "regions", "flip"]
    assert (info["name"], info["count"], info["names"]) == ("imm-58", 58, list(IMM.names))
    assert info["lines"] == [list(line) for line in IMM.lines]
    assert info["regions"] == {name: list(indices) for name, indices in IMM.regions.items()}
    assert info["flip"] == list(IMM.flip)


def test_a_skeleton_may_have_no_flip_map():
    assert SkeletonInfo.of(replace(NOSE, flip=None)).flip is None


def test_the_objects_of_an_answer_are_those_of_files(openapi):
    """Programs rely on the keys."""
    found = openapi["components"]["schemas"]
    assert list(found["Faces"]["properties"])[:5] == [
        *("schema_version", "nasion_version", "model", "skeleton", "point_names"),
    ]
    face = json_schema()["$defs"]["Face"]
    assert list(found["Face"]["properties"]) == list(face["properties"])
    assert found["Face"]["required"] == face["required"]
    assert found["Face"]["required"] == ["face", "score", "box", "keypoints", "spread_px", "ellipses"]
    assert all(field["description"] for field in found["Face"]["properties"].values())


def test_unknown_keys_are_an_error_rather_than_lost():
    with pytest.raises(ValidationError):
        Health(ok=True, waiting=0, other=1)
    with pytest.raises(ValidationError):
        Faces(**header_values(NOSE, "mine"), width=3, height=2, faces=[{"face": 0}])
