"""Label files: which formats have them, and how they are opened."""

import types

import pytest

from made_files import make_csv, make_ibug, shape
from nasion import datasets
from nasion.datasets import write_back
from nasion.datasets.formats import csv, ibug
from nasion.datasets.write_back import labels_of, writable
from nasion.errors import ConfigError
from nasion.skeleton import load_skeleton

IBUG = load_skeleton("ibug-68")


def test_formats_with_label_files_are_writable():
    assert set(writable()) == set(datasets.available()) - {"synthetic", "heads"}


def test_writable_formats_are_found_by_their_class(monkeypatch):
    monkeypatch.setattr(write_back, "available", lambda: ["one", "two"])
    modules = {"one": types.SimpleNamespace(), "two": types.SimpleNamespace(LabelFiles=object)}
    monkeypatch.setattr(write_back, "module", modules.get)
    assert writable() == ["two"]


def test_label_files_are_those_of_the_format(tmp_path):
    make_csv(tmp_path, shape(68))
    assert isinstance(labels_of("csv", str(tmp_path / "a.csv"), {}, IBUG), csv.LabelFiles)
    assert isinstance(labels_of("ibug", str(tmp_path), {}, IBUG), ibug.LabelFiles)


@pytest.mark.parametrize(
    ("form", "name", "hides"),
    [
        ("coco", "COCO's .json", True),
        ("csv", ".csv", True),
        ("csv-long", "long .csv", True),
        ("json", "nasion's .json", True),
        ("parquet", ".parquet", True),
        ("dlib", "dlib's .xml", True),
        ("ibug", ".pts", False),
        ("imm", ".asf", False),
        ("wflw", "WFLW's list", False),
        ("cvat", "CVAT's .xml", True),
        ("labelme", "LabelMe's .json", True),
        ("labelstudio", "Label Studio's .json", True),
        ("yolo", "YOLO's .txt", True),
    ],
)
def test_names_and_abilities(tmp_path, form, name, hides):
    labels = labels_of(form, str(tmp_path / "labels"), {}, IBUG)
    assert (labels.form, labels.hides) == (name, hides)


def test_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    points = shape(68)
    make_csv(tmp_path, points)
    labels = labels_of("csv", "~/a.csv", {}, IBUG)
    assert labels.read(tmp_path / "a.jpg", 0) == pytest.approx(points, abs=1e-6)


def test_options_reach_the_label_files(tmp_path):
    points = shape(68)
    make_csv(tmp_path, points)
    labels = labels_of("csv", str(tmp_path / "a.csv"), {"origin": "1"}, IBUG)
    assert labels.read(tmp_path / "a.jpg", 0) == pytest.approx(points - 1, abs=1e-6)


def test_0_based_pts_files_cannot_be_written(tmp_path):
    make_ibug(tmp_path, shape(68))
    with pytest.raises(ConfigError, match=r"written 1-based; leave out \?origin="):
        labels_of("ibug", str(tmp_path), {"origin": "0"}, IBUG)


@pytest.mark.parametrize("form", ["synthetic", "_reading", "zip"])
def test_format_without_label_files_is_rejected(form):
    with pytest.raises(
        ConfigError, match=rf'"{form}" cannot be written back; these can: coco, csv, csv-long, cvat, dlib'
    ):
        labels_of(form, "x", {}, IBUG)
