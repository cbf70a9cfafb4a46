"""CVAT's XML for images, version 1.1: skeletons, or groups of points, with boxes. The first pixel's center is at 0.5.

Source of the format: docs.cvat.ai, "XML annotation format". A face is a `<skeleton>` whose points carry the names of
the keypoints, a `<points>` element with all coordinates in order, or single points that share a group_id. The box of a
face has the same group_id. `outside="1"` is a missing point, `occluded="1"` a hidden one. The images are in the folder
of the file, in `images` beside it, or in `?images=DIR`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from nasion.datasets.formats import _reading as reading
from nasion.datasets.formats._labels import FACE, LabeledFace, labeled_dataset
from nasion.datasets.formats._writing import plain
from nasion.documents import read_xml
from nasion.errors import AnnotationError
from nasion.geometry import is_present
from nasion.outputs.records import Content, ImageRecord, LabelSet
from nasion.sample import Annotation, DataSet

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

    def group(key: str) -> LabeledFace:
        return groups.setdefault(key, LabeledFace(f"{image.name}#{len(groups)}", image, split=split))

    for number, child in enumerate(element):
        own = child.get("group_id") or f"element {number}"
        if child.tag == "skeleton":
            for point in child.findall("points"):
                _add(group(own), point.get("label", ""), point, _pairs(point, origin)[0])
        elif child.tag == "points":
            pairs = _pairs(child, origin)
            if len(pairs) == 1:
                _add(group(child.get("group_id", "")), child.get("label", ""), child, pairs[0])
            for index, pair in enumerate(pairs if len(pairs) > 1 else ()):
                _add(group(own), str(index), child, pair)
    boxes = [(child.get("group_id"), child) for child in element.findall("box")]
    for key, box in boxes:
        if key in groups or (len(groups) == len(boxes) == 1):
            face = groups[key] if key in groups else next(iter(groups.values()))
            x0, y0, x1, y1 = (float(box.get(name, "")) - origin for name in BOX)
            face.box = x0, y0, x1, y1
    return list(groups.values())


def _pairs(element: ElementTree.Element, origin: float) -> list[tuple[float, float]]:
    """Return the points of an element, px; its text is "x,y;x,y"."""
    pairs = [pair.split(",") for pair in element.get("points", "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise AnnotationError(f'has points that are not pairs: "{element.get("points", "")[:40]}"')
    return [(float(x) - origin, float(y) - origin) for x, y in pairs]


def _add(face: LabeledFace, label: str, element: ElementTree.Element, point: tuple[float, float]) -> None:
    missing = element.get("outside") == "1"
    face.add(label, *((float("nan"), float("nan")) if missing else point))
    if element.get("occluded") == "1":
        face.hidden.add(label)


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
