"""COCO's keypoint JSON: `keypoints` as x, y, v with v 0 unlabeled, 1 hidden, 2 visible; `bbox` as xywh. 0-based.

Source of the format: cocodataset.org, "Data format". The images are in the folder of the file, or in `?images=DIR`.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._writing import box_of, json_list, nth_face, plain, replace_file, rounded, visibility
from nasion.documents import parse_json, read_json, read_text
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.outputs.records import SCORE_DECIMALS, Content, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "coco:FILE.json   COCO keypoints, with visibility, 0-based"
OPTIONS = {"images": reading.IMAGES_HELP, "skeleton": reading.SKELETON_HELP}

STORES = frozenset(Content) - {Content.SUBJECTS, Content.SPLITS, Content.SPREAD, Content.ELLIPSES}

UNLABELED, HIDDEN, VISIBLE = 0, 1, 2
"""COCO's values of v."""

CATEGORY = 1
"""Number of the only category, a face."""


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of a JSON file; the subject is the photo."""
    path = reading.existing_path(source, "file")
    root = reading.image_folder(path, options)
    document = read_json(path, str(path), AnnotationError, reading.MAX_BYTES)
    try:
        images = {image["id"]: root / image["file_name"] for image in document["images"]}
        entries = [entry for entry in document["annotations"] if entry.get("keypoints")]
        skeleton = reading.option_skeleton(options) or _skeleton(path, document, entries)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise AnnotationError(f"{path}: not COCO keypoints: {error!r}") from None
    found = reading.Collector()
    seen: dict[Any, int] = {}
    for entry in entries:
        with found.reading(f"annotation {str(entry.get('id'))[:80]}"):
            number = seen[entry.get("image_id")] = seen.get(entry.get("image_id"), -1) + 1
            found.add(_face(entry, images, number, skeleton))
    found.empty_images += [image for key, image in images.items() if key not in seen]
    return found.dataset(f"coco:{source}", skeleton, "v = 0 read as missing, v = 1 as hidden")


def _skeleton(path: Path, document: Mapping[str, Any], entries: list[dict[str, Any]]) -> Skeleton:
    """Return a skeleton with the names of the file's category, or the packaged one with as many points."""
    if not entries:
        return reading.any_skeleton()
    count = len(entries[0]["keypoints"]) // 3
    categories = document.get("categories", [])
    names = next((c["keypoints"] for c in categories if len(c.get("keypoints", [])) == count), None)
    if names:
        return reading.skeleton_of_names(path.stem, names)
    return reading.skeleton_of_count(count) or reading.skeleton_of_names(
        path.stem, [f"point_{k}" for k in range(count)]
    )


def _face(entry: Mapping[str, Any], images: Mapping[Any, Path], number: int, skeleton: Skeleton) -> Annotation:
    try:
        image = images[entry["image_id"]]
        table = _table(entry)
        score = None if entry.get("score") is None else float(entry["score"])
        box = np.array(entry["bbox"], dtype=np.float64).reshape(4) if entry.get("bbox") else None
    except (KeyError, ValueError, TypeError) as error:
        raise AnnotationError(f"is incomplete or mistyped: {error!r}") from None
    return reading.checked_annotation(
        image,
        _keypoints(table),
        skeleton,
        visible=table[:, 2] > HIDDEN,
        box=None if box is None else np.concatenate([box[:2], box[:2] + box[2:]]),
        subject=str(image.with_suffix("")),
        face=number,
        score=score,
    )


def _table(entry: Mapping[str, Any]) -> FloatArray:
    """Return an entry's rows x, y, v as (K, 3), image px and no unit."""
    return np.array(entry["keypoints"], dtype=np.float64).reshape(-1, 3)


def _keypoints(table: FloatArray) -> FloatArray:
    """Return the keypoints (K, 2), image px, of rows x, y, v (K, 3); NaN where unlabeled."""
    return np.where(table[:, 2:] > UNLABELED, table[:, :2], np.nan)


def files(labels: LabelSet, target: Path, _options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the file's path and its content, with one line for each image and each face."""
    yield target, map(str.encode, _parts(labels))


def _parts(labels: LabelSet) -> Iterator[str]:
    names = list(labels.skeleton.names)
    edges = [[a + 1, b + 1] for line in labels.skeleton.lines for a, b in pairwise(line)]  # counted from 1
    category = {"id": CATEGORY, "name": "face", "supercategory": "face", "keypoints": names, "skeleton": edges}
    yield f'{{"categories": [{json.dumps(category, ensure_ascii=False)}],\n"images": '
    yield from json_list(_images(labels))
    yield ',\n"annotations": '
    yield from json_list(_annotations(labels))
    yield "}\n"


def _images(labels: LabelSet) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(labels.images, start=1):
        height, width = record.size
        yield {"id": number, "file_name": record.image, "width": width, "height": height}


def _annotations(labels: LabelSet) -> Iterator[dict[str, Any]]:
    numbers = count(1)
    for image, record in enumerate(labels.images, start=1):
        for face in record.faces:
            x0, y0, x1, y1 = box_of(face).tolist()
            shown = visibility(face)
            cells = [
                [0, 0, UNLABELED] if v == UNLABELED else [plain(x), plain(y), v]
                for (x, y), v in zip(face.keypoints.tolist(), shown, strict=True)
            ]
            entry = {
                "id": next(numbers),
                "image_id": image,
                "category_id": CATEGORY,
                "iscrowd": 0,
                "bbox": [plain(value) for value in (x0, y0, x1 - x0, y1 - y0)],
                "area": plain((x1 - x0) * (y1 - y0)),
                "num_keypoints": sum(v > UNLABELED for v in shown),
                "keypoints": [value for point in cells for value in point],
            }
            yield entry if face.score is None else entry | {"score": round(face.score, SCORE_DECIMALS)}


class LabelFiles:
    """A JSON file whose keypoints and their count can be changed; everything else stays as it is."""

    form, hides = "COCO's .json", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.images = place, reading.image_folder(place, options)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where unlabeled."""
        return _keypoints(_table(self._entry(self._document()[0], image, face)))

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; v becomes 0 where NaN, otherwise it stays or becomes 2."""
        document, indent = self._document()
        entry = self._entry(document, image, face)
        cells: list[float] = []
        for (x, y), v in zip(keypoints.tolist(), entry["keypoints"][2::3], strict=True):
            seen = v if v in (HIDDEN, VISIBLE) else VISIBLE  # also for other values, which would be read as missing
            cells += [0, 0, UNLABELED] if np.isnan(x + y) else [rounded(x), rounded(y), seen]
        entry["keypoints"] = cells
        entry["num_keypoints"] = int(np.isfinite(keypoints).all(-1).sum())
        replace_file(self.path, json.dumps(document, ensure_ascii=False, indent=indent).encode("utf-8"))

    def _document(self) -> tuple[dict[str, Any], int | None]:
        """Return the file's content, and the indentation of its second line; None if it has one line."""
        text = read_text(self.path, str(self.path), AnnotationError, reading.MAX_BYTES)
        second = text.partition("\n")[2]
        document = parse_json(text, str(self.path), AnnotationError, reading.MAX_BYTES)
        return document, len(second) - len(second.lstrip(" ")) if second.strip() else None

    def _entry(self, document: dict[str, Any], image: Path, face: int) -> dict[str, Any]:
        ids = {entry["id"] for entry in document["images"] if self.images / entry["file_name"] == image}
        faces = [entry for entry in document["annotations"] if entry.get("keypoints") and entry.get("image_id") in ids]
        return nth_face(faces, face, image, self.path)
