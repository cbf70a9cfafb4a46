"""The prepared head model: triangles, materials, normals and eyeballs."""

import numpy as np
import pytest


def test_triangles_keep_area_and_materials(assets):
    from nasion.datasets.rendered.assets import EYE, SKIN

    assert assets.triangles.shape[1] == 3
    assert len(assets.material) == len(assets.triangles)
    assert assets.corner_vertex[assets.triangles].max() < 25000  # lashes and lacrimal fluid are left out
    eyes = assets.corner_vertex[assets.triangles[assets.material == EYE]]
    assert set(np.unique(eyes)) <= set(range(21451, 22221)) | set(range(23021, 23791))
    assert (assets.material == SKIN).sum() > 20_000


def test_normals_point_away_from_the_head(assets):
    normals = assets.normals(assets.neutral)
    crown, tip = assets.neutral[:11248, 1].argmax(), assets.neutral[:9409, 2].argmax()
    assert np.linalg.norm(normals[[crown, tip]], axis=1) == pytest.approx(1, abs=1e-5)
    assert normals[crown, 1] > 0.9
    assert normals[tip, 2] > 0.8


def test_normals_are_those_of_a_plain_sum(assets):
    vertices = assets.neutral
    a, b, c = (vertices[assets.vertex_triangles[:, k]] for k in range(3))
    expected = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(expected, assets.vertex_triangles[:, k], np.cross(b - a, c - a))
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
    np.testing.assert_allclose(assets.normals(vertices), expected, atol=1e-3)


def test_iris_is_in_front_of_its_eyeball(assets):
    from nasion.datasets.rendered.assets import BALLS

    for ball in BALLS.values():
        points = assets.neutral[ball.start : ball.stop]
        assert assets.neutral[ball.iris, 2] == points[:, 2].max()


def test_other_materials_are_one_line(assets, model_file, tmp_path):
    from nasion.datasets.rendered.assets import load_assets
    from nasion.errors import AnnotationError

    with np.load(model_file) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "other.npz", **arrays | {"materials": np.array(["skin"] * 12)})
    with pytest.raises(AnnotationError, match="its materials are not those of ICT-FaceKit"):
        load_assets(tmp_path / "other.npz")
