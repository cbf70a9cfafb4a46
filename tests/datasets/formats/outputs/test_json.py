"""keypoints.json as a label format: names, visibility, former versions, and single faces changed."""

import json

import numpy as np
import pytest

from made_files import make_json, picture, shape
from nasion.datasets import load
from nasion.datasets.formats.outputs.json import LabelFiles
from nasion.errors import AnnotationError
from nasion.skeleton import load_skeleton

IBUG = load_skeleton("ibug-68")


def changed(folder, change):
    spec = make_json(folder, shape(68))
    document = json.loads((folder / "a.json").read_text())
    document = change(document) or document
    (folder / "a.json").write_text(json.dumps(document))
    return load(spec)


def test_everything_that_is_stored_is_read(tmp_path):
    def change(document):
        face = document["images"][0]["faces"][0]
        face |= {"score": 0.5, "subject": "anna", "split": "val", "spread_px": [1.5] * 67 + [None]}
        face |= {"hidden_probability": [0.9, 0.89] + [None] * 66}
        face["keypoints"][5] = None
        columns = {"semi_major_px": [3.0] * 68, "semi_minor_px": [1.0] * 68, "angle_deg": [None] * 68}
        face["ellipses"] = columns
        document["images"].append({"image": "b.jpg", "width": 3, "height": 4, "faces": []})

    faces = changed(tmp_path, change)
    (face,) = faces.annotations
    assert (face.score, face.subject, face.split, face.box.tolist()) == (0.5, "anna", "val", [3, 2, 23, 32])
    assert face.visible.tolist() == [False] + [True] * 67
    assert np.isnan(face.keypoints[5]).all()
    assert (face.spread[0], np.isnan(face.spread[67])) == (1.5, True)
    assert face.ellipses[0].tolist()[:2] == [3, 1]
    assert faces.empty_images == (tmp_path / "b.jpg",)


def test_lists_of_earlier_versions_are_read_and_changed(tmp_path):
    def change(document):
        images = document["images"]
        images[0]["faces"][0] |= {"skeleton": "ibug-68", "ellipses": [[3.0, 1.0, 45.0]] * 67 + [None]}
        return [{"image": each["image"], "faces": each["faces"]} for each in images]

    faces = changed(tmp_path, change)
    assert faces.skeleton == IBUG
    assert faces.annotations[0].ellipses[0].tolist() == [3, 1, 45]
    LabelFiles(tmp_path / "a.json", {}, IBUG).write(tmp_path / "a.jpg", 0, shape(68) + 1)
    assert isinstance(json.loads((tmp_path / "a.json").read_text()), list)
    assert load(f"json:{tmp_path / 'a.json'}").annotations[0].keypoints == pytest.approx(shape(68) + 1, abs=1e-3)


def test_a_changed_file_keeps_one_line_for_each_face(tmp_path):
    spec = make_json(tmp_path, shape(68))
    before = json.loads((tmp_path / "a.json").read_text())
    LabelFiles(tmp_path / "a.json", {}, IBUG).write(tmp_path / "a.jpg", 0, shape(68) + 1)
    text = (tmp_path / "a.json").read_text()
    assert [line[:9] for line in text.splitlines()] == ['{"schema_', '{"image":', ' {"face":', "]}"]
    after = json.loads(text)
    before["images"][0]["faces"][0].pop("keypoints")
    after["images"][0]["faces"][0].pop("keypoints")
    assert after == before
    assert load(spec).annotations[0].keypoints == pytest.approx(shape(68) + 1, abs=1e-3)


def test_custom_points_keep_their_names(tmp_path):
    def change(document):
        document |= {"skeleton": "mine", "point_names": ["eye", "chin"]}
        document["images"][0]["faces"][0]["keypoints"] = [[1, 2], [3, 4]]

    assert changed(tmp_path, change).skeleton.names == ("eye", "chin")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: document.update(schema_version=9), "its schema version is 9, this nasion reads 1; update"),
        (lambda document: document.pop("point_names") and None, r"not a keypoints.json of nasion: KeyError"),
        (lambda document: {"images": 3}, "not a keypoints.json"),
        (lambda document: [3], "not a keypoints.json"),
    ],
)
def test_other_files_are_rejected_in_one_line(tmp_path, change, words):
    with pytest.raises(AnnotationError, match=words) as caught:
        changed(tmp_path, change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["hidden_probability", "spread_px", "ellipses"])
def test_a_list_of_another_length_is_a_problem(tmp_path, key):
    def change(document):
        values = [0.5] * 67
        columns = dict.fromkeys(("semi_major_px", "semi_minor_px", "angle_deg"), values)
        faces = document["images"][0]["faces"]
        faces.append({**faces[0], key: columns if key == "ellipses" else values})

    faces = changed(tmp_path, change)
    assert len(faces) == 1
    assert "67 values of" in faces.problems[0].reason


def test_images_in_another_folder(tmp_path):
    spec = make_json(tmp_path / "in", shape(68))
    (tmp_path / "in" / "a.jpg").unlink()
    picture(tmp_path / "elsewhere" / "a.jpg")
    assert len(load(f"{spec}?images={tmp_path / 'elsewhere'}")) == 1
