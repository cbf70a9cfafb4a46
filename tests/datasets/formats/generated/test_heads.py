"""The set of rendered heads: options, exactness, and readable errors."""

import pickle

import numpy as np
import pytest

from nasion.datasets import load
from nasion.errors import AnnotationError, ConfigError, ImageError

pytest.importorskip("numba", reason="rendered heads need numba; pip install 'nasion[render]'")


@pytest.fixture
def spec(real):
    """Return the start of the set's name."""
    return f"heads:2?assets={real('ict_facekit.npz')}&size=48"


def test_heads_are_the_same_for_every_count(spec):
    two, three = load(spec), load(spec.replace("heads:2", "heads:3"))
    assert (len(two), len(three), two.name) == (2, 3, "heads:2")
    np.testing.assert_array_equal(two.annotations[1].keypoints, three.annotations[1].keypoints)
    assert np.array_equal(two.load(1).image, three.load(1).image)
    assert two.load(0).image.shape == (48, 48, 3)
    assert two.annotations[0].visibility_known
    assert len({face.subject for face in three.annotations}) == 3


def test_other_seeds_are_other_people(spec):
    assert not np.array_equal(load(spec).keypoints(), load(f"{spec}&seed=1").keypoints())


def test_images_can_be_opened_in_other_processes(spec):
    faces = load(spec)
    opener = pickle.loads(pickle.dumps(faces.open_image))
    assert np.array_equal(opener(faces.annotations[1]), faces.load(1).image)


def test_skeletons_name_vertices(spec, tmp_path):
    text = 'names = ["left_iris", "right_iris"]\n[regions]\nirises = "0-1"\n[from]\nict-facekit = "21458 23028"\n'
    (tmp_path / "irises.toml").write_text(text)
    faces = load(f"{spec}&skeleton={tmp_path / 'irises.toml'}")
    assert faces.skeleton.names == ("left_iris", "right_iris")
    assert np.isfinite(faces.keypoints()).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("&seed=x", 'the seed is a whole number from 0 to 2,147,483,648, not "x"'),
        ("&size=5000", "the size is a whole number from 32 to 1,024"),
        ("&skeleton=wflw-98", "the points of wflw-98 cannot be taken from those of ibug-68"),
    ],
)
def test_wrong_options_are_one_line(spec, options, message):
    with pytest.raises(Exception, match=message):
        load(spec.replace("&size=48", "") + options)


def test_wrong_counts_and_files_are_one_line(spec, tmp_path):
    with pytest.raises(ConfigError, match="the count of heads is a whole number from 1 to 100,000"):
        load("heads:0")
    with pytest.raises(AnnotationError, match="no such file with the head model; `nasion get ict-facekit"):
        load(f"heads:2?assets={tmp_path / 'x.npz'}")
    with pytest.raises(ImageError, match="no such folder with backgrounds"):
        load(f"{spec}&backgrounds={tmp_path / 'nowhere'}")
