"""dlib's XML: the parts of a box; a hidden part is left out, other elements and boxes stay as they are.

dlib reads whole coordinates only, so they are rounded to whole px.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from nasion.datasets.formats._reading import in_order
from nasion.datasets.formats.dlib import faces_of, part_names
from nasion.datasets.write_back._common import nth, replace
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray
from nasion.skeleton import Skeleton


class Files:
    """An XML file."""

    form, hides = "dlib's .xml", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton = place, skeleton

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the points of a picture's face."""
        root = self._parsed(self.path.read_bytes())
        parts = {part.get("name", ""): part for part in self._mine(root, image, face).findall("part")}
        found = [parts.get(name) for name in in_order(part_names(root), self.skeleton)]
        places = [(np.nan, np.nan) if part is None else (part.attrib["x"], part.attrib["y"]) for part in found]
        return np.array(places, np.float64)

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the points of a picture's face."""
        raw = self.path.read_bytes()
        root = self._parsed(raw)
        box = self._mine(root, image, face)
        parts = {part.get("name", ""): part for part in box.findall("part")}
        names = part_names(root)
        for name, place in zip(in_order(names, self.skeleton), keypoints, strict=True):
            part = parts.get(name)
            if np.isnan(place).any():
                if part is not None:
                    box.remove(part)
                continue
            if part is None:
                part = ElementTree.SubElement(box, "part", {"name": name})
                part.tail = box.text
            x, y = np.rint(place).astype(int)
            part.attrib.update(x=str(x), y=str(y))
        if part_names(root) != names:
            raise AnnotationError(f"{image.name}: {self.path.name} would lose a part that no other face has")
        content = ElementTree.tostring(root, encoding=_encoding(raw), xml_declaration=False)
        replace(self.path, _prologue(raw) + content + b"\n")

    def _parsed(self, raw: bytes) -> ElementTree.Element:
        builder = ElementTree.TreeBuilder(insert_comments=True)
        # The reader has read this file before: expat refuses entities that grow, and fetches none from outside.
        return ElementTree.fromstring(raw, ElementTree.XMLParser(target=builder))  # noqa: S314

    def _mine(self, root: ElementTree.Element, image: Path, face: int) -> ElementTree.Element:
        boxes = [
            faces_of(picture)
            for picture in root.findall("./images/image")
            if self.path.parent / picture.get("file", "") == image
        ]
        return nth(boxes[0] if boxes else [], face, image, self.path)


def _prologue(raw: bytes) -> bytes:
    """Return what stands before the root: the declaration, and the style sheet that browsers show the file with."""
    found = re.match(rb"(?s)\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*>\s*)*", raw.removeprefix(b"\xef\xbb\xbf"))
    return found.group() if found else b""


def _encoding(raw: bytes) -> str:
    found = re.search(rb"""<\?xml[^>]*encoding=["']([\w.-]+)""", raw[:200])
    return found.group(1).decode("ascii") if found else "utf-8"
