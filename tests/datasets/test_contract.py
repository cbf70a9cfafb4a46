"""What every format promises, on a small file of each, and on the real sets where they are there."""

import pytest

from made_files import MAKERS, SIZE, shape
from nasion.datasets import available, load, module
from nasion.errors import AnnotationError, ConfigError, NasionError


def test_every_format_is_tested_here():
    assert {*MAKERS, "synthetic"} == set(available())


@pytest.mark.parametrize("form", MAKERS)
def test_points_come_back_0_based_in_image_px(tmp_path, form):
    make, count = MAKERS[form]
    points = shape(count)
    faces = load(make(tmp_path, points))
    assert len(faces) == 1
    assert not faces.problems
    assert faces.annotations[0].keypoints == pytest.approx(points, abs=1e-4)
    assert faces.annotations[0].visible.all()
    assert faces.load(0).image.shape == (*SIZE, 3)
    assert faces.annotations[0].subject


@pytest.mark.parametrize("form", MAKERS)
def test_a_missing_picture_is_named(tmp_path, form):
    make, count = MAKERS[form]
    spec = make(tmp_path, shape(count))
    for path in [*tmp_path.rglob("*.jpg"), *tmp_path.rglob("*.png")]:
        path.unlink()
    with pytest.raises(AnnotationError, match=r"no labeled face found; the first of 1: .*missing"):
        load(spec)


@pytest.mark.parametrize("form", MAKERS)
def test_a_missing_source_is_one_line(form, tmp_path):
    with pytest.raises(AnnotationError, match=r"no such (folder|file); check the path"):
        load(f"{form}:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("form", ["dlib", "wflw", "coco", "csv"])
def test_garbage_is_one_line(form, tmp_path):
    for content in (b"", b"\x00\xff\xfe" * 50, b"{ not any of them <<"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(NasionError) as caught:
            load(f"{form}:{tmp_path / 'x'}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["imm", "ibug"])
def test_an_empty_folder_is_one_line(form, tmp_path):
    with pytest.raises(AnnotationError, match="no labeled face found"):
        load(f"{form}:{tmp_path}")


@pytest.mark.parametrize("form", available())
def test_formats_describe_themselves(form):
    assert module(form).DESCRIPTION.startswith(f"{form}:")


def test_unknown_format_and_option_give_the_nearest():
    with pytest.raises(ConfigError, match='did you mean "imm"'):
        load("inm:x")
    with pytest.raises(ConfigError, match='did you mean "seed"'):
        load("synthetic:3?sed=1")
    with pytest.raises(ConfigError, match="format:source"):
        load("some/folder")
    with pytest.raises(ConfigError, match="needs a value"):
        load("synthetic:3?seed=")
