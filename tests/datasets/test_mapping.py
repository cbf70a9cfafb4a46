"""Points of one skeleton from those of another."""

from dataclasses import replace

import numpy as np
import pytest

from doubles import QUAD, quad_faces
from nasion.datasets.mapping import available_mappings, load_mapping, parse_points
from nasion.errors import SkeletonError
from nasion.skeleton import Skeleton, load_skeleton


def write(folder, text):
    (folder / "three.toml").write_text('count = 3\nnames = ["eyes", "ear", "chin"]\n[regions]\nall = "0-2"\n')
    (folder / "m.toml").write_text(text)
    return folder / "m.toml"


def test_points_are_taken_averaged_and_missing(tmp_path):
    mapping = load_mapping(write(tmp_path, 'from = "quad"\nto = "three.toml"\npoints = "0+1 - 3"\n'))
    faces = quad_faces(2)
    faces.annotations[1].visible[0] = False
    faces.annotations[1].keypoints[3] = np.nan
    first, second = mapping.apply(faces).annotations
    assert first.skeleton.names == ("eyes", "ear", "chin")
    assert first.keypoints[[0, 2]].tolist() == [[30, 20], [30, 50]]
    assert np.isnan(first.keypoints[1]).all()
    assert second.visible[0] == np.False_
    assert np.isnan(second.keypoints[2]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('to = "three.toml"\npoints = "0 1"', "2 points for the 3 of three"),
        ('to = "three.toml"\npoints = "0 1 x"', 'points are indices, "a-b", "a\\+b" or "-", not "x"'),
        ('to = "three.toml"\npoints = "0 1 -2"', "points are indices"),
        ('to = "three.toml"\npoints = [0, 1, 2]', "both text"),
        ('points = "0 1 2"', 'a mapping has to = "SKELETON"'),
        ('to = "three.toml"\npoint = "0"', 'unknown key "point"'),
        ('to = "four.toml"\npoints = "0"', "cannot read the skeleton"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, words):
    with pytest.raises(SkeletonError, match=words) as caught:
        load_mapping(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_text_that_is_not_toml(tmp_path):
    with pytest.raises(SkeletonError, match=r"the mapping .*m\.toml is not TOML"):
        load_mapping(write(tmp_path, "to ="))


def test_other_data_is_rejected(tmp_path):
    mapping = load_mapping(write(tmp_path, 'from = "imm-58"\nto = "three.toml"\npoints = "0 1 2"'))
    with pytest.raises(SkeletonError, match="the mapping is from imm-58, not from quad"):
        mapping.apply(quad_faces(1))
    mapping = load_mapping(write(tmp_path, 'to = "three.toml"\npoints = "0 1 4"'))
    with pytest.raises(SkeletonError, match="the mapping names point 4, but quad ends at 3"):
        mapping.apply(quad_faces(1))


@pytest.mark.parametrize("text", ["1-", "+", "1+", "--", "1.5", "10000", "0-99999999999", "9" * 5000, "²"])
def test_malformed_points(text):
    with pytest.raises(ValueError, match='"'):
        parse_points(text)


def test_more_points_than_any_skeleton_has():
    with pytest.raises(ValueError, match="more than 10,000"):
        parse_points("0-9999 " * 3)


def test_ranges_count_in_both_directions():
    assert parse_points("2-0 5") == ((2,), (1,), (0,), (5,))
    assert QUAD.count == 4


def test_wflw_points_of_ibug_agree_with_both_flip_maps_and_regions():
    """A mirrored face must give the same points whether it is mirrored before or after the choice."""
    wflw, ibug = load_skeleton("wflw-98"), load_skeleton("ibug-68")
    chosen = ibug.indices_in(wflw)
    assert [wflw.flip[index] for index in chosen] == [chosen[k] for k in ibug.flip]
    regions = {index: name for name, indices in wflw.regions.items() for index in indices}
    for name, indices in ibug.regions.items():
        assert {regions[chosen[k]] for k in indices} == {name}
    assert [tuple(chosen[k] for k in side) for side in ibug.normalizers["inter_ocular"]] == [(60,), (72,)]


def test_unknown_mappings_are_one_line():
    with pytest.raises(
        SkeletonError, match=r'^no mapping "mesh"; known: mesh-to-ibug-68, or the path of a \.toml file$'
    ):
        load_mapping("mesh")


@pytest.mark.parametrize("name", available_mappings())
def test_packaged_mappings_are_readable(name):
    mapping = load_mapping(name)
    assert all(mapping.sources)


@pytest.mark.parametrize("count", [468, 478])
def test_the_mesh_is_mapped_with_and_without_irises(count):
    names = tuple(f"point_{k}" for k in range(count))
    mesh = Skeleton("mesh", "mesh", names, {"points": tuple(range(count))})
    (face,) = quad_faces(1).annotations
    points = np.random.default_rng(0).uniform(0, 99, (count, 2))
    face = replace(face, keypoints=points, skeleton=mesh, visible=np.ones(count, bool))
    faces = replace(quad_faces(1), skeleton=mesh, annotations=(face,))
    found = load_mapping("mesh-to-ibug-68").apply(faces).annotations[0].keypoints
    assert found[[8, 30, 36]].tolist() == [points[152].tolist(), points[4].tolist(), points[[7, 33]].mean(0).tolist()]


def test_the_mesh_is_mapped_alike_on_both_sides():
    """Vertices of the midline are alone, and each vertex of one side has one of the other side as its partner."""
    mapping, flip = load_mapping("mesh-to-ibug-68"), load_skeleton("ibug-68").flip
    partner = {}
    for index, other in enumerate(flip):
        assert len(mapping.sources[index]) == len(mapping.sources[other])
        if index == other:
            partner |= {vertex: vertex for vertex in mapping.sources[index]}
    assert set(partner) == {152, 168, 197, 5, 195, 4, 2, 11, 17, 13, 14}
    for index, other in enumerate(flip):
        if index < other:
            assert not set(mapping.sources[index]) & set(mapping.sources[other])
            assert not set(partner) & {*mapping.sources[index], *mapping.sources[other]}
