"""LabelMe's JSON: groups, flags, boxes, and what is written."""

import json

import numpy as np
import pytest

from made_files import make_labelme, picture, shape
from nasion.datasets import load
from nasion.datasets.convert import convert
from nasion.datasets.formats.tools.labelme import LabelFiles
from nasion.errors import AnnotationError
from nasion.skeleton import Skeleton


def shape_of(label, x, y, group=None, **values):
    return {"label": label, "points": [[x, y]], "group_id": group, "shape_type": "point", "flags": {}, **values}


def make(folder, *shapes, name="a.json"):
    picture(folder / "a.jpg")
    (folder / name).write_text(json.dumps({"shapes": shapes, "imagePath": "a.jpg", "imageHeight": 48}))
    return load(f"labelme:{folder}")


def test_points_of_a_group_are_one_face(tmp_path):
    faces = make(
        tmp_path,
        *(
            shape_of("eye", 1.5, 2.5, 1),
            shape_of("eye", 3.5, 4.5, 2),
            shape_of("nose", 5.5, 6.5, 1, flags={"hidden": True}),
        ),
        {"label": "note", "points": [[0, 0], [1, 1], [2, 0]], "shape_type": "polygon"},
    )
    first, second = faces.annotations
    assert first.keypoints.tolist() == [[1, 2], [5, 6]]
    assert first.visible.tolist() == [True, False]
    assert second.keypoints[0].tolist() == [3, 4]
    assert np.isnan(second.keypoints[1]).all()


def test_the_box_may_be_drawn_from_any_corner(tmp_path):
    assert load(make_labelme(tmp_path, shape(68))).annotations[0].box.tolist() == [3, 2, 23, 32]


def test_a_file_without_points_is_an_image_without_a_face(tmp_path):
    make(tmp_path, shape_of("eye", 1, 1))
    picture(tmp_path / "b.jpg")
    (tmp_path / "b.json").write_text('{"shapes": [], "imagePath": "b.jpg"}')
    assert load(f"labelme:{tmp_path}").empty_images == (tmp_path / "b.jpg",)


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}', '{"shapes": [{"label": "eye"}], "imagePath": "a.jpg"}'])
def test_other_files_are_problems(tmp_path, text):
    make(tmp_path, shape_of("eye", 1, 1))
    (tmp_path / "x.json").write_text(text)
    faces = load(f"labelme:{tmp_path}")
    assert (len(faces), [problem.name for problem in faces.problems]) == (1, ["x.json"])


def test_written_file_is_beside_its_image(tmp_path):
    source = make_labelme(tmp_path / "in", shape(68))
    convert(source, f"labelme:{tmp_path / 'out'}")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "a.json"]
    document = json.loads((tmp_path / "out" / "a.json").read_text())
    assert (document["imagePath"], document["imageWidth"], document["imageHeight"]) == ("a.jpg", 64, 48)
    points = [each["points"][0] for each in document["shapes"] if each["shape_type"] == "point"]
    assert np.array(points) == pytest.approx(shape(68) + 0.5, abs=1e-3)
    assert document["shapes"][-1]["points"] == [[3.5, 2.5], [23.5, 32.5]]
    assert {each["group_id"] for each in document["shapes"]} == {0}


# ---------------------------------------------------------------------------------------------------------- write back

EYE_NOSE = Skeleton("a", "a", ("eye", "nose"), {"points": (0, 1)})


def test_only_the_points_of_the_face_change(tmp_path):
    note = {"label": "note", "points": [[0, 0], [1, 1], [2, 0]], "shape_type": "polygon"}
    shapes = [
        shape_of("eye", 1, 1, 1),
        note,
        shape_of("eye", 3, 3, 2, flags={"hidden": True}),
        shape_of("nose", 5, 5, 2),
    ]
    make(tmp_path, *shapes)
    LabelFiles(tmp_path, {}, EYE_NOSE).write(tmp_path / "a.jpg", 1, np.array([[7.0, 8.25], [4.5, 4.5]]))
    document = json.loads((tmp_path / "a.json").read_text())
    shapes[2]["points"] = [[7.5, 8.75]]
    assert document == {"shapes": shapes, "imagePath": "a.jpg", "imageHeight": 48}


def test_points_are_added_and_removed(tmp_path):
    make(tmp_path, shape_of("eye", 1, 1, 1), shape_of("eye", 3, 3, 2), shape_of("nose", 5, 5, 2))
    labels = LabelFiles(tmp_path, {}, EYE_NOSE)
    labels.write(tmp_path / "a.jpg", 0, np.array([[np.nan, np.nan], [7.0, 8.0]]))
    faces = load(f"labelme:{tmp_path}")
    by_name = [dict(zip(faces.skeleton.names, face.keypoints.tolist(), strict=True)) for face in faces.annotations]
    assert by_name[0]["nose"] == [7, 8]  # the order of the faces stays
    assert np.isnan(by_name[0]["eye"]).all()
    assert by_name[1] == {"eye": [2.5, 2.5], "nose": [4.5, 4.5]}
    with pytest.raises(AnnotationError, match=r"a\.jpg: a face keeps at least one point"):
        labels.write(tmp_path / "a.jpg", 0, np.full((2, 2), np.nan))


def test_the_last_point_of_a_label_stays(tmp_path):
    make(tmp_path, shape_of("eye", 1, 1, 1), shape_of("eye", 3, 3, 2), shape_of("nose", 5, 5, 2))
    text = (tmp_path / "a.json").read_text()
    with pytest.raises(AnnotationError, match=r'a\.json: no other face has the point "nose", so it cannot be removed'):
        LabelFiles(tmp_path, {}, EYE_NOSE).write(tmp_path / "a.jpg", 1, np.array([[1.0, 1.0], [np.nan, np.nan]]))
    assert (tmp_path / "a.json").read_text() == text


def test_two_files_of_one_image(tmp_path):
    make(tmp_path, shape_of("eye", 1, 1))
    make(tmp_path, shape_of("eye", 3, 3), name="b.json")
    labels = LabelFiles(tmp_path, {}, load(f"labelme:{tmp_path}").skeleton)
    assert labels.read(tmp_path / "a.jpg", 1).tolist() == [[2.5, 2.5]]
    labels.write(tmp_path / "a.jpg", 1, np.array([[8.0, 9.0]]))
    assert [face.keypoints.tolist() for face in load(f"labelme:{tmp_path}").annotations] == [[[0.5, 0.5]], [[8, 9]]]


def test_files_of_the_studio_are_not_labels(tmp_path):
    make(tmp_path, shape_of("eye", 1, 1))
    (tmp_path / "nasion-progress.json").write_text("{}")
    (tmp_path / "nasion-runs" / "1").mkdir(parents=True)
    (tmp_path / "nasion-runs" / "1" / "run.json").write_text("{}")
    assert load(f"labelme:{tmp_path}").problems == ()
