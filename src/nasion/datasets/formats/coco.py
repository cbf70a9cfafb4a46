"""COCO's keypoint JSON: `keypoints` as x, y, v with v 0 unlabeled, 1 hidden, 2 visible; `bbox` as xywh. 0-based.

Source of the format: cocodataset.org, "Data format". Pictures lie beside the file, or in `?images=DIR`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.formats._reading import (
    SKELETON_HELP,
    Collector,
    annotation,
    existing,
    named_skeleton,
    option_skeleton,
    pictures_folder,
    skeleton_of_count,
)
from nasion.errors import AnnotationError
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "coco:FILE.json   COCO keypoints, with visibility, 0-based"
OPTIONS = {"images": "the folder that file names start from", "skeleton": SKELETON_HELP}


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a JSON file, subject = photograph."""
    path = existing(source, "file")
    root = pictures_folder(path, options)
    try:
        whole = json.loads(path.read_text("utf-8"))
        pictures = {picture["id"]: root / picture["file_name"] for picture in whole["images"]}
        entries = [entry for entry in whole["annotations"] if entry.get("keypoints")]
        points = option_skeleton(options) or _skeleton(path, whole, entries)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnnotationError(f"{path}: not COCO keypoints: {error!r}") from None
    found = Collector()
    seen: dict[Any, int] = {}
    for entry in entries:
        number = seen[entry.get("image_id")] = seen.get(entry.get("image_id"), -1) + 1
        found.collect(f"annotation {entry.get('id')}", lambda e=entry, n=number: _face(e, pictures, n, points))
    return found.dataset(f"coco:{source}", points, "v = 0 read as missing, v = 1 as hidden")


def _skeleton(path: Path, whole: Mapping[str, Any], entries: list[dict[str, Any]]) -> Skeleton:
    count = len(entries[0]["keypoints"]) // 3 if entries else 0
    names = next((c["keypoints"] for c in whole.get("categories", []) if len(c.get("keypoints", [])) == count), None)
    if names:
        return named_skeleton(path.stem, names)
    return skeleton_of_count(count) or named_skeleton(path.stem, [f"point_{k}" for k in range(count)])


def _face(
    entry: Mapping[str, Any], pictures: Mapping[Any, Path], number: int, points: Skeleton
) -> Iterator[Annotation]:
    try:
        image = pictures[entry["image_id"]]
        table = np.array(entry["keypoints"], dtype=np.float64).reshape(-1, 3)
        box = np.array(entry["bbox"], dtype=np.float64).reshape(4) if entry.get("bbox") else None
    except (KeyError, ValueError, TypeError) as error:
        raise AnnotationError(f"is incomplete or mistyped: {error!r}") from None
    yield annotation(
        image,
        np.where(table[:, 2:] > 0, table[:, :2], np.nan),
        points,
        visible=table[:, 2] > 1,
        box=None if box is None else np.concatenate([box[:2], box[:2] + box[2:]]),
        subject=str(image.with_suffix("")),
        face=number,
    )
