"""The JSON Schemas of all kinds of files."""

import pytest

import nasion
from nasion.errors import ConfigError
from nasion.outputs.kinds import FILES, json_schema

jsonschema = pytest.importorskip("jsonschema")


@pytest.mark.parametrize("kind", FILES)
def test_every_schema_is_a_valid_json_schema(kind):
    schema = json_schema(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_unknown_kind_is_named():
    with pytest.raises(ConfigError, match='no JSON Schema "keypoint"; did you mean "keypoints"'):
        json_schema("keypoint")


@pytest.mark.parametrize("kind", FILES)
def test_every_object_is_strict(kind):
    schema = json_schema(kind)
    objects = [schema, *schema.get("$defs", {}).values()]
    assert kind == "scores" or all(each["additionalProperties"] is False for each in objects)


@pytest.mark.parametrize("kind", sorted(set(FILES) - {"scores"}))
def test_every_file_names_the_versions_of_its_form_and_of_nasion(kind):
    assert json_schema(kind)["required"][:2] == ["schema_version", "nasion_version"]


def test_every_object_of_keypoints_is_described():
    for name, each in json_schema()["$defs"].items():
        assert all(field.get("description") for field in each["properties"].values()), name


def test_it_is_public():
    assert nasion.json_schema is json_schema
