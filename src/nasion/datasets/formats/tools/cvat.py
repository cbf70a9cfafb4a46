"""CVAT's XML for images, version 1.1: skeletons, or groups of points, with boxes. The first pixel's center is at 0.5.

Source of the format: docs.cvat.ai, "XML annotation format". A face is a `<skeleton>` whose points carry the names of
the keypoints, a `<points>` element with all coordinates in order, or single points that share a group_id. The box of a
face has the same group_id. `outside="1"` is a missing point, `occluded="1"` a hidden one. The images are in the folder
of the file, in `images` beside it, or in `?images=DIR`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._labels import FACE, LabeledFace, labeled_dataset
from nasion.datasets.formats._writing import nth_face, plain, replace_file, xml_content
from nasion.documents import parse_xml, read_bytes, read_xml
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray, is_present
from nasion.outputs.records import Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "cvat:FILE.xml    CVAT's XML for images 1.1, with visibility; the first pixel's center is at 0.5"
OPTIONS = {
    "images": reading.IMAGES_HELP,
    "origin": "the coordinate of the first pixel's center: 0, 0.5 or 1 (0.5)",
    "skeleton": reading.SKELETON_HELP,
}

STORES = frozenset(Content) - {Content.SUBJECTS, Content.SCORES, Content.SPREAD, Content.ELLIPSES}

ORIGIN = 0.5
"""Coordinate of the first pixel's center: CVAT draws on a canvas whose origin is the corner of the image."""

BOX = ("xtl", "ytl", "xbr", "ybr")


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of an XML file; the subject is the photo, the split is the subset of the image."""
    path = reading.existing_path(source, "file")
    origin = reading.pixel_origin(options, ORIGIN)
    root = image_root(path, options)
    document = read_xml(path, str(path), AnnotationError, reading.MAX_BYTES)
    found = reading.Collector()
    faces: list[LabeledFace] = []
    for element in document.iter("image"):
        image = root / element.get("name", "")
        with found.reading(image.name):
            inside = _faces(element, image, origin)
            faces += inside
            if not inside:
                found.empty_images.append(image)
    return labeled_dataset(f"cvat:{source}", path.stem, found, faces, options, f"coordinates read as {origin:g}-based")


def image_root(path: Path, options: Mapping[str, str]) -> Path:
    """Return the folder that image names are relative to: `?images=`, `images` beside the file, or its own folder."""
    beside = path.parent / "images"
    return beside if "images" not in options and beside.is_dir() else reading.image_folder(path, options)


def _faces(element: ElementTree.Element, image: Path, origin: float) -> list[LabeledFace]:
    """Return the faces of an image element."""
    split = reading.split_of(element.get("subset"))
    groups: dict[str, LabeledFace] = {}
    for key, spots in _groups(element).items():
        face = groups[key] = LabeledFace(f"{image.name}#{len(groups)}", image, split=split)
        for spot in spots:
            face.add(spot.label, *spot.read(origin))
            if spot.element.get("occluded") == "1":
                face.hidden.add(spot.label)
    boxes = [(child.get("group_id"), child) for child in element.findall("box")]
    for key, box in boxes:
        if key in groups or (len(groups) == len(boxes) == 1):
            face = groups[key] if key in groups else next(iter(groups.values()))
            x0, y0, x1, y1 = (float(box.get(name, "")) - origin for name in BOX)
            face.box = x0, y0, x1, y1
    return list(groups.values())


class _Spot(NamedTuple):
    """Where a point is stored: one pair of an element, by its number, and the parent of the element."""

    label: str
    element: ElementTree.Element
    pair: int
    parent: ElementTree.Element

    def read(self, origin: float) -> tuple[float, float]:
        """Return the point, image px; NaN if it is missing."""
        if self.element.get("outside") == "1":
            return float("nan"), float("nan")
        x, y = _pairs(self.element)[self.pair]
        return float(x) - origin, float(y) - origin

    def write(self, point: FloatArray, origin: float) -> None:
        """Store a point (2,), image px; NaN is a missing one.

        Raises:
            AnnotationError: the point is missing, and the element also holds other points.
        """
        pairs = _pairs(self.element)
        if not is_present(point):
            if len(pairs) > 1:
                raise AnnotationError("its points are one element, in which none can be missing; place them all")
            self.element.set("outside", "1")
            return
        if self.element.get("outside") == "1":
            self.element.set("outside", "0")
        pairs[self.pair] = [str(plain(float(value) + origin)) for value in point]
        self.element.set("points", ";".join(",".join(pair) for pair in pairs))


def _groups(element: ElementTree.Element) -> dict[str, list[_Spot]]:
    """Return where the points of each face of an image element are stored, by the face's key."""
    groups: dict[str, list[_Spot]] = {}
    for number, child in enumerate(element):
        own = child.get("group_id") or f"element {number}"
        if child.tag == "skeleton":
            spots = [_Spot(point.get("label", ""), point, 0, child) for point in child.findall("points")]
        elif child.tag == "points":
            count = len(_pairs(child))
            own = own if count > 1 else child.get("group_id", "")
            label = child.get("label", "")
            spots = [_Spot(str(k) if count > 1 else label, child, k, element) for k in range(count)]
        else:
            continue
        if spots:
            groups.setdefault(own, []).extend(spots)
    return groups


def _pairs(element: ElementTree.Element) -> list[list[str]]:
    """Return the pairs of an element, whose text is "x,y;x,y"."""
    pairs = [pair.split(",") for pair in element.get("points", "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise AnnotationError(f'has points that are not pairs: "{element.get("points", "")[:40]}"')
    return pairs


def files(labels: LabelSet, target: Path, options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the file's path and its content, an image at a time."""
    yield target, map(str.encode, _parts(labels, reading.pixel_origin(options, ORIGIN)))


def _parts(labels: LabelSet, origin: float) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task><labels>\n'
    yield f"<label><name>{FACE}</name><type>skeleton</type></label>\n"
    for name in labels.skeleton.names:
        yield f"<label><name>{escape(name)}</name><type>points</type><parent>{FACE}</parent></label>\n"
    yield "</labels></task></meta>\n"
    for number, record in enumerate(labels.images):
        yield _image_element(number, record, origin)
    yield "</annotations>\n"


def _image_element(number: int, record: ImageRecord, origin: float) -> str:
    height, width = record.size
    split = next((face.split for face in record.faces if face.split), "")
    subset = f" subset={quoteattr(split)}" if split else ""
    start = f'<image id="{number}" name={quoteattr(record.image)}{subset} width="{width}" height="{height}">\n'
    return start + "".join(_face_elements(k, face, origin) for k, face in enumerate(record.faces, 1)) + "</image>\n"


def _face_elements(group: int, face: Annotation, origin: float) -> str:
    rows = [f'  <skeleton label="{FACE}" source="manual" z_order="0" group_id="{group}">\n']
    for name, point, shown in zip(face.skeleton.names, face.keypoints, face.visible, strict=True):
        there = is_present(point)
        x, y = (plain(float(value) + origin) for value in (point if there else (-origin, -origin)))
        state = f'outside="{int(not there)}" occluded="{int(there and not shown)}"'
        rows.append(f'    <points label={quoteattr(name)} source="manual" {state} points="{x},{y}"/>\n')
    rows.append("  </skeleton>\n")
    if face.box is not None:
        edges = " ".join(f'{k}="{plain(v + origin)}"' for k, v in zip(BOX, face.box.tolist(), strict=True))
        rows.append(f'  <box label="{FACE}" source="manual" occluded="0" {edges} z_order="0" group_id="{group}"/>\n')
    return "".join(rows)


class LabelFiles:
    """An XML file whose points can be changed; everything else stays as it is."""

    form, hides = "CVAT's .xml", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton, self.images = place, skeleton, image_root(place, options)
        self.origin = reading.pixel_origin(options, ORIGIN)

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where missing."""
        root = read_xml(self.path, str(self.path), AnnotationError, reading.MAX_BYTES)
        keypoints = np.full((self.skeleton.count, 2), np.nan)
        index = self._index(root)
        for spot in self._spots(root, image, face):
            keypoints[index[spot.label]] = spot.read(self.origin)
        return keypoints

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px; NaN points become `outside`.

        Raises:
            AnnotationError: the face is no longer in the file, or its points are one element and one of them is NaN.
        """
        raw = read_bytes(self.path, str(self.path), AnnotationError, reading.MAX_BYTES)
        root = parse_xml(raw, str(self.path), AnnotationError, reading.MAX_BYTES, comments=True)
        spots, index = self._spots(root, image, face), self._index(root)
        labels = {number: label for label, number in index.items()}
        for number in set(range(self.skeleton.count)) - {index[spot.label] for spot in spots}:
            if is_present(keypoints[number]):
                spots.append(_new_spot(spots[-1], labels.get(number, self.skeleton.names[number])))
                index[spots[-1].label] = number
        for spot in spots:
            spot.write(keypoints[index[spot.label]], self.origin)
        replace_file(self.path, xml_content(root, raw))

    def _index(self, root: ElementTree.Element) -> dict[str, int]:
        """Return the index of each label of the document in the skeleton."""
        groups = (spots for element in root.iter("image") for spots in _groups(element).values())
        labels = list(dict.fromkeys(spot.label for spots in groups for spot in spots))
        return reading.indices_of_labels(self.path.stem, labels, self.skeleton)

    def _spots(self, root: ElementTree.Element, image: Path, face: int) -> list[_Spot]:
        """Return where the points of a face are stored."""
        mine = (element for element in root.iter("image") if self.images / element.get("name", "") == image)
        return nth_face([spots for each in mine for spots in _groups(each).values()], face, image, self.path)


def _new_spot(beside: _Spot, label: str) -> _Spot:
    """Add an element for another point of the face of a spot, and return where it is stored."""
    names = {**beside.element.attrib, "label": label, "points": "0,0"}
    element = ElementTree.SubElement(beside.parent, beside.element.tag, names)
    element.tail = beside.element.tail
    return _Spot(label, element, 0, beside.parent)
