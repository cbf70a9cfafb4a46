"""The kinds of JSON files that nasion writes, and their JSON Schema."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from nasion.errors import ConfigError, suggest
from nasion.outputs.reports import AuditFile, BulkProgress, CropsFile, FindingsFile, Scores
from nasion.outputs.schema import KeypointsFile, MatchFile, MeanFaceFile

__all__ = ["FILES", "json_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

FILES: Mapping[str, type[BaseModel]] = {
    "keypoints": KeypointsFile,
    "match": MatchFile,
    "mean-face": MeanFaceFile,
    "crops": CropsFile,
    "scores": Scores,
    "audit": AuditFile,
    "findings": FindingsFile,
    "bulk": BulkProgress,
}
"""The kinds of JSON files with their models."""


def json_schema(kind: str = "keypoints") -> dict[str, Any]:
    """Return the JSON Schema of a kind of file.

    Args:
        kind: "keypoints" (`nasion predict`, and `nasion convert` to json), "match" and "mean-face" (`nasion match`),
            "crops" (`nasion crop`), "scores" (`nasion evaluate --json`), "audit" (`nasion audit`), "findings"
            (`nasion doctor --json`) or "bulk" (`nasion bulk --json`).

    >>> sorted(json_schema()["properties"])
    ['images', 'model', 'nasion_version', 'point_names', 'schema_version', 'skeleton']

    Raises:
        ConfigError: there is no such kind.
    """
    if kind not in FILES:
        raise ConfigError(f'no JSON Schema "{kind}"; {suggest(kind, FILES)}')
    return {"$schema": DIALECT, **FILES[kind].model_json_schema()}
