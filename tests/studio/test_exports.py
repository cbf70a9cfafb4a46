"""Predictions that a client sends back become the files that `nasion predict` writes."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from nasion import datasets
from nasion.errors import AnnotationError
from nasion.outputs.kinds import json_schema
from nasion.outputs.schema import Face, ImageFaces
from nasion.skeleton import load_skeleton
from nasion.studio.exports import EXPORT_FORMATS, export_faces

NOSE = load_skeleton("nose-1")
MEASURED = {
    "yaw": {"value": 12.5, "error": None, "unit": "°"},
    "mouth_open": {"value": None, "error": None, "unit": ""},
}


def face(number=0, points=((3.25, 4.5),), **values):
    ellipses = {"semi_major_px": [2.0], "semi_minor_px": [1.0], "angle_deg": [30.0]}
    known = {"face": number, "score": 0.9, "box": (1, 2, 30, 40), "spread_px": [1.5], "ellipses": ellipses}
    return Face(**known | {"keypoints": list(points)} | values)


def image(name, *faces):
    return ImageFaces(image=name, width=64, height=48, faces=list(faces))


def test_json_has_all_values_and_follows_its_schema():
    given = image("a.jpg", face(measurements=MEASURED))
    exported = export_faces("json", [given, image("empty.jpg")], NOSE, "mine")
    assert exported.name == "keypoints.json"
    document = json.loads(exported.content)
    pytest.importorskip("jsonschema").validate(document, json_schema())
    assert (document["model"], document["point_names"]) == ("mine", list(NOSE.names))
    first, second = document["images"]
    assert (first["image"], first["width"], first["height"], second["faces"]) == ("a.jpg", 64, 48, [])
    (found,) = first["faces"]
    assert (found["score"], found["box"], found["keypoints"]) == (0.9, [1.0, 2.0, 30.0, 40.0], [[3.25, 4.5]])
    assert (found["spread_px"], found["ellipses"]["angle_deg"]) == ([1.5], [30.0])
    assert found["measurements"] == MEASURED


def test_csv_has_a_row_for_each_face_with_measurements_if_there_are_any():
    rows = list(csv.DictReader(io.StringIO(export_faces("csv", [image("a.jpg", face())], NOSE, "m").content.decode())))
    assert (rows[0]["image"], float(rows[0]["nose_tip_x"]), "yaw" in rows[0]) == ("a.jpg", 3.25, False)
    measured = export_faces("csv", [image("a.jpg", face(measurements=MEASURED))], NOSE, "m").content.decode()
    assert float(next(csv.DictReader(io.StringIO(measured)))["yaw"]) == 12.5


def test_coco_can_be_read_back(tmp_path):
    exported = export_faces("coco", [image("a.jpg", face(), face(1, [(7, 8)]))], NOSE, "m")
    assert exported.name == "keypoints-coco.json"
    PillowImage.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    (tmp_path / exported.name).write_bytes(exported.content)
    faces = datasets.load(f"coco:{tmp_path / exported.name}").annotations
    assert np.stack([each.keypoints for each in faces]).tolist() == [[[3.25, 4.5]], [[7.0, 8.0]]]


def test_one_pts_file_is_not_packed_and_several_are():
    alone = export_faces("pts", [image("a.jpg", face())], NOSE, "m")
    assert (alone.name, b"4.250 5.500" in alone.content) == ("a.pts", True)
    several = export_faces("pts", [image("a.jpg", face(), face(1)), image("b.png", face())], NOSE, "m")
    assert several.name == "keypoints-pts.zip"
    assert sorted(zipfile.ZipFile(io.BytesIO(several.content)).namelist()) == ["a.pts", "a_1.pts", "b.pts"]


def test_an_archive_has_all_formats():
    exported = export_faces("zip", [image("a.jpg", face())], NOSE, "m")
    assert exported.name == "keypoints.zip"
    names = zipfile.ZipFile(io.BytesIO(exported.content)).namelist()
    assert names == ["keypoints.json", "keypoints.csv", "keypoints-coco.json", "a.pts"]
    assert len(names) == len(EXPORT_FORMATS)


@pytest.mark.parametrize("name", ["../../a.jpg", "/etc/a.jpg", "..\\a.jpg", "a.jpg", "x/../a.jpg"])
def test_names_never_lead_out_of_the_folder(name):
    exported = export_faces("zip", [image(name, face())], NOSE, "m")
    assert "a.pts" in zipfile.ZipFile(io.BytesIO(exported.content)).namelist()
    assert json.loads(export_faces("json", [image(name)], NOSE, "m").content)["images"][0]["image"] == "a.jpg"


@pytest.mark.parametrize("name", ["", "..", "/", "\x00", ".pts"])
def test_strange_names_get_a_usable_one(name):
    exported = export_faces("pts", [image(name, face())], NOSE, "m")
    assert exported.name.endswith(".pts")
    assert Path(exported.name).name.isprintable()


def test_a_name_that_no_file_can_have_is_shortened():
    exported = export_faces("pts", [image("é" * 5000 + "a.jpg", face())], NOSE, "m")
    assert exported.name.endswith("éa.pts")
    assert len(exported.name.encode()) <= 255


def test_thousands_of_images_of_the_same_name_stay_apart():
    exported = export_faces("csv", [image("a.jpg", face())] * 3000, NOSE, "m")
    names = [line.partition(",")[0] for line in exported.content.decode().splitlines()[1:]]
    assert len(set(names)) == 3000


def test_images_of_the_same_name_stay_apart():
    exported = export_faces("pts", [image("a.jpg", face()), image("x/a.jpg", face())], NOSE, "m")
    assert sorted(zipfile.ZipFile(io.BytesIO(exported.content)).namelist()) == ["a-2.pts", "a.pts"]


@pytest.mark.parametrize(
    "wrong",
    [
        face(points=[(1, 2), (3, 4)]),
        face(spread_px=[1.0, 2.0]),
        face(points=[(1e300, 2)]),
        face(box=(0, 0, 1e200, 1)),
        face(ellipses={"semi_major_px": [], "semi_minor_px": [], "angle_deg": []}),
    ],
)
def test_faces_of_another_kind_are_rejected_in_one_line(wrong):
    with pytest.raises(AnnotationError, match=r"^a\.jpg: ") as caught:
        export_faces("json", [image("a.jpg", wrong)], NOSE, "m")
    assert "\n" not in str(caught.value)


def test_no_temporary_file_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    export_faces("zip", [image("a.jpg", face())], NOSE, "m")
    assert list(tmp_path.iterdir()) == []
