import numpy as np
import pytest

from nasion.errors import SkeletonError
from nasion.skeleton import available, from_table, infer_flip_map, load_skeleton, mean_shape, parse

FACE = """
title = "five points"
count = 5
flip = "1 0 2 4 3"
[regions]
eyes = "0-1"
nose = "2"
mouth = "3-4"
[normalizers]
inter_ocular = ["0", "1"]
"""


@pytest.mark.parametrize("name", available())
def test_every_skeleton_flips_back_and_is_drawn_whole(name):
    points = load_skeleton(name)
    assert points.flip is not None
    assert all(points.flip[points.flip[k]] == k for k in range(points.count))
    assert {k for line in points.lines for k in line} == set(range(points.count))
    mirrored = {region: {points.flip[k] for k in indices} for region, indices in points.regions.items()}
    assert sorted(map(sorted, mirrored.values())) == sorted(sorted(i) for i in points.regions.values())


@pytest.mark.parametrize("name", available())
def test_a_skeleton_survives_its_table(name):
    points = load_skeleton(name)
    assert from_table(name, points.to_table()) == points


def test_known_indices():
    imm, ibug = load_skeleton("imm-58"), load_skeleton("ibug-68")
    assert (imm.count, ibug.count, load_skeleton("wflw-98").count) == (58, 68, 98)
    assert [k for k in range(58) if imm.flip[k] == k] == [6, 41, 45, 52]
    assert [k for k in range(68) if ibug.flip[k] == k] == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
    assert load_skeleton("nose-1").indices_in(imm).tolist() == [52]
    assert load_skeleton("nose-1").indices_in(ibug).tolist() == [33]


def test_lengths_by_hand():
    points = parse("five", FACE)
    face = np.array([[0.0, 0], [6, 8], [3, 3], [1, 9], [5, 9]])
    assert points.length(face, "inter_ocular") == pytest.approx(10)
    face[0] = np.nan
    assert np.isnan(points.length(face, "inter_ocular"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('flip = "1 0 2 4 3"', 'flip = "1 2 0 4 3"', "flipping twice"),
        ('flip = "1 0 2 4 3"', 'flip = "1 0 2 4 4"', "once"),
        ('mouth = "3-4"', 'mouth = "3"', "each of the 5 points once"),
        ("count = 5", "count = 5\nflipp = 3", 'unknown key "flipp"; did you mean "flip"'),
        ("count = 5", "cuont = 5", 'unknown key "cuont"; did you mean "count"'),
        ('["0", "1"]', '["0", "7"]', "below 5"),
        ("count = 5", "count =", "not TOML"),
        ('nose = "2"', 'nose = "b"', "incomplete or mistyped"),
    ],
)
def test_a_wrong_skeleton_says_what_is_wrong(old, new, message):
    with pytest.raises(SkeletonError, match=message):
        parse("five", FACE.replace(old, new))


def test_unknown_names_give_the_nearest():
    with pytest.raises(SkeletonError, match='did you mean "imm-58"'):
        load_skeleton("imm58")


def test_a_skeleton_that_does_not_fit_is_refused():
    with pytest.raises(SkeletonError, match="does not say"):
        load_skeleton("imm-58").indices_in(load_skeleton("ibug-68"))


def test_the_same_name_for_other_points_is_refused():
    first = parse("mine", FACE)
    other = parse("mine", FACE.replace('mouth = "3-4"', 'lips = "3-4"'))
    with pytest.raises(SkeletonError, match="rename one"):
        first.indices_in(other)
    beyond = parse("yours", FACE.replace("mouth", "lips") + '[from]\nmine = "0 1 2 3 9"\n')
    with pytest.raises(SkeletonError, match="ends at 4"):
        beyond.indices_in(first)


def test_flip_map_is_inferred_from_drawn_faces(drawn):
    flip, residual = infer_flip_map(drawn.keypoints())
    assert flip == drawn.skeleton.flip
    assert residual < 0.01


@pytest.mark.parametrize(("folder", "form"), [("imm_face_db", "imm"), ("300w/afw", "ibug")])
def test_flip_map_is_inferred_from_real_faces(real, folder, form):
    from nasion.datasets import load

    faces = load(f"{form}:{real(folder)}")
    assert infer_flip_map(faces.keypoints())[0] == faces.skeleton.flip


def test_mean_shape_of_moved_copies_is_the_shape():
    random = np.random.default_rng(0)
    shape = random.normal(size=(5, 2)) * 20
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    copies = np.stack([shape, shape @ turn.T * 1.5 + 7, shape - 30])
    copies[2, 1] = np.nan
    assert mean_shape(copies) == pytest.approx(shape, abs=1e-6)
