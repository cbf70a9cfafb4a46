"""Faces for supervision and FiftyOne; the packages are stand-ins here unless they are installed."""

import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

import nasion
from doubles import QUAD, prediction
from made_files import make_coco, picture, shape
from nasion.errors import ConfigError
from nasion.uncertainty import nominal_share

FACES = [
    prediction([[1, 2], [np.nan, np.nan], [5, 6], [7, 11]], score=0.9),
    prediction([[2, 3], [4, 5], [6, 7], [8, 9]], score=0.8),
]

CLOSE = float(nominal_share(0.05 * np.sqrt(6 * 9) / 2))
"""Confidence of the points of the first face: its box has 6 x 9 px, the spread is 2 px."""


def test_supervision_gets_points_scores_and_spreads():
    supervision = pytest.importorskip("supervision")
    points = nasion.to_supervision(FACES)
    assert isinstance(points, supervision.KeyPoints)
    assert points.xy.shape == (2, 4, 2)
    assert points.xy[0].tolist() == [[1, 2], [0, 0], [5, 6], [7, 11]]
    assert points.keypoint_confidence[0] == pytest.approx([CLOSE, np.nan, CLOSE, CLOSE], nan_ok=True)
    assert points.detection_confidence == pytest.approx([0.9, 0.8])
    assert points.data["spread_px"].shape == (2, 4)
    image = np.zeros((60, 80, 3), np.uint8)
    edges = [(a + 1, b + 1) for line in QUAD.lines for a, b in pairwise(line)]
    drawn = supervision.EdgeAnnotator(edges=edges).annotate(image.copy(), points)
    assert supervision.VertexAnnotator(radius=1).annotate(image.copy(), points)[11, 7].any()
    assert drawn.any()


def test_supervision_without_faces_or_uncertainty():
    supervision = pytest.importorskip("supervision")
    assert len(nasion.to_supervision([])) == 0
    points = nasion.to_supervision([prediction([[1, 2], [3, 4], [5, 6], [7, 8]], spread=np.nan)])
    assert isinstance(points, supervision.KeyPoints)
    assert points.keypoint_confidence is None
    assert "spread_px" not in points.data


@dataclass
class EarlierKeyPoints:
    """The key points of versions of supervision with one kind of confidence."""

    xy: object
    class_id: object = None
    confidence: object = None
    data: dict = field(default_factory=dict)


def test_earlier_versions_of_supervision_have_one_confidence(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", SimpleNamespace(KeyPoints=EarlierKeyPoints))
    points = nasion.to_supervision(FACES)
    assert points.confidence.shape == (2, 4)
    assert points.data["class_name"].tolist() == ["face", "face"]


@pytest.fixture
def fiftyone(monkeypatch):
    """FiftyOne, or a stand-in that stores what it is given."""
    if find_spec("fiftyone"):
        return pytest.importorskip("fiftyone")
    keypoint = type("Keypoint", (SimpleNamespace,), {})
    sample = type("Sample", (dict,), {"__init__": lambda self, **values: self.update(values)})
    stand_in = SimpleNamespace(Keypoint=keypoint, Keypoints=type("Keypoints", (keypoint,), {}), Sample=sample)
    monkeypatch.setitem(sys.modules, "fiftyone", stand_in)
    return stand_in


def test_fiftyone_gets_shares_of_the_image(fiftyone):
    found = nasion.to_fiftyone(FACES, np.zeros((60, 80, 3), np.uint8))
    assert isinstance(found, fiftyone.Keypoints)
    first, second = found.keypoints
    assert np.array(first.points) == pytest.approx(
        np.array([[1.5 / 80, 2.5 / 60], [np.nan, np.nan], [5.5 / 80, 6.5 / 60], [7.5 / 80, 11.5 / 60]]), nan_ok=True
    )
    assert (first.label, second.score) == ("face", 0.8)
    assert first.confidence == pytest.approx([CLOSE, np.nan, CLOSE, CLOSE], nan_ok=True)
    assert second.spread_px == [2.0] * 4


def test_fiftyone_gets_samples_of_a_data_set(fiftyone, tmp_path):
    spec = make_coco(tmp_path, shape(68))
    picture(tmp_path / "wall.jpg")
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace('"images": [', '"images": [{"id": 7, "file_name": "wall.jpg"}, '))
    samples = nasion.to_fiftyone(nasion.load(spec))
    assert [len(sample["faces"].keypoints) for sample in samples] == [1, 0]
    assert samples[0]["filepath"] == str(tmp_path / "a.jpg")
    (face,) = samples[0]["faces"].keypoints
    assert np.array(face.points)[5] == pytest.approx((shape(68)[5] + 0.5) / [64, 48])


def test_fiftyone_gets_the_path_of_the_image_and_no_uncertainty(fiftyone, tmp_path):
    picture(tmp_path / "a.jpg")
    (face,) = nasion.to_fiftyone([prediction(np.full((4, 2), 31.5), spread=np.nan)], str(tmp_path / "a.jpg")).keypoints
    assert np.array(face.points)[0] == pytest.approx([0.5, 32 / 48])
    assert getattr(face, "confidence", None) in (None, [])


def test_fiftyone_needs_the_image(fiftyone):
    with pytest.raises(ConfigError, match="to_fiftyone also needs the image of the faces"):
        nasion.to_fiftyone(FACES)


@pytest.mark.parametrize("name", ["supervision", "fiftyone"])
def test_a_missing_package_is_one_line(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=rf"to_{name} needs {name} \(.*\); pip install {name}"):
        getattr(nasion, f"to_{name}")(FACES)
