"""Exact points: where the image shows them, mirrored heads, vertices by name, and what hides them."""

import dataclasses

import numpy as np
import pytest

from nasion.errors import SkeletonError
from nasion.skeleton import from_table, load_skeleton

IRISES = {"names": ["left", "right"], "regions": {"irises": "0-1"}, "from": {"ict-facekit": "21458 23028"}}


@pytest.mark.parametrize("vertex", [4857, 1278, 22199, 966])
def test_points_are_where_the_image_shows_them(assets, frontal, scene, vertex):
    """The center of a ball around a vertex, found in the drawn image, is the vertex's label, to 0.05 px."""
    from nasion.datasets.rendered.assets import CLOTH
    from nasion.datasets.rendered.drawing.scene import draw
    from nasion.datasets.rendered.labels import place_points
    from nasion.datasets.rendered.looks.solids import ball

    table = {"names": ["x"], "regions": {"all": "0"}, "from": {"ict-facekit": str(vertex)}}
    camera = dataclasses.replace(frontal.camera, focal_px=1400.0, center=np.array([95.3, 96.1]))
    points = place_points(assets, frontal.vertices, camera, from_table("one", table))
    piece = ball(points.head[0], np.full(3, 2.0), np.ones(3), CLOTH, detail=40)
    behind = scene.vertices - np.float32([0, 0, 60])  # the ball is seen as a whole
    shown = dataclasses.replace(scene, vertices=behind, camera=camera, strands=[], pieces=[piece])
    rows, columns = np.nonzero(draw(shown, 192, with_color=False).distance < 220)
    center = (np.array([columns.mean(), rows.mean()]) + 0.5) / 2 - 0.5
    assert len(rows) > 1500
    assert np.abs(center - points.image[0]).max() < 0.05


def test_the_drawn_head_has_its_vertices(assets, frontal, scene):
    """At the pixel of a vertex that is in front, the drawing is as far away as the vertex, to a pixel's slope."""
    from nasion.datasets.rendered.drawing.scene import draw

    camera = dataclasses.replace(frontal.camera, focal_px=1400.0, center=np.array([95.5, 95.5]))
    bare = dataclasses.replace(scene, vertices=frontal.vertices, camera=camera, strands=[], pieces=[])
    distance = draw(bare, 192, with_color=False).distance
    front = np.flatnonzero(assets.normals(frontal.vertices)[:9409, 2] > 0.9)
    seen = camera.to_camera(frontal.vertices[front].astype(float))
    x, y = np.round((camera.project(seen) + 0.5) * 2 - 0.5).astype(int).T
    inside = (x > 0) & (y > 0) & (x < 384) & (y < 384)
    difference = distance[y[inside], x[inside]] - seen[inside, 2]
    assert inside.sum() > 500
    assert np.median(np.abs(difference)) < 0.02
    assert np.percentile(np.abs(difference), 90) < 0.06


def test_mirrored_heads_have_flipped_labels(assets, frontal):
    """Mirroring identity, expression and pose permutes the labels as the skeleton's flip map says."""
    from nasion.datasets.rendered.camera import Camera, rotation_of
    from nasion.datasets.rendered.labels import place_points
    from nasion.datasets.rendered.person import Shape, deform

    skeleton = load_skeleton("ibug-68")
    names = assets.expressions
    swapped = [
        names.index(n[:-1] + {"L": "R", "R": "L"}[n[-1]]) if n[-2:] in ("_L", "_R") else k for k, n in enumerate(names)
    ]
    for a, b in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        swapped[names.index(a)], swapped[names.index(b)] = names.index(b), names.index(a)
    values = np.zeros(57)
    for name, value in {"mouthSmile_L": 0.8, "eyeBlink_R": 0.9, "jawLeft": 0.5, "jawOpen": 0.3}.items():
        values[names.index(name)] = value
    found = []
    for sign, expression in ((1, values), (-1, values[swapped])):
        rotation = rotation_of(np.array([sign * 25.0, 8.0, sign * 12.0]))
        camera = Camera(np.zeros(3), rotation, np.array([sign * 3.0, 1.0, 120.0]), 800.0, np.array([127.5, 127.5]))
        vertices = deform(assets, Shape(np.zeros(100), expression, np.zeros((2, 2))))
        found.append(place_points(assets, vertices, camera, skeleton).image)
    mirrored = skeleton.mirrored(found[1] * [-1, 1] + [255, 0])
    assert np.abs(mirrored - found[0]).max() < 0.2  # the mesh itself is symmetric to 0.005 cm
    assert np.median(np.abs(mirrored - found[0])) < 0.02


def test_points_of_a_skeleton_are_vertices_by_number(assets, frontal):
    from nasion.datasets.rendered.labels import place_points

    points = place_points(assets, frontal.vertices, frontal.camera, from_table("irises", IRISES))
    np.testing.assert_allclose(points.head, frontal.vertices[[21458, 23028]], rtol=1e-6)
    assert points.image[0, 0] > points.image[1, 0]  # the person's left is at the right of the image
    nose = place_points(assets, frontal.vertices, frontal.camera, load_skeleton("nose-1"))
    np.testing.assert_allclose(nose.image[0], frontal.camera.project(nose.seen)[0])


def test_skeletons_that_the_head_does_not_have_are_one_line(assets, frontal):
    from nasion.datasets.rendered.labels import place_points

    unknown = from_table("mine", {"names": ["a"], "regions": {"all": "0"}})
    with pytest.raises(SkeletonError, match="the points of mine cannot be taken from those of ibug-68"):
        place_points(assets, frontal.vertices, frontal.camera, unknown)
    beyond = from_table("far", {"names": ["a"], "regions": {"all": "0"}, "from": {"ict-facekit": "30000"}})
    with pytest.raises(SkeletonError, match="the head has vertices 0 to 26718, not 30000"):
        place_points(assets, frontal.vertices, frontal.camera, beyond)


def test_things_before_the_face_hide_points(assets, frontal, scene):
    from nasion.datasets.rendered.assets import CLOTH
    from nasion.datasets.rendered.drawing.scene import draw
    from nasion.datasets.rendered.labels import place_points, visible_points
    from nasion.datasets.rendered.looks.solids import ball

    points = place_points(assets, frontal.vertices, frontal.camera, load_skeleton("ibug-68"))
    bare = dataclasses.replace(scene, strands=[], pieces=[])
    seen = visible_points(points, draw(bare, frontal.size, with_color=False))
    assert seen[17:].all()  # brows, nose, eyes and mouth of a bare frontal face
    thing = ball(np.array([0.0, -3.5, 14.0]), np.array([4.0, 2.5, 1.0]), np.ones(3), CLOTH)
    covered = dataclasses.replace(bare, pieces=[thing])
    shown = visible_points(points, draw(covered, frontal.size, with_color=False))
    assert not shown[48:].any()
    assert shown[36:48].all()


def test_points_outside_the_image_are_hidden(assets, frontal, scene):
    from nasion.datasets.rendered.drawing.scene import draw
    from nasion.datasets.rendered.labels import place_points, visible_points

    camera = dataclasses.replace(frontal.camera, center=np.array([-200.0, 47.5]))
    points = place_points(assets, frontal.vertices, camera, load_skeleton("ibug-68"))
    moved = dataclasses.replace(scene, camera=camera)
    assert not visible_points(points, draw(moved, frontal.size, with_color=False)).any()
