"""Label files of every format: read, corrected and saved as in the studio, converted, and examined by the doctor."""

import copy
import io
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import numpy as np
import pyarrow as arrow
from pyarrow import parquet

from fuzz.mutations import NUMBERS, WORDS, change_bytes, change_json, change_text, encode
from fuzz.workers import Kind
from made_files import MAKERS, picture, shape
from nasion import datasets, doctor, draw, images
from nasion.datasets.convert import convert, writable_formats
from nasion.datasets.drawn import render_face
from nasion.datasets.write_back import writable
from nasion.errors import NasionError
from nasion.geometry import has_extent
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio.albums.album import ConflictError
from nasion.studio.albums.label_store import Face
from nasion.studio.albums.opening import open_album

FILES = {
    "imm": "07-3m.asf",
    "ibug": "a.pts",
    "dlib": "a.xml",
    "wflw": "list_test.txt",
    "coco": "a.json",
    "csv": "a.csv",
    "csv-long": "a.csv",
    "cvat": "a.xml",
    "json": "a.json",
    "labelme": "a.json",
    "labelstudio": "a.json",
    "parquet": "a.parquet",
    "yolo": "labels/a.txt",
}
"""Name of the label file that the makers write, by format."""

OPTIONS = {
    "imm": ("?eyes=corrected", "?eyes=x"),
    "ibug": ("?origin=0", "?origin=²", "?skeleton=ibug-68", "?skeleton=imm-58"),
    "dlib": ("?skeleton=ibug-68", "?skeleton=x.toml"),
    "wflw": ("?images=.",),
    "coco": ("?images=.", "?skeleton=ibug-68", "?skeleton=nose-1"),
    "csv": ("?images=.", "?origin=1", "?skeleton=ibug-68", "?x=1"),
    "csv-long": ("?images=.", "?skeleton=ibug-68", "?skeleton=nose-1"),
    "cvat": ("?images=.", "?origin=0", "?skeleton=ibug-68"),
    "json": ("?images=.", "?skeleton=ibug-68", "?skeleton=imm-58"),
    "labelme": ("?images=.", "?origin=1", "?skeleton=ibug-68"),
    "labelstudio": ("?images=.", "?origin=0", "?skeleton=nose-1"),
    "parquet": ("?images=.", "?origin=1", "?skeleton=ibug-68"),
    "yolo": ("?origin=0.5", "?skeleton=ibug-68", "?skeleton=nose-1"),
}
"""Options after a data set's name."""

FOLDERS = ("imm", "ibug", "labelme", "yolo")
"""Formats that are named by their folder."""

JSON_FORMATS, XML_FORMATS = ("coco", "json", "labelme", "labelstudio"), ("cvat", "dlib")

COLUMNS = (
    *([None] * 3, [True, False, None], [1, 2, -1], [2**62] * 3, [1.5, float("nan"), float("inf")], [1e308, 5.0, 5.0]),
    *(["x", "", "a.jpg"], ["a.jpg"] * 3, ["../a.jpg", "\0", "/"], [b"\xff", b"a.jpg", None], [[1.0], [], None]),
    *([{"a": 1}, {"a": None}, None], [datetime(2020, 1, 1)] * 3, [timedelta(1)] * 3, [Decimal("1.5")] * 3, [0, 0, 0]),
)
"""Columns of every type, with three rows each."""

LARGEST_SET = 200
"""Faces from which the doctor takes too long for one input: it needs 10 ms for each."""

YOLO_SETTINGS = (
    "train: images\nkpt_shape: [68, 3]\nnames:\n  0: face\nkpt_names:\n  0: [" + ", ".join("abcdefg") + "]\n"
)

ROUNDING_PX = 0.51
"""Largest distance between saved and read coordinates; dlib stores whole px."""

HOSTILE_XML = (
    '<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY e SYSTEM "file:///etc/passwd">]><dataset>&c;&e;</dataset>',
    "<dataset><images><image file='a.jpg'>" + "<box>" * 20_000,
    "<dataset><images>" + "<image file='a.jpg'><box top='1' left='2' width='3' height='4'/></image>" * 5000,
)


def _prepare(form: str) -> Callable[[Path], object]:
    def prepare(folder: Path) -> object:
        make, count = MAKERS[form]
        make(folder, shape(count))
        path = folder / FILES[form]
        if form in ("csv", "wflw", "yolo"):  # more faces, so that faces can be exchanged
            lines = path.read_text().strip().split("\n")
            path.write_text("\n".join([*lines, *lines[-1:] * 3]) + "\n")
        return folder, path.read_bytes()

    return prepare


def _changed(form: str, content: bytes, random: Random) -> bytes:
    kind = random.random()
    if form == "parquet":
        return _changed_parquet(random, content) if kind < 0.7 else change_bytes(random, content, [content])
    if form in JSON_FORMATS and kind < 0.6:
        return encode(random, change_json(random, json.loads(content)))
    if form in XML_FORMATS and kind < 0.05:
        return random.choice(HOSTILE_XML).encode()
    if form in XML_FORMATS and kind < 0.35:
        return _changed_xml(random, content)
    if kind < 0.7:
        return encode(random, change_text(random, content.decode("latin-1" if form == "dlib" else "utf-8")))
    return change_bytes(random, content, [content, b"\n" * 100])


def _changed_xml(random: Random, content: bytes) -> bytes:
    """Return a document in which elements or attributes are changed, removed, repeated or nested."""
    root = ElementTree.fromstring(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        element, other = random.choices(list(root.iter()), k=2)
        key = random.choice([*element.attrib, "name", "points", "x", "group_id"])
        match random.randrange(6):
            case 0 | 1:
                element.set(key, random.choice((*NUMBERS, *WORDS, "1,2;3,4", "1,2;3", ";", "nan,inf")))
            case 2:
                element.attrib.pop(key, None)
            case 3:
                element.tag = random.choice((other.tag, "x", "image", "box", "points", "skeleton"))
            case 4 if len(element):
                element.remove(element[0])
            case _:
                element.append(copy.deepcopy(other))
    return ElementTree.tostring(root, "utf-8").translate(None, b"\0" if random.random() < 0.9 else b"")


def _changed_parquet(random: Random, content: bytes) -> bytes:
    """Return a table in which columns have other values, types or names, or are missing."""
    table = parquet.read_table(io.BytesIO(content))
    columns = {name: table.column(name).to_pylist() * 3 for name in table.column_names}
    for _ in range(random.choice((1, 1, 2, 5))):
        name = random.choice((*columns, "image", "face"))
        match random.randrange(5):
            case 0 if len(columns) > 2:
                columns.pop(name, None)
            case 1:
                columns[random.choice((*WORDS[:14], "subject", "split", "score", "x0", "x0_y", "box_x0"))] = [None] * 3
            case _:
                columns[name] = random.choice(COLUMNS)
    if random.random() < 0.3:
        columns["box_x0"] = columns["box_y0"] = columns["box_x1"] = columns["box_y1"] = random.choice(COLUMNS)
    buffer = io.BytesIO()
    arrays = {name.replace("\udcff", "x"): arrow.array(values) for name, values in columns.items()}
    parquet.write_table(arrow.table(arrays), buffer, compression=random.choice(("snappy", "gzip", "zstd", "none")))
    return buffer.getvalue()


def _run(form: str) -> Callable[[object, Random, Path], None]:
    def run(prepared: object, random: Random, folder: Path) -> None:
        valid, content = prepared
        shutil.copytree(valid, folder, dirs_exist_ok=True)
        path = folder / FILES[form]
        path.write_bytes(_changed(form, content, random))
        if form == "yolo" and random.random() < 0.3:
            (folder / "data.yaml").write_bytes(encode(random, change_text(random, YOLO_SETTINGS)))
        spec = f"{form}:{folder if form in FOLDERS else path}"
        if random.random() < 0.2:
            spec += random.choice(OPTIONS[form])
        faces = datasets.load(spec)
        if random.random() < 0.3 and len(faces) < LARGEST_SET:
            doctor.write_files(doctor.examine(faces), folder / "doctor")
            draw.faces_sheet(faces, 4)
        if form in writable() and random.random() < 0.6:
            _correct(spec, random)
        if random.random() < 0.3 and len(faces) < LARGEST_SET:
            _convert(spec, random, folder)

    return run


def _convert(spec: str, random: Random, folder: Path) -> None:
    """Convert the labels to another format, and read the result."""
    form = random.choice(writable_formats())
    target = folder / "converted" / {"wflw": "list.txt"}.get(form, f"a.{form}")
    convert(spec, f"{form}:{target}")
    datasets.load(f"{form}:{target}")


def _correct(spec: str, random: Random) -> None:
    """Open the labels as the studio does, move the points of a face, and read them back."""
    album = open_album(spec, load_skeleton("ibug-68"))
    number = random.randrange(len(album.entries))
    faces = album.faces(number)
    if not faces:
        return
    before = faces[0]
    after = np.where(np.isfinite(before), before + 3, 20.0)
    try:
        moved = [Face(after, 0), *(Face(face, origin) for origin, face in enumerate(faces) if origin)]
        album.save(number, moved, album.version(number), "done")
    except ConflictError:  # for example because NaN is not equal to itself
        raise AssertionError("labels that did not change were said to have changed") from None
    found = (album.faces(number) or [None])[0]
    if found is None or not np.allclose(found, after, atol=ROUNDING_PX):
        raise AssertionError(
            f"saved points are not read back: {after.tolist()[:3]} {None if found is None else found[:3]}"
        )


@cache
def _predictor() -> Predictor:
    return Predictor("tiny")


def _prepare_doctor(folder: Path) -> object:
    for k in range(4):
        images.write(folder / f"{k}.png", render_face(0, k, 0, "ibug-68").image)
    picture(folder / "flat.png")
    return folder, [render_face(0, k % 4, 0, "ibug-68", render=False).keypoints for k in range(12)]


def _run_doctor(prepared: object, random: Random, folder: Path) -> None:
    """Examine faces, some of which have hostile coordinates."""
    valid, faces = prepared
    count = random.choice((1, 2, 3, 68, 68, 68))
    rows = ["image,split,subject," + ",".join(f"x{k},y{k}" for k in range(count))]
    hostile = random.choice((0.0, 0.0, 0.01, 0.3, 1.0))
    same = random.random() < 0.2
    for k in range(random.choice((1, 2, 9, 12))):
        cells = [f"{value:.2f}" for value in faces[k][:count].ravel()]
        if same or random.random() < 0.15:
            cells = [random.choice((*NUMBERS, "5"))] * len(cells)
        if random.random() < 0.2:
            cells = ["", ""] * count
            cells[:2] = "20", "30"
        cells = [random.choice((*NUMBERS[:-8], "")) if random.random() < hostile else cell for cell in cells]
        name = random.choice((f"{k % 4}.png", f"{k % 4}.png", "flat.png"))
        rows.append(f"{name},{random.choice(('train', 'test', ''))},s{k % 3}," + ",".join(cells))
    (folder / "a.csv").write_text("\n".join(rows))
    skeleton = random.choice(("", "&skeleton=ibug-68" if count == 68 else ""))
    faces = datasets.load(f"csv:{folder / 'a.csv'}?images={valid}{skeleton}")
    examination = doctor.examine(faces, predictor=_predictor() if random.random() < 0.5 else None)
    doctor.table_rows(examination)
    doctor.to_json(examination)
    doctor.write_files(examination, folder)
    for face in faces.annotations:
        try:
            face.points_box()
        except NasionError:
            assert not has_extent(face.keypoints)
        face.normalizer_lengths()


KINDS = [
    *(Kind(f"labels, {form}", 1.0, _prepare(form), _run(form)) for form in FILES),
    Kind("faces for the doctor", 0.6, _prepare_doctor, _run_doctor),
]
