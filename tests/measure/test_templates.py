"""Templates agree with the published rules; wrong files are rejected with one line."""

import numpy as np
import pytest

from measure.measured_faces import IBUG, projected
from nasion.errors import ConfigError, SkeletonError
from nasion.geometry import Affine, similarity_between
from nasion.measure.propagation import group_means
from nasion.measure.templates import available, corners, load_template
from nasion.skeleton import load_skeleton

FACE = projected(20, -10, 15, 12.0)


def solved(name, size, keypoints=FACE):
    template = load_template(name)
    return Affine(template.solve(group_means(keypoints, template.groups), size))


@pytest.mark.parametrize("size", [112, 224])
def test_arcface_is_the_published_rule(size):
    """`estimate_norm` of insightface: a similarity from five points to the multiplied template."""
    goal = np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    )
    five = np.stack([FACE[36:42].mean(0), FACE[42:48].mean(0), FACE[30], FACE[48], FACE[54]])
    published = similarity_between(five, goal * size / 112)
    assert np.allclose(solved("arcface", size).matrix, published.matrix, atol=1e-9)


def test_ffhq_is_the_published_rule():
    """`recreate_aligned_images` of ffhq-dataset; its quad + 0.5 is in coordinates of pixel edges."""
    left, right = FACE[36:42].mean(0), FACE[42:48].mean(0)
    middle, across = (left + right) * 0.5, right - left
    down = (FACE[48] + FACE[54]) * 0.5 - middle
    x = across - np.flipud(down) * [-1, 1]
    x /= np.hypot(*x)
    x *= max(np.hypot(*across) * 2.0, np.hypot(*down) * 1.8)
    y = np.flipud(x) * [-1, 1]
    c = middle + down * 0.1
    quad = np.stack([c - x - y, c - x + y, c + x + y, c + x - y])
    assert np.allclose(solved("ffhq", 256).inverse()(corners(256)), quad[[0, 3, 2, 1]], atol=1e-9)


def test_dlib_is_its_own_face_chip():
    """Angle, center and width are what dlib 20.0.1's `get_face_chip_details` returns for these whole-pixel points."""
    found = solved("dlib", 150, np.rint(projected(20, -10, 15, 12.0, (200, 180)))).inverse()
    assert found([[74.5, 74.5]])[0] == pytest.approx([237.2101839733475, 211.22942466537285], abs=1e-4)
    assert found.scale * 150 == pytest.approx(214.26612559066768, abs=1e-4)
    assert np.radians(found.rotation_deg) == pytest.approx(0.24837378436132687, abs=1e-6)


@pytest.mark.parametrize("name", available())
def test_rolled_and_scaled_faces_have_the_same_crop(name):
    similarity = Affine.rotation(33, (50, 20)) @ Affine.crop([0, 0, 1, 1], (3, 3))
    one, other = solved(name, 100), solved(name, 100, similarity(FACE))
    assert np.allclose(one(FACE), other(similarity(FACE)), atol=1e-8)


@pytest.mark.parametrize("name", ["dlib", "ffhq"])
def test_sizes_scale_from_edge_to_edge(name):
    double = Affine.resize((100, 100), (200, 200)) @ solved(name, 100)
    assert np.allclose(double.matrix, solved(name, 200).matrix, atol=1e-9)


def test_own_templates_put_the_points_where_they_say(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "mine"\nsize = 200\n[points]\nright_eye = [60, 80]\nleft_eye = [140, 80]\n')
    found = solved(str(path), 200)
    assert found(FACE[36:42]).mean(0) == pytest.approx([60, 80])
    assert found(FACE[42:48]).mean(0) == pytest.approx([140, 80])
    smaller = solved(str(path), 100)
    assert smaller(FACE[36:42]).mean(0) == pytest.approx([29.75, 39.75])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('title = "a"\nsize = 0\n', "size = 0"),
        ('title = "a"\nsize = 99999\n', "size = 99999"),
        ('title = "a"\nsize = 9\n', "two or more points"),
        ('title = "a"\nsize = 9\n[points]\n"36" = [1, 2]\n', "two or more points"),
        ('title = "a"\nsize = 9\n[points]\n"36" = [1, 2]\nchin = [3, 4]\n', 'no point "chin"'),
        ('title = "a"\nsize = 9\n[points]\n"36" = [1, 2]\n"70" = [3, 4]\n', "0 to 67"),
        ('title = "a"\nsize = 9\n[points]\n"36" = [1, 2]\n"45" = [1, 2]\n', "all positions in .points. are the same"),
        ('title = "a"\nsize = 9\n[points]\n"36" = [1, 2]\n"45" = [1e9, 2]\n', "less than or equal to"),
        ('title = "a"\nsize = 9\nrule = "ffhq"\n[points]\n"36" = [1, 2]\n"40" = [3, 4]\n', "no points"),
        ('title = "a"\nsize = 9\npoint = 3\n', 'unknown key "point"'),
        ("title = ", "is not TOML"),
    ],
)
def test_wrong_files_are_rejected(tmp_path, text, words):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_template(str(path))


def test_unknown_names_are_rejected():
    with pytest.raises(ConfigError, match='did you mean "arcface"'):
        load_template("arcfaces")
    with pytest.raises(ConfigError, match="cannot read"):
        load_template("missing.toml")
    with pytest.raises(SkeletonError, match="does not say where they are"):
        load_template("arcface").indices_in(load_skeleton("imm-58"))
    assert load_template("arcface").indices_in(IBUG)[2] == (30,)
