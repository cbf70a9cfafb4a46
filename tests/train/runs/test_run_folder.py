"""Run folders: what run.json stores, what damages it, and who may write into the folder."""

import json
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

from doubles import quad_faces
from nasion import images
from nasion.errors import ConfigError, ModelError, OutputError
from nasion.predict.migration import FORMAT_KEY, FORMAT_VERSION
from nasion.sample import Problem
from nasion.skeleton import load_skeleton
from nasion.train.runs import run_folder
from nasion.train.runs.run_folder import (
    Run,
    data_fingerprint,
    describe_data,
    lock_run,
    open_run,
    package_versions,
    read_scores,
)
from train.loop.tiny_runs import tiny


@pytest.fixture
def run(tmp_path):
    """Return a run whose folder has only its run.json."""
    data = {"faces": {"train": 5, "val": 2}, "fingerprint": "a" * 64}
    run = Run(tmp_path / "run", tiny(seed=7), load_skeleton("imm-58"), "nasion train x", data, 3, "bfloat16")
    run.write()
    return run


# run.json


def test_a_written_run_is_read_back(run):
    assert open_run(run.folder) == run
    assert open_run(str(run.folder)) == run
    table = json.loads((run.folder / "run.json").read_text())
    assert table[FORMAT_KEY] == FORMAT_VERSION
    assert (table["command"], table["threads"], table["precision"]) == ("nasion train x", 3, "bfloat16")
    assert table["config"]["seed"] == 7
    assert table["skeleton"]["name"] == "imm-58"
    assert len(table["skeleton"]["names"]) == 58
    assert table["data"] == run.data
    assert table["versions"] == package_versions()
    assert "stopped" not in table


def test_the_paths_of_the_checkpoints(run):
    assert run.best == run.folder / "checkpoints" / "best.pt"
    assert run.last == run.folder / "checkpoints" / "last.ckpt"


def test_a_run_remembers_the_versions_it_was_trained_with(run):
    path = run.folder / "run.json"
    table = json.loads(path.read_text())
    table["versions"] = {"python": "3.0", "torch": "0.1"}
    path.write_text(json.dumps(table))
    assert open_run(run.folder).versions == {"python": "3.0", "torch": "0.1"}


def test_a_run_of_format_version_1_has_the_present_names(stored_v1):
    run = open_run(stored_v1 / "stopped")
    assert run.config.data.sources == ("synthetic:12?skeleton=ibug-68", "synthetic:6?skeleton=ibug-68&seed=1")
    assert run.config.augment.cooldown == 0.5
    assert run.config.schedule.low_res_px == 16
    assert run.skeleton == replace(load_skeleton("ibug-68"), head=None)


def test_a_folder_without_run_json_is_not_a_run(tmp_path):
    with pytest.raises(ModelError, match=r"is not a run folder, it has no run\.json; name a folder that"):
        open_run(tmp_path)
    (tmp_path / "run.json").mkdir()
    with pytest.raises(ModelError, match="not a run folder"):
        open_run(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "null", "{}", '{"skeleton": []}', '{"skeleton": {}}', "\x00"])
def test_a_damaged_run_json_is_one_line(run, content):
    (run.folder / "run.json").write_text(content)
    with pytest.raises(ModelError, match=r"run\.json is damaged: ") as caught:
        open_run(run.folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["config", "skeleton", "command", "data", "threads", "precision", "versions"])
def test_every_entry_of_run_json_is_required(run, key):
    path = run.folder / "run.json"
    table = json.loads(path.read_text())
    del table[key]
    path.write_text(json.dumps(table))
    with pytest.raises(ModelError, match=f"run.json is damaged: .*{key}"):
        open_run(run.folder)


def test_bytes_that_are_not_text_are_damage(run):
    (run.folder / "run.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ModelError, match="damaged"):
        open_run(run.folder)


def test_run_json_needs_a_writable_folder(run, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError):
        replace(run, folder=tmp_path / "taken").write()


# Lock


def test_one_training_at_a_time_writes_a_run(tmp_path):
    words = "another training is writing this run; wait for it or stop it"
    with lock_run(tmp_path), pytest.raises(ConfigError, match=words), lock_run(tmp_path):
        pass
    with lock_run(tmp_path):  # free again
        pass


def test_a_failed_training_releases_its_lock(tmp_path):
    with pytest.raises(ValueError, match="diverged"), lock_run(tmp_path):
        raise ValueError("diverged")
    with lock_run(tmp_path):
        pass


def test_runs_have_separate_locks(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    with lock_run(tmp_path / "a"), lock_run(tmp_path / "b"):
        pass


# Scores


def test_scores_are_read_by_name(tmp_path):
    (tmp_path / "scores.json").write_text('{"format_version": 2, "split": "val", "error_px/mean": 3.5}')
    assert read_scores(tmp_path) == {"split": "val", "error_px/mean": 3.5}


def test_scores_of_format_version_1_have_the_present_names(stored_v1):
    stored = json.loads((stored_v1 / "finished" / "scores.json").read_text())
    scores = read_scores(stored_v1 / "finished")
    assert scores[run_folder.MAX_RELATIVE_SPREAD] == stored["doubt/max"]
    assert "doubt/max" not in scores
    assert scores["error_px/mean"] == stored["error_px/mean"]


def test_a_run_without_scores_is_not_finished(tmp_path):
    with pytest.raises(ModelError, match=f"not finished; resume it with nasion train --resume {tmp_path}"):
        read_scores(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"7", b"\xff"])
def test_damaged_scores_are_one_line(tmp_path, content):
    (tmp_path / "scores.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"scores\.json is damaged: ") as caught:
        read_scores(tmp_path)
    assert "\n" not in str(caught.value)


# Data


@pytest.fixture
def files(tmp_path):
    """Return five faces on three image files."""
    faces = quad_faces()
    for k in range(3):
        images.write(tmp_path / f"{k}.png", np.full((20, 30, 3), 40 * k + 9, np.uint8))
    placed = [replace(a, image=tmp_path / f"{k // 2}.png", split="train") for k, a in enumerate(faces.annotations)]
    return faces.subset(placed)


def changed(files, index, **fields):
    annotations = list(files.annotations)
    annotations[index] = replace(annotations[index], **fields)
    return files.subset(annotations)


def moved_by(face, px):
    return face.keypoints + np.array([px, 0.0])


def test_the_same_data_has_the_same_fingerprint(files, tmp_path):
    first = data_fingerprint(files)
    assert len(first) == 64
    assert int(first, 16)
    assert data_fingerprint(files.subset(list(files.annotations))) == first
    assert data_fingerprint(replace(files, name="another name")) == first


def test_the_fingerprint_does_not_depend_on_the_folder(files, tmp_path):
    elsewhere = tmp_path / "moved"
    elsewhere.mkdir()
    for k in range(3):
        (elsewhere / f"{k}.png").write_bytes((tmp_path / f"{k}.png").read_bytes())
    moved = files.subset([replace(a, image=elsewhere / a.image.name) for a in files.annotations])
    assert data_fingerprint(moved) == data_fingerprint(files)


def test_every_change_of_the_labels_changes_the_fingerprint(files):
    last = files.annotations[4]
    variants = [
        files,
        changed(files, 4, keypoints=moved_by(last, 1e-9)),
        changed(files, 4, split="val"),
        changed(files, 4, subject="carl"),
        changed(files, 4, face=1),
        files.subset(files.annotations[:4]),
        files.subset(files.annotations[::-1]),
    ]
    assert len({data_fingerprint(each) for each in variants}) == len(variants)


@pytest.mark.parametrize("number", range(3))
def test_every_pixel_changes_the_fingerprint(files, tmp_path, number):
    before = data_fingerprint(files)
    pixels = images.read(tmp_path / f"{number}.png").copy()
    pixels[19, 29, 2] += 1
    images.write(tmp_path / f"{number}.png", pixels)
    assert data_fingerprint(files) != before


def test_faces_without_image_files_are_described_by_their_points():
    faces = quad_faces(3)
    first = data_fingerprint(faces)
    assert data_fingerprint(changed(faces, 0, keypoints=moved_by(faces.annotations[0], 1))) != first
    assert data_fingerprint(changed(faces, 0, image=Path("other.png"))) != first


def test_an_image_of_several_faces_is_read_once(files, monkeypatch):
    opened = []
    original = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *how: opened.append(path.name) or original(path, *how))
    data_fingerprint(files)
    assert opened == ["0.png", "1.png", "2.png"]


def test_the_description_counts_faces_by_split_and_names_skipped_ones(files):
    described = describe_data(replace(changed(files, 2, split="val"), problems=(Problem("b.png", "cut off"),)))
    fingerprint = described.pop("fingerprint")
    assert described == {
        "name": "quad:5",
        "skeleton": "quad",
        "faces": {"train": 4, "val": 1},
        "skipped": [{"name": "b.png", "reason": "cut off"}],
    }
    assert fingerprint == data_fingerprint(changed(files, 2, split="val"))
    json.dumps(described)


# Versions


def test_versions_are_those_of_the_installed_packages():
    found = package_versions()
    assert found.keys() == {"python", *run_folder.PACKAGES}
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["torch"] == version("torch")


def test_a_missing_package_is_named(monkeypatch):
    def missing(name):
        if name == "pillow":
            raise PackageNotFoundError(name)
        return "1.2"

    monkeypatch.setattr(run_folder, "version", missing)
    found = package_versions()
    assert found["pillow"] == "not installed"
    assert found["torch"] == "1.2"
