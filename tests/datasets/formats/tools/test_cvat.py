"""CVAT's XML: skeletons, points, groups, and what is written."""

from xml.etree import ElementTree

import numpy as np
import pytest

from made_files import make_cvat, picture, shape
from nasion.datasets import load
from nasion.datasets.convert import convert
from nasion.datasets.formats.tools.cvat import LabelFiles, image_root
from nasion.errors import AnnotationError, ConfigError
from nasion.skeleton import Skeleton

HEAD = '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>'
POINTS = '<points label="{}" occluded="{}" outside="{}" points="{}"/>'


def make(folder, *elements, attributes=""):
    picture(folder / "a.jpg")
    image = f'<image id="0" name="a.jpg" width="64" height="48" {attributes}>{"".join(elements)}</image>'
    (folder / "a.xml").write_text(f"{HEAD}{image}</annotations>")
    return load(f"cvat:{folder / 'a.xml'}")


def test_skeleton_with_hidden_and_missing_points(tmp_path):
    skeleton = "".join(
        POINTS.format(*words)
        for words in (("eye", 0, 0, "1.5,2.5"), ("nose", 1, 0, "3.50,4.75"), ("chin", 0, 1, "9,9"))
    )
    faces = make(tmp_path, f'<skeleton label="face">{skeleton}</skeleton>', attributes='subset="Validation"')
    (face,) = faces.annotations
    assert faces.skeleton.names == ("eye", "nose", "chin")
    assert face.keypoints[:2].tolist() == [[1, 2], [3, 4.25]]
    assert np.isnan(face.keypoints[2]).all()
    assert face.visible[:2].tolist() == [True, False]
    assert face.split == "val"


def test_the_box_of_the_group_is_the_faces_box(tmp_path):
    (face,) = load(make_cvat(tmp_path, shape(68))).annotations
    assert face.box.tolist() == [3, 2, 23, 32]


def test_points_with_all_coordinates_are_one_face_each(tmp_path):
    faces = make(tmp_path, POINTS.format("face", 0, 0, "1,2;3,4"), POINTS.format("face", 0, 0, "5,6;7,8"))
    assert [face.keypoints.tolist() for face in faces.annotations] == [
        [[0.5, 1.5], [2.5, 3.5]],
        [[4.5, 5.5], [6.5, 7.5]],
    ]
    assert [face.face for face in faces.annotations] == [0, 1]


def test_single_points_are_grouped(tmp_path):
    single = '<points label="{}" occluded="0" group_id="{}" points="{}"/>'
    faces = make(tmp_path, *(single.format(*w) for w in (("eye", 2, "1,1"), ("eye", 1, "2,2"), ("nose", 2, "3,3"))))
    assert [np.isfinite(face.keypoints).all(1).tolist() for face in faces.annotations] == [[True, True], [True, False]]


def test_origin_of_the_option(tmp_path):
    spec = make_cvat(tmp_path, shape(68))
    assert load(f"{spec}?origin=0").annotations[0].keypoints == pytest.approx(shape(68) + 0.5, abs=1e-4)
    with pytest.raises(ConfigError, match=r"origin is 0, 0\.5 or 1"):
        load(f"{spec}?origin=2")


def test_images_beside_the_file_are_found(tmp_path):
    assert image_root(tmp_path / "a.xml", {}) == tmp_path
    (tmp_path / "images").mkdir()
    assert image_root(tmp_path / "a.xml", {}) == tmp_path / "images"
    assert image_root(tmp_path / "a.xml", {"images": str(tmp_path)}) == tmp_path


def test_a_bad_image_is_a_problem(tmp_path):
    faces = make(
        tmp_path,
        POINTS.format("face", 0, 0, "1,2;3,4"),
        "</image><image name='b.jpg'>",
        POINTS.format("a", 0, 0, "1;2"),
    )
    assert len(faces) == 1
    assert faces.problems[0].name == "b.jpg"
    assert "points that are not pairs" in faces.problems[0].reason


def test_written_file_has_the_canvas_coordinates(tmp_path):
    make_cvat(tmp_path, shape(68))
    convert(f"cvat:{tmp_path / 'a.xml'}", f"cvat:{tmp_path / 'b.xml'}")
    image = ElementTree.parse(tmp_path / "b.xml").getroot().find("image")
    assert dict(image.attrib) == {"id": "0", "name": "a.jpg", "width": "64", "height": "48"}
    box = image.find("box")
    assert [box.get(name) for name in ("xtl", "ytl", "xbr", "ybr")] == ["3.5", "2.5", "23.5", "32.5"]
    assert box.get("group_id") == image.find("skeleton").get("group_id")
    points = [each.get("points").split(",") for each in image.iterfind("skeleton/points")]
    assert np.array(points, float) == pytest.approx(shape(68) + 0.5, abs=1e-3)


# ---------------------------------------------------------------------------------------------------------- write back


def labels_of(folder, *names):
    skeleton = Skeleton("a", "a", names, {"points": tuple(range(len(names)))})
    return LabelFiles(folder / "a.xml", {}, skeleton)


def test_only_the_points_of_the_face_change(tmp_path):
    one = "".join(POINTS.format(*w) for w in (("eye", 1, 0, "1.5,2.5"), ("nose", 0, 1, "9,9")))
    make(
        tmp_path,
        *("<!-- checked -->", '<polygon label="hat" points="1,1;2,2;3,1"/>'),
        *(f'<skeleton label="face" group_id="{k}">{one}</skeleton>' for k in (1, 2)),
    )
    before = (tmp_path / "a.xml").read_text()
    labels = labels_of(tmp_path, "eye", "nose")
    assert np.isnan(labels.read(tmp_path / "a.jpg", 1)[1]).all()
    labels.write(tmp_path / "a.jpg", 1, np.array([[7.0, 8.25], [3.0, 4.0]]))
    after = (tmp_path / "a.xml").read_text()
    head, second = after.split('group_id="2"')
    assert head.replace(" />", "/>") == before.split('group_id="2"')[0].replace(" >", ">")
    assert second.count("points=") == 2
    assert 'label="eye" occluded="1" outside="0" points="7.5,8.75"' in second
    assert 'label="nose" occluded="0" outside="0" points="3.5,4.5"' in second
    labels.write(tmp_path / "a.jpg", 1, np.array([[np.nan, np.nan], [3.0, 4.0]]))
    face = load(f"cvat:{tmp_path / 'a.xml'}").annotations[1]
    assert np.isnan(face.keypoints[0]).all()
    assert face.keypoints[1].tolist() == [3, 4]


def test_points_without_an_element_are_added(tmp_path):
    eye, nose = (POINTS.format(name, 0, 0, "1,1") for name in ("eye", "nose"))
    make(tmp_path, f'<skeleton label="face">{eye}{nose}</skeleton>', f'<skeleton label="face">{eye}</skeleton>')
    labels = labels_of(tmp_path, "eye", "nose")
    labels.write(tmp_path / "a.jpg", 1, np.array([[5.0, 6.0], [7.0, 8.0]]))
    faces = load(f"cvat:{tmp_path / 'a.xml'}").annotations
    assert [face.keypoints.tolist() for face in faces] == [[[0.5, 0.5], [0.5, 0.5]], [[5, 6], [7, 8]]]


def test_single_points_of_a_group_are_added_to_it(tmp_path):
    single = '<points label="{}" occluded="0" group_id="{}" points="{}"/>'
    make(tmp_path, *(single.format(*w) for w in (("eye", 2, "1,1"), ("eye", 1, "2,2"), ("nose", 2, "3,3"))))
    labels_of(tmp_path, "eye", "nose").write(tmp_path / "a.jpg", 1, np.array([[5.0, 6.0], [7.0, 8.0]]))
    assert load(f"cvat:{tmp_path / 'a.xml'}").annotations[1].keypoints.tolist() == [[5, 6], [7, 8]]


def test_points_of_one_element_change_but_cannot_be_missing(tmp_path):
    make(tmp_path, POINTS.format("face", 0, 0, "1,2;3,4"), POINTS.format("face", 0, 0, "5,6;7,8"))
    labels = labels_of(tmp_path, "0", "1")
    labels.write(tmp_path / "a.jpg", 1, np.array([[5.0, 6.0], [9.0, 9.0]]))
    assert load(f"cvat:{tmp_path / 'a.xml'}").annotations[1].keypoints.tolist() == [[5, 6], [9, 9]]
    text = (tmp_path / "a.xml").read_text()
    with pytest.raises(AnnotationError, match="its points are one element, in which none can be missing; place them"):
        labels.write(tmp_path / "a.jpg", 1, np.array([[5.0, 6.0], [np.nan, np.nan]]))
    assert (tmp_path / "a.xml").read_text() == text
