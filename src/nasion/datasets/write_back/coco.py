"""COCO's keypoint JSON: the keypoints of an annotation, and their count; everything else stays as it is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasion.datasets.formats._reading import pictures_folder
from nasion.datasets.write_back._common import nth, replace, written
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton

VISIBLE = 2


class Files:
    """A JSON file."""

    form, hides = "COCO's .json", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.pictures = place, pictures_folder(place, options)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture's face."""
        table = np.array(self._mine(self._whole()[0], image, face)["keypoints"], np.float64).reshape(-1, 3)
        return np.where(table[:, 2:] > 0, table[:, :2], np.nan)

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture's face: v is 0 where missing, else as it was, or 2."""
        whole, indent = self._whole()
        entry = self._mine(whole, image, face)
        cells: list[float] = []
        for (x, y), v in zip(keypoints.tolist(), entry["keypoints"][2::3], strict=True):
            cells += [0, 0, 0] if np.isnan(x + y) else [written(x), written(y), v or VISIBLE]
        entry["keypoints"] = cells
        entry["num_keypoints"] = int(np.isfinite(keypoints).all(-1).sum())
        replace(self.path, json.dumps(whole, ensure_ascii=False, indent=indent).encode("utf-8"))

    def _whole(self) -> tuple[dict[str, Any], int | None]:
        """Return the file, and by how much its lines are indented; None if it is one line."""
        text = self.path.read_text("utf-8")
        second = text.partition("\n")[2]
        return json.loads(text), len(second) - len(second.lstrip(" ")) if second.strip() else None

    def _mine(self, whole: dict[str, Any], image: Path, face: int) -> dict[str, Any]:
        mine = {picture["id"] for picture in whole["images"] if self.pictures / picture["file_name"] == image}
        entries = [entry for entry in whole["annotations"] if entry.get("keypoints") and entry.get("image_id") in mine]
        return nth(entries, face, image, self.path)
