"""dlib's XML: images with several boxes, each with named parts. Coordinates are 0-based whole px.

Source of the format: dlib's imglab tool. Boxes with ignore='1' are skipped. A part without an element is a missing
point. Copies named "…_mirror" belong to the photo they were made from.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._writing import box_of, nth_face, replace_file, xml_content
from nasion.documents import parse_xml, read_bytes, read_xml
from nasion.errors import AnnotationError
from nasion.geometry import FloatArray, is_present
from nasion.outputs.records import Content, LabelSet
from nasion.sample import Annotation, DataSet
from nasion.skeleton import Skeleton

DESCRIPTION = "dlib:FILE.xml    dlib's XML (imglab), several faces per image, 0-based"
OPTIONS = {"skeleton": reading.SKELETON_HELP}

STORES = frozenset({Content.MISSING, Content.BOXES, Content.SEVERAL, Content.EMPTY})


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return the faces of an XML file; the subject is the photo, the split comes from the file's name."""
    path = reading.existing_path(source, "file")
    root = read_xml(path, str(path), AnnotationError, reading.MAX_BYTES)
    names = part_names(root)
    skeleton = (
        reading.option_skeleton(options)
        or reading.skeleton_of_count(len(names))
        or reading.skeleton_of_names(path.stem, names)
    )
    if skeleton.count != len(names):
        raise AnnotationError(f"{path}: {len(names)} different parts, but {skeleton.name} has {skeleton.count} points")
    names = reading.sorted_like(names, skeleton)
    split = next((s for s in ("train", "test") if path.name.startswith(s)), "")
    found = reading.Collector()
    for element in root.findall("./images/image"):
        image = path.parent / element.get("file", "")
        if element.find("box") is None:
            found.empty_images.append(image)
        for number, box in enumerate(boxes_of(element)):
            with found.reading(f"{image.name}#{number}"):
                found.add(_face(image, box, number, skeleton, names, split))
    return found.dataset(f"dlib:{source}", skeleton, "parts matched by name")


def part_names(root: ElementTree.Element) -> list[str]:
    """Return the names of all parts in a document, sorted like dlib does: numbers by value, so 2 is before 10."""
    found = {part.get("name", "") for part in root.iterfind("./images/image/box/part")}
    return sorted(found, key=lambda name: (int(name) if reading.NUMBER.fullmatch(name) else -1, name))


def boxes_of(image: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the boxes of an image element, without the ignored ones."""
    return [box for box in image.findall("box") if box.get("ignore") != "1"]


def _face(
    image: Path, box: ElementTree.Element, number: int, skeleton: Skeleton, names: list[str], split: str
) -> Annotation:
    keypoints = np.full((skeleton.count, 2), np.nan)
    index = {name: k for k, name in enumerate(names)}
    try:
        left, top, width, height = (float(box.get(key, "")) for key in ("left", "top", "width", "height"))
        for part in box.findall("part"):
            keypoints[index[part.get("name", "")]] = float(part.get("x", "")), float(part.get("y", ""))
    except ValueError as error:
        raise AnnotationError(f"a box or part without its numbers: {error}") from None
    return reading.checked_annotation(
        image,
        keypoints,
        skeleton,
        box=np.array([left, top, left + width, top + height]),
        subject=reading.photo_id(image.stem),
        split=split,
        face=number,
    )


def files(labels: LabelSet, target: Path, _options: Mapping[str, str]) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Yield the file's path and its content, an image at a time; parts are named by their numbers.

    Raises:
        AnnotationError: a point is missing in every face: the file would have fewer points.
    """
    present = np.zeros(labels.skeleton.count, bool)
    for record in labels.images:
        for face in record.faces:
            present |= is_present(face.keypoints)
    if present.any() and not present.all():
        name = labels.skeleton.names[int(np.argmin(present))]
        raise AnnotationError(
            f'the point "{name}" is missing in every face, and a dlib .xml names only points that exist; '
            "choose another format, such as csv"
        )
    yield target, map(str.encode, _parts(labels))


def _parts(labels: LabelSet) -> Iterator[str]:
    digits = len(str(labels.skeleton.count - 1))
    yield "<?xml version='1.0' encoding='UTF-8'?>\n<dataset>\n<name>faces</name>\n<images>\n"
    for record in labels.images:
        height, width = record.size
        yield f"  <image file={quoteattr(record.image)} width='{width}' height='{height}'>\n"
        for face in record.faces:
            left, top, right, bottom = np.rint(box_of(face)).astype(int)
            yield f"    <box top='{top}' left='{left}' width='{right - left}' height='{bottom - top}'>\n"
            for index, point in enumerate(face.keypoints):
                if is_present(point):
                    x, y = np.rint(point).astype(int)
                    yield f"      <part name='{index:0{digits}}' x='{x}' y='{y}'/>\n"
            yield "    </box>\n"
        yield "  </image>\n"
    yield "</images>\n</dataset>\n"


class LabelFiles:
    """An XML file whose parts can be changed; other elements and boxes stay as they are.

    dlib reads whole numbers only, so coordinates are rounded to whole px.
    """

    form, hides = "dlib's .xml", True

    def __init__(self, place: Path, options: Mapping[str, str], skeleton: Skeleton) -> None:
        self.path, self.skeleton = place, skeleton

    def read(self, image: Path, face: int) -> FloatArray | None:
        """Return the keypoints of a face (K, 2), image px; NaN where the box has no such part."""
        root = read_xml(self.path, str(self.path), AnnotationError, reading.MAX_BYTES)
        parts = _parts_of(self._box(root, image, face))
        found = [parts.get(name) for name in reading.sorted_like(part_names(root), self.skeleton)]
        places = [(np.nan, np.nan) if part is None else (part.attrib["x"], part.attrib["y"]) for part in found]
        return np.array(places, np.float64)

    def write(self, image: Path, face: int, keypoints: FloatArray) -> None:
        """Write the keypoints of a face (K, 2), image px, rounded; the parts of NaN points are removed.

        Raises:
            AnnotationError: the face is no longer in the file, or the last part of some name would be removed,
                which would change what the file's points are.
        """
        raw = read_bytes(self.path, str(self.path), AnnotationError, reading.MAX_BYTES)
        root = parse_xml(raw, str(self.path), AnnotationError, reading.MAX_BYTES, comments=True)
        names = part_names(root)
        box = self._box(root, image, face)
        for name, point in zip(reading.sorted_like(names, self.skeleton), keypoints, strict=True):
            _set_part(box, name, point)
        if part_names(root) != names:
            raise AnnotationError(f"{image.name}: {self.path.name} would lose a part that no other face has")
        replace_file(self.path, xml_content(root, raw))

    def _box(self, root: ElementTree.Element, image: Path, face: int) -> ElementTree.Element:
        boxes = [
            boxes_of(element)
            for element in root.findall("./images/image")
            if self.path.parent / element.get("file", "") == image
        ]
        return nth_face(boxes[0] if boxes else [], face, image, self.path)


def _parts_of(box: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {part.get("name", ""): part for part in box.findall("part")}


def _set_part(box: ElementTree.Element, name: str, point: FloatArray) -> None:
    """Set, add or remove (for NaN) the part of this name, at a point (2,), image px."""
    part = _parts_of(box).get(name)
    if np.isnan(point).any():
        if part is not None:
            box.remove(part)
        return
    if part is None:
        part = ElementTree.SubElement(box, "part", {"name": name})
        part.tail = box.text
    x, y = np.rint(point).astype(int)
    part.attrib.update(x=str(x), y=str(y))
