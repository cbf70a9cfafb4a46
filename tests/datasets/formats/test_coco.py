"""COCO's JSON: visibility, skeletons from categories, and writing back only the keypoints."""

import json
from contextlib import suppress

import numpy as np
import pytest

from made_files import make_coco, picture, shape
from nasion.datasets import load
from nasion.datasets.formats.coco import LabelFiles
from nasion.errors import AnnotationError, NasionError
from nasion.skeleton import load_skeleton

IBUG = load_skeleton("ibug-68")
NAMES = ["eye", "nose", "chin"]


def entry(keypoints, **fields):
    return {"id": 1, "image_id": 1, "keypoints": keypoints} | fields


def make(folder, *entries, categories=({"keypoints": NAMES},), **fields):
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    document = {"images": images, "annotations": list(entries), "categories": list(categories)} | fields
    (folder / "a.json").write_text(json.dumps(document))
    return f"coco:{folder / 'a.json'}"


def test_visibility(tmp_path):
    faces = load(make(tmp_path, entry([1, 2, 2, 3, 4, 1, 5, 6, 0])))
    face = faces.annotations[0]
    assert faces.skeleton.names == tuple(NAMES)
    assert face.visible.tolist() == [True, False, False]
    assert face.keypoints[:2].tolist() == [[1, 2], [3, 4]]
    assert np.isnan(face.keypoints[2]).all()


@pytest.mark.parametrize(("third", "known"), [(1, True), (2, False), (0, False)])
def test_visibility_is_known_if_any_point_of_the_file_is_hidden(tmp_path, third, known):
    faces = load(make(tmp_path, entry([1, 2, 2] * 3), entry([1, 2, 2, 3, 4, 2, 5, 6, third]))).annotations
    assert [face.visibility_known for face in faces] == [known, known]


def test_box_is_turned_from_xywh_into_xyxy(tmp_path):
    faces = load(make(tmp_path, entry([1, 2, 2] * 3, bbox=[3, 2, 20, 30]), entry([1, 2, 2] * 3)))
    assert faces.annotations[0].box.tolist() == [3, 2, 23, 32]
    assert faces.annotations[1].box is None


def test_faces_are_numbered_per_image_and_share_its_photo(tmp_path):
    one, two, three = entry([1, 2, 2] * 3), entry([1, 2, 2] * 3, image_id=2), entry([4, 5, 2] * 3)
    faces = load(make(tmp_path, one, two, three)).annotations
    assert [(face.image.name, face.face) for face in faces] == [("a.jpg", 0), ("b.jpg", 0), ("a.jpg", 1)]
    assert faces[0].subject == faces[2].subject == str(tmp_path / "a")
    assert faces[1].subject != faces[0].subject


def test_entries_without_keypoints_are_skipped_silently(tmp_path):
    faces = load(make(tmp_path, entry([]), {"id": 2, "image_id": 1}, entry([1, 2, 2] * 3)))
    assert (len(faces), len(faces.problems)) == (1, 0)
    assert faces.annotations[0].face == 0


def test_category_with_another_count_is_not_used(tmp_path):
    spec = make(tmp_path, entry([1, 2, 2] * 3), categories=[{"keypoints": ["a", "b"]}, {"name": "x"}])
    assert load(spec).skeleton.names == ("point_0", "point_1", "point_2")


def test_packaged_skeleton_by_count_and_by_option(tmp_path):
    assert load(make_coco(tmp_path, shape(68))).skeleton.name == "ibug-68"
    (tmp_path / "s.toml").write_text('count = 3\nnames = ["auge", "nase", "kinn"]\n[regions]\nface = "0-2"\n')
    spec = make(tmp_path, entry([1, 2, 2] * 3))
    assert load(f"{spec}?skeleton={tmp_path / 's.toml'}").skeleton.names == ("auge", "nase", "kinn")


def test_images_in_another_folder(tmp_path):
    spec = make(tmp_path, entry([1, 2, 2] * 3))
    picture(tmp_path / "elsewhere" / "a.jpg")
    faces = load(f"{spec}?images={tmp_path / 'elsewhere'}")
    assert faces.annotations[0].image == tmp_path / "elsewhere" / "a.jpg"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (entry([1, 2, 2] * 3, id=7, image_id=9), "incomplete or mistyped: KeyError"),
        (entry([1, 2, "x"] * 3, id=7), "incomplete or mistyped: ValueError"),
        (entry([1, 2], id=7), "incomplete or mistyped"),
        (entry([1, 2, 2] * 3, id=7, bbox=[1, 2]), "incomplete or mistyped"),
        (entry([1, 2, 2] * 4, id=7), "4 points where a has 3"),
        (entry([1, 2, 0] * 3, id=7), "every point is missing"),
        (entry([1e30, 2, 2] * 3, id=7), "a point has the coordinate 1e+30"),
        (entry([1, 2, 2] * 3, id=7, bbox=[3, 2, 1e308, 1e308]), "its box has the coordinate 1e+308"),
        (entry([1, 2, 2] * 3, id=7, bbox=[1e308, 2, 1e308, 3]), "its box has a coordinate that is NaN or infinite"),
        (entry([1, 2, 2] * 3, id=7, image_id=[1]), "unhashable"),
    ],
)
def test_bad_entry_among_good_ones_is_skipped_and_named(tmp_path, bad, reason):
    faces = load(make(tmp_path, entry([1, 2, 2] * 3), bad, entry([3, 4, 2] * 3)))
    assert len(faces) == 2
    assert faces.problems[0].name == "annotation 7"
    assert reason in faces.problems[0].reason


@pytest.mark.parametrize("value", [-1, float("nan"), 0, 1, 2])
def test_a_corrected_point_is_not_missing_whatever_its_v_was(tmp_path, value):
    spec = make(tmp_path, entry([1, 2, 2, 3, 4, 2, 5, 6, value]))
    labels = LabelFiles(tmp_path / "a.json", {}, load(spec).skeleton)
    labels.write(tmp_path / "a.jpg", 0, np.array([[1.0, 2], [3, 4], [9, 8]]))
    assert load(spec).annotations[0].keypoints[2].tolist() == [9, 8]
    assert load(spec).annotations[0].visible[2] == (value != 1)


@pytest.mark.parametrize("text", ["[" * 20_000, '{"images": ' + "1" * 400 + "}", '{"a": "\\ud800"}'])
def test_hostile_json_is_rejected_in_one_line(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(AnnotationError, match=r"a\.json is not read: "):
        load(f"coco:{tmp_path / 'a.json'}")


@pytest.mark.parametrize("names", [[1, 2, 3], [["a"], "b", "c"], ["a", "a", "b"], "abc", [None] * 3])
def test_names_of_any_type_are_used_or_rejected(tmp_path, names):
    with suppress(NasionError):
        assert load(make(tmp_path, entry([1, 2, 2] * 3), categories=[{"keypoints": names}])).skeleton.count == 3


@pytest.mark.parametrize("text", ["[]", "{}", '{"images": [{}], "annotations": []}', '{"images": 3}', "nothing"])
def test_other_json_is_rejected(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(AnnotationError, match=r"a\.json(: not COCO keypoints| is not JSON): "):
        load(f"coco:{tmp_path / 'a.json'}")


# -------------------------------------------------------------------------------------------------------------- write


def write(tmp_path, keypoints, face=0):
    labels = LabelFiles(tmp_path / "a.json", {}, IBUG)
    labels.write(tmp_path / "a.jpg", face, np.array(keypoints, np.float64))
    return json.loads((tmp_path / "a.json").read_text("utf-8"))


def test_v_becomes_0_where_missing_stays_where_set_and_is_2_where_new(tmp_path):
    make(tmp_path, entry([1, 2, 2, 3, 4, 1, 0, 0, 0], num_keypoints=2))
    document = write(tmp_path, [[np.nan, np.nan], [7.12345, -0.00001], [5, 6]])
    assert document["annotations"][0]["keypoints"] == [0, 0, 0, 7.123, 0.0, 1, 5.0, 6.0, 2]
    assert document["annotations"][0]["num_keypoints"] == 2


def test_everything_else_stays(tmp_path):
    other = entry([9, 9, 1] * 3, id=2, image_id=2, score=0.25)
    make(tmp_path, other, entry([1, 2, 2] * 3, area=7), info={"by": "é"})
    before = json.loads((tmp_path / "a.json").read_text("utf-8"))
    document = write(tmp_path, [[1, 2], [3, 4], [5, 6]])
    assert document["annotations"][1].pop("num_keypoints") == 3
    assert document["annotations"][1].pop("keypoints") == [1, 2, 2, 3, 4, 2, 5, 6, 2]
    before["annotations"][1].pop("keypoints")
    assert document == before


def test_second_face_of_an_image(tmp_path):
    """Entries without keypoints do not count, as in the reader."""
    make(tmp_path, entry([1, 1, 2] * 3), entry([]), entry([2, 2, 2] * 3))
    document = write(tmp_path, [[3, 3]] * 3, face=1)
    assert [each["keypoints"][:2] for each in document["annotations"]] == [[1, 1], [], [3, 3]]
    assert LabelFiles(tmp_path / "a.json", {}, IBUG).read(tmp_path / "a.jpg", 1).tolist() == [[3, 3]] * 3


def test_missing_points_are_read_as_nan(tmp_path):
    make(tmp_path, entry([1, 2, 2, 3, 4, 1, 5, 6, 0]))
    keypoints = LabelFiles(tmp_path / "a.json", {}, IBUG).read(tmp_path / "a.jpg", 0)
    assert keypoints[:2].tolist() == [[1, 2], [3, 4]]
    assert np.isnan(keypoints[2]).all()


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_indentation_and_letters_stay(tmp_path, indent):
    make(tmp_path, entry([1, 2, 2] * 3, num_keypoints=3), info="é")
    path = tmp_path / "a.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=indent, ensure_ascii=False), "utf-8")
    before = path.read_text("utf-8")
    write(tmp_path, [[1, 2], [1, 2], [1, 2]])
    after = path.read_text("utf-8")
    assert after.replace(".0", "") == before
    assert "é" in after


def test_images_option_is_used_for_writing(tmp_path):
    make(tmp_path, entry([1, 2, 2] * 3))
    (tmp_path / "elsewhere").mkdir()
    labels = LabelFiles(tmp_path / "a.json", {"images": str(tmp_path / "elsewhere")}, IBUG)
    assert labels.read(tmp_path / "elsewhere" / "a.jpg", 0).shape == (3, 2)
    with pytest.raises(AnnotationError, match="no longer has face 0"):
        labels.read(tmp_path / "a.jpg", 0)
