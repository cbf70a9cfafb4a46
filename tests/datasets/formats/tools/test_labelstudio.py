"""Label Studio's tasks: percent, parents, uploads, predictions, and what is written."""

import json
from dataclasses import replace

import numpy as np
import pytest

from doubles import prediction
from made_files import make_labelstudio, picture, shape
from nasion.datasets import load
from nasion.datasets.convert import convert
from nasion.datasets.formats.tools import labelstudio
from nasion.errors import AnnotationError
from nasion.outputs.records import ImageRecord, LabelSet, predicted_faces
from nasion.skeleton import Skeleton

ABOUT = {"original_width": 64, "original_height": 48, "from_name": "k", "to_name": "i"}


def point(label, x, y, **values):
    """Return a keypoint whose center is at x, y, image px."""
    value = {"x": (x + 0.5) / 0.64, "y": (y + 0.5) / 0.48, "keypointlabels": [label]}
    return {"id": label, "type": "keypointlabels", "value": value, **ABOUT, **values}


def make(folder, *results, image="a.jpg", **task):
    picture(folder / "a.jpg")
    tasks = [
        {"data": {"image": image, "split": "test", "subject": "anna"}, "annotations": [{"result": results}], **task}
    ]
    (folder / "a.json").write_text(json.dumps(tasks))
    return load(f"labelstudio:{folder / 'a.json'}")


def test_points_name_their_rectangle(tmp_path):
    box = {"x": 3.5 / 0.64, "y": 2.5 / 0.48, "width": 20 / 0.64, "height": 30 / 0.48, "rectanglelabels": ["Face"]}
    faces = make(
        tmp_path,
        {"id": "r", "type": "rectanglelabels", "value": box, **ABOUT},
        *(point("eye", 1, 2), point("eye", 3, 4, parentID="r"), point("nose", 5, 6, parentID="r")),
    )
    assert faces.annotations[1].keypoints == pytest.approx(np.array([[3, 4], [5, 6]]))
    assert faces.annotations[1].box == pytest.approx([3, 2, 23, 32])
    assert faces.annotations[0].box is None
    assert [(face.split, face.subject) for face in faces.annotations] == [("test", "anna")] * 2


def test_without_rectangles_the_nth_point_of_a_label_belongs_to_face_n(tmp_path):
    faces = make(tmp_path, point("eye", 1, 2), point("nose", 3, 4), point("eye", 5, 6), point("nose", 7, 8))
    assert faces.annotations[1].keypoints == pytest.approx(np.array([[5, 6], [7, 8]]))


@pytest.mark.parametrize("image", ["/data/local-files/?d=a.jpg", "/data/upload/3/0a1b2c3d-a.jpg", "./a.jpg", "x/a.jpg"])
def test_images_are_found_as_label_studio_names_them(tmp_path, image):
    assert make(tmp_path, point("eye", 1, 2), image=image).annotations[0].image.resolve() == tmp_path / "a.jpg"


def test_the_last_annotation_counts_and_predictions_replace_none(tmp_path):
    both = [{"result": [point("eye", 1, 2)]}, {"result": [point("eye", 3, 4)]}, {"result": [], "was_cancelled": True}]
    assert make(tmp_path, annotations=both).annotations[0].keypoints == pytest.approx(np.array([[3, 4]]))
    guess = [{"result": [point("eye", 5, 6)]}]
    assert make(tmp_path, annotations=[], predictions=guess).annotations[0].keypoints == pytest.approx(
        np.array([[5, 6]])
    )


@pytest.mark.parametrize("width", [1e-320, 0, -64, 1e300, "Infinity"])
def test_impossible_sizes_are_a_problem(tmp_path, width):
    with pytest.raises(AnnotationError, match=r"task 0: the size of its image is stated as .* x 48 px"):
        make(tmp_path, point("eye", 1, 2, original_width=width))


def test_other_json_is_rejected(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(AnnotationError, match="not a list of Label Studio's tasks"):
        load(f"labelstudio:{tmp_path / 'a.json'}")


def test_written_percentages(tmp_path):
    source = make_labelstudio(tmp_path, shape(68))
    convert(source, f"labelstudio:{tmp_path / 'b.json'}")
    (task,) = json.loads((tmp_path / "b.json").read_text())
    box, *points = task["annotations"][0]["result"]
    assert {each["parentID"] for each in points} == {box["id"]}
    percent = np.array([[each["value"]["x"], each["value"]["y"]] for each in points])
    assert percent == pytest.approx(100 * (shape(68) + 0.5) / [64, 48], abs=1e-4)
    assert task["data"] == {"image": "a.jpg"}


def test_predicted_faces_are_predictions(tmp_path):
    (face,) = predicted_faces("a.jpg", [prediction([[1, 2], [3, 4], [5, 6], [7, 8]])])
    labels = LabelSet(face.skeleton, [ImageRecord("a.jpg", (48, 64), [replace(face)])], model="mine")
    ((_, parts),) = labelstudio.files(labels, tmp_path / "a.json", {})
    (task,) = json.loads(b"".join(parts))
    assert task["predictions"][0]["model_version"] == "mine"
    assert len(task["predictions"][0]["result"]) == 5


# ---------------------------------------------------------------------------------------------------------- write back

EYE_NOSE = Skeleton("a", "a", ("eye", "nose"), {"points": (0, 1)})
BOX = {"x": 0, "y": 0, "width": 50, "height": 50, "rectanglelabels": ["Face"]}
NAN = [np.nan, np.nan]


def labels_in(folder):
    return labelstudio.LabelFiles(folder / "a.json", {}, EYE_NOSE)


def results_in(folder, kind="annotations"):
    return json.loads((folder / "a.json").read_text())[0][kind][-1]["result"]


def faces_in(folder):
    return [face.keypoints for face in load(f"labelstudio:{folder / 'a.json'}").annotations]


def test_points_are_changed_added_and_removed_within_their_rectangle(tmp_path):
    box = {"type": "rectanglelabels", "value": BOX, **ABOUT}
    points = [point("eye", 1, 2, parentID="p"), point("eye", 3, 4, parentID="q"), point("nose", 5, 6, parentID="q")]
    make(tmp_path, {"id": "p", **box}, {"id": "q", **box}, *points)
    labels_in(tmp_path).write(tmp_path / "a.jpg", 1, np.array([[9.0, 8.5], [5.0, 6.0]]))
    labels_in(tmp_path).write(tmp_path / "a.jpg", 0, np.array([[1.0, 2.0], [7.0, 7.5]]))
    labels_in(tmp_path).write(tmp_path / "a.jpg", 1, np.array([[9.0, 8.5], NAN]))
    first, second = faces_in(tmp_path)
    assert first == pytest.approx(np.array([[1, 2], [7, 7.5]]), abs=1e-3)
    assert second == pytest.approx(np.array([[9, 8.5], NAN]), abs=1e-3, nan_ok=True)
    results = results_in(tmp_path)
    assert results[0] == {"id": "p", **box}
    assert [(each["id"], each.get("parentID")) for each in results[2:]] == [
        ("eye", "p"),
        ("eye-nose", "p"),
        ("eye", "q"),
    ]
    with pytest.raises(AnnotationError, match=r"a\.jpg: a face keeps at least one point"):
        labels_in(tmp_path).write(tmp_path / "a.jpg", 1, np.array([NAN, NAN]))


def test_the_last_point_of_a_label_stays(tmp_path):
    make(tmp_path, point("eye", 1, 2), point("nose", 3, 4))
    with pytest.raises(AnnotationError, match=r'a\.json: no other face has the point "nose", so it cannot be removed'):
        labels_in(tmp_path).write(tmp_path / "a.jpg", 0, np.array([[1.0, 2.0], NAN]))


def test_without_rectangles_only_positions_change(tmp_path):
    make(tmp_path, point("eye", 1, 2), point("nose", 3, 4), point("eye", 5, 6), point("nose", 7, 8))
    labels_in(tmp_path).write(tmp_path / "a.jpg", 0, np.array([[2.0, 2.0], [4.0, 4.0]]))
    first, second = faces_in(tmp_path)
    assert (first, second) == (
        pytest.approx(np.array([[2, 2], [4, 4]]), abs=1e-3),
        pytest.approx(np.array([[5, 6], [7, 8]]), abs=1e-3),
    )
    with pytest.raises(
        AnnotationError, match=r"a\.jpg: without rectangles, faces cannot gain or lose points; draw one"
    ):
        labels_in(tmp_path).write(tmp_path / "a.jpg", 0, np.array([[2.0, 2.0], NAN]))


def test_a_prediction_is_changed_where_there_is_no_annotation(tmp_path):
    results = [point("eye", 5, 6), point("nose", 7, 8)]
    make(tmp_path, annotations=[], predictions=[{"score": 0.5, "result": results}])
    labels_in(tmp_path).write(tmp_path / "a.jpg", 0, np.array([[1.0, 1.0], [7.0, 8.0]]))
    assert faces_in(tmp_path)[0] == pytest.approx(np.array([[1, 1], [7, 8]]), abs=1e-3)
    assert len(results_in(tmp_path, "predictions")) == 2
