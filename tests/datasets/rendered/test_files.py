"""Many heads as files: complete, resumable, the same for any number of processes, and readable errors."""

import json

import numpy as np
import pytest

from nasion import datasets, images
from nasion.errors import AnnotationError, ConfigError, OutputError


@pytest.fixture
def job(model_file):
    from nasion.datasets.rendered.files import HeadJob

    return HeadJob(model_file, seed=2, size=48)


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_heads_are_images_and_labels(job, tmp_path):
    from nasion.datasets.rendered import annotate, load_assets
    from nasion.datasets.rendered.files import write_heads

    target = write_heads(tmp_path / "out", 3, job)
    faces = datasets.load(f"coco:{target}")
    assert len(faces) == 3
    assert faces.load(1).image.shape == (48, 48, 3)
    expected = annotate(load_assets(job.assets), 2, 1, 48, faces.skeleton, target).annotation
    np.testing.assert_allclose(faces.annotations[1].keypoints, expected.keypoints, atol=1e-3)
    np.testing.assert_array_equal(faces.annotations[1].visible, expected.visible)
    values = json.loads((tmp_path / "out" / "labels" / "000001.json").read_text())
    assert values["image"] == "images/000001.jpg"
    assert {"pose_degrees", "gaze_degrees", "expression", "identity", "camera", "points_3d_cm"} <= set(values)


def test_an_interrupted_call_continues(job, tmp_path):
    from nasion.datasets.rendered.files import write_heads

    write_heads(tmp_path / "whole", 3, job)
    write_heads(tmp_path / "parts", 1, job)
    first = (tmp_path / "parts" / "images" / "000000.jpg").stat().st_mtime_ns
    write_heads(tmp_path / "parts", 3, job)
    assert (tmp_path / "parts" / "images" / "000000.jpg").stat().st_mtime_ns == first
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_a_full_disk_is_one_line_and_loses_nothing(job, tmp_path, monkeypatch):
    from nasion.datasets.rendered import files

    real, calls = images.write, []

    def full(path, image):
        calls.append(path)
        if len(calls) == 2:
            raise OutputError(f"cannot write {path}: No space left on device; choose another location")
        real(path, image)

    monkeypatch.setattr(files.images, "write", full)
    with pytest.raises(OutputError, match="No space left"):
        files.write_heads(tmp_path / "out", 3, job)
    assert [path.name for path in (tmp_path / "out" / "labels").iterdir()] == ["000000.json"]
    files.write_heads(tmp_path / "out", 3, job)
    assert len(datasets.load(f"coco:{tmp_path / 'out' / 'keypoints.json'}")) == 3


@pytest.mark.slow
def test_several_processes_write_the_same_files(job, tmp_path):
    from nasion.datasets.rendered.files import write_heads

    write_heads(tmp_path / "one", 3, job)
    write_heads(tmp_path / "two", 3, job, processes=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_folder_with_other_settings_is_rejected(job, tmp_path, model_file):
    from nasion.datasets.rendered.files import HeadJob, write_heads

    write_heads(tmp_path, 1, job)
    with pytest.raises(ConfigError, match=r"holds heads with other settings \(seed\)"):
        write_heads(tmp_path, 1, HeadJob(model_file, seed=3, size=48))


def test_damaged_labels_are_one_line(job, tmp_path):
    from nasion.datasets.rendered.files import write_heads

    write_heads(tmp_path, 1, job)
    (tmp_path / "labels" / "000000.json").write_text('{"keypoints": [[1]]}')
    with pytest.raises(AnnotationError, match=r"damaged .*; delete it and run the command again"):
        write_heads(tmp_path, 1, job)
