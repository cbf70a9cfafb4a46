"""One head as triangles in front of a camera, and its image."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from nasion.datasets.rendered.arrays import Floats
from nasion.datasets.rendered.assets import BALLS, EYE_SOCKETS, EYES, GUMS, HAIR, MOUTH_SOCKET, TEETH, Assets
from nasion.datasets.rendered.camera import Camera
from nasion.datasets.rendered.drawing.raster import EMPTY, rasterize
from nasion.datasets.rendered.drawing.shade import SHADOW_CM, Surface, shade
from nasion.datasets.rendered.drawing.transfer import DIRECTIONS, directions, light_transfer
from nasion.datasets.rendered.looks.light import Light
from nasion.datasets.rendered.looks.masks import noise_texture, skin_masks
from nasion.datasets.rendered.looks.solids import Piece
from nasion.datasets.rendered.looks.strands import Strands
from nasion.datasets.rendered.person import ball_center, gaze_rotation

__all__ = ["SUPERSAMPLING", "Drawing", "Scene", "draw"]

SUPERSAMPLING = 2
"""Number of samples per pixel along x and y."""

SHADOW_PX = 384
"""Size of the shadow map, px."""

FAR_CM = 200.0
"""Distance of the key light, cm, as far as the shadow map is concerned."""

NEAR_CM = 1.0
"""Nearest distance that is drawn, cm."""

BRIGHTEST = 8.0
"""Largest value of a pixel, so that one highlight does not outshine its neighbors."""

OPAQUE = 0.6
"""Opacity from which a lens hides keypoints."""

CREVICE_CM, CREVICE_SIGMA_CM = 1.1, 0.9
"""Depth below its surroundings at which a place is dark, and the width of the surroundings, cm."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn: a head with vertices (V, 3), cm, and normals (V, 3), no unit, its hair, other pieces and light."""

    assets: Assets
    vertices: Floats
    normals: Floats
    gaze: Floats
    scalp: Floats
    strands: list[Strands]
    pieces: list[Piece]
    skin: Floats
    eyes: Floats
    light: Light
    camera: Camera
    teeth: Floats


class Drawing(NamedTuple):
    """The foreground: image (H, W, 4), linear RGB and coverage, and what labels need at `SUPERSAMPLING` resolution.

    Attributes:
        image: (H, W, 4) float32, premultiplied by coverage.
        distance: (h, w) distance along the axis of the nearest surface, cm; infinite where there is none.
        covering: (h, w) whether that surface can hide keypoints.
        skin: (H, W) share of the head in each pixel, which the exposure is set for.
    """

    image: Floats
    distance: Floats
    covering: np.ndarray
    skin: Floats


def draw(scene: Scene, size: int, *, with_color: bool = True) -> Drawing:
    """Return the foreground of an image of `size` × `size` px, or only its distances."""
    solid = [each for each in scene.pieces if each.opacity >= 1]
    surface, covers, one_sided = _surface(scene, solid)
    fine = size * SUPERSAMPLING
    xy, inverse_z = _projected(scene.camera, surface)
    numbers, depth = rasterize(xy, inverse_z, surface.triangles, one_sided, (fine, fine))
    distance = np.where(depth > 0, 1 / np.maximum(depth, 1e-6), np.inf).astype(np.float32)
    shown = numbers != EMPTY
    covering = shown & covers[np.maximum(numbers, 0)]
    image = np.zeros((fine, fine, 4), np.float32)
    rest = _shading(scene, surface) if with_color else None
    if rest:
        open_light = _crevices(distance, scene.camera.focal_px * SUPERSAMPLING)
        image = shade(numbers, (xy, inverse_z), surface, open_light, *rest)
    for lens in (each for each in scene.pieces if each.opacity < 1):
        glass = _piece(scene, lens)
        xy, inverse_z = _projected(scene.camera, glass)
        seen, near = rasterize(xy, inverse_z, glass.triangles, 0, (fine, fine))
        seen[near < depth] = EMPTY
        inside = seen != EMPTY
        if rest:
            reflected = shade(seen, (xy, inverse_z), glass, np.ones_like(distance), *rest)
            image[inside] = image[inside] * np.float32(1 - lens.opacity) + reflected[inside]
        if lens.opacity > OPAQUE:
            distance[inside] = 1 / near[inside]
            covering |= inside
    image[..., 3] = np.minimum(image[..., 3], 1)
    head = (shown & (numbers < one_sided)).astype(np.float32)
    return Drawing(_reduced(np.minimum(image, BRIGHTEST), size), distance, covering, _reduced(head, size))


def _reduced(fine: Floats, size: int) -> Floats:
    """Return the mean (size, size, ...), no unit, of each pixel's samples (h, w, ...)."""
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)


def _shading(scene: Scene, surface: Surface) -> tuple:
    """Return the arguments of `shade` that are the same for all surfaces."""
    light = scene.light
    key = np.array([*light.key, *light.key_color, light.softness], np.float32)
    textures = (skin_masks(scene.assets), noise_texture())
    return textures, scene.skin, scene.eyes, light.reflection_map(), key, _shadow_map(scene, surface)


def _projected(camera: Camera, surface: Surface) -> tuple[Floats, Floats]:
    """Return vertices (N, 2), px of the finer image, and 1 / z (N,), 1/cm; 0 for those behind the camera."""
    z = surface.position[:, 2]
    xy = (camera.project(surface.position) + 0.5) * SUPERSAMPLING - 0.5
    return xy.astype(np.float32), np.where(z > NEAR_CM, 1 / np.maximum(z, NEAR_CM), 0).astype(np.float32)


def _surface(scene: Scene, pieces: list[Piece]) -> tuple[Surface, np.ndarray, int]:
    """Return all surfaces in the camera frame, which triangles hide keypoints (M,), and how many are one-sided."""
    head = _head(scene)
    parts = [head, *(_piece(scene, each) for each in pieces), *(_ribbons(scene, each) for each in scene.strands)]
    covers = [True, *(True for _ in pieces), *(each.covers for each in scene.strands)]
    starts = np.cumsum([0, *(len(each.position) for each in parts)])
    position, normal, uv, color, light = (
        np.ascontiguousarray(np.concatenate([each[k] for each in parts]), dtype=np.float32) for k in range(5)
    )
    triangles = np.concatenate([each.triangles + start for each, start in zip(parts, starts, strict=False)])
    material = np.concatenate([each.material for each in parts])
    hides = np.concatenate([np.full(len(each.triangles), c) for each, c in zip(parts, covers, strict=True)])
    surface = Surface(position, normal, uv, color, light, triangles.astype(np.int32), material)
    return surface, hides, len(head.triangles)


def _head(scene: Scene) -> Surface:
    """Return the head in the camera frame."""
    assets, camera = scene.assets, scene.camera
    corner = assets.corner_vertex
    radiance = _radiance(scene)
    light = light_transfer(assets) @ radiance
    color = np.zeros((len(scene.vertices), 3), np.float32)
    color[:, 0] = scene.scalp
    mouth = slice(MOUTH_SOCKET, EYES)
    depth = np.clip((scene.vertices[mouth, 2] - _lip_depth(scene)) / 1.5, -4, 0)
    inside = (0.08 + 0.92 * np.exp(depth))[:, None] * _open_light(scene.normals[mouth], radiance)
    inside[: EYE_SOCKETS - MOUTH_SOCKET] *= np.array([0.5, 0.2, 0.18], np.float32)
    sockets = light[EYE_SOCKETS:GUMS].copy()
    light[mouth] = inside
    light[EYE_SOCKETS:GUMS] = sockets
    color[GUMS:TEETH], color[TEETH:EYES] = (0.42, 0.13, 0.12), scene.teeth
    uv = assets.corner_uv.copy()
    for ball, gaze in zip(BALLS.values(), scene.gaze, strict=True):
        part = (corner >= ball.start) & (corner < ball.stop)
        uv[part] = _around_iris(scene.vertices, ball.start, ball.stop, ball.iris, gaze)[corner[part] - ball.start]
    seen, normals = camera.to_camera(scene.vertices), scene.normals @ camera.rotation.T.astype(np.float32)
    return Surface(
        seen[corner],
        normals[corner],
        uv,
        color[corner],
        light[corner].astype(np.float32),
        assets.triangles,
        assets.material,
    )


def _lip_depth(scene: Scene) -> float:
    """Return how far in front the lips are, cm."""
    return float(scene.vertices[[5695, 0, 6213, 5841]].mean(0)[2]) - 0.6


def _around_iris(vertices: Floats, start: int, stop: int, iris: int, gaze: Floats) -> Floats:
    """Return the position (N, 2) of an eyeball's vertices relative to the iris' center, in radii of the ball, no unit.

    Positions behind the ball are moved outside the iris.
    """
    center = ball_center(vertices, start, stop)
    away = (vertices[start:stop] - center) @ gaze_rotation(gaze)
    axis = away[iris - start] / np.linalg.norm(away[iris - start])
    side = np.cross([0.0, 1.0, 0.0], axis)
    side /= np.linalg.norm(side)
    frame = np.stack([side, np.cross(axis, side), axis])
    local = away @ frame.T
    local /= np.linalg.norm(local, axis=1, keepdims=True)
    flat = local[:, :2]
    length = np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6
    return np.where(local[:, 2:] > 0, flat, flat / length * (2 - length)).astype(np.float32)


def _radiance(scene: Scene) -> Floats:
    """Return the light (D, 3), no unit, from each of `directions` of the head frame."""
    return scene.light.radiance(directions() @ scene.camera.rotation.T)


def _open_light(normals: Floats, radiance: Floats) -> Floats:
    """Return the diffuse light (N, 3), no unit, at normals (N, 3) of the head frame that nothing shades."""
    cosines = np.maximum(normals.astype(np.float32) @ directions().T, 0)
    return cosines @ (radiance * np.float32(4 / DIRECTIONS))


def _piece(scene: Scene, piece: Piece) -> Surface:
    """Return a piece in the camera frame."""
    camera = scene.camera
    normals = piece.normals @ camera.rotation.T.astype(np.float32)
    # surfaces that face away are seen from behind: they get the light of the side that is seen
    light = _open_light(piece.normals, _radiance(scene))
    return Surface(
        camera.to_camera(piece.points.astype(np.float32)), normals, piece.uv, piece.color, light,
        piece.triangles, np.full(len(piece.triangles), piece.material, np.uint8),
    )  # fmt: skip


def _ribbons(scene: Scene, strands: Strands) -> Surface:
    """Return ribbons that face the camera."""
    count, length = strands.points.shape[:2]
    points = scene.camera.to_camera(strands.points)
    tangent = np.gradient(points, axis=1)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True) + 1e-6
    side = np.cross(tangent, points)
    side *= (strands.width / 2)[..., None] / (np.linalg.norm(side, axis=-1, keepdims=True) + 1e-6)
    both = np.stack([points - side, points + side], axis=2).reshape(-1, 3)
    light = _open_light(strands.outward, _radiance(scene))[:, None] * strands.shade[..., None]
    twice = lambda values: np.repeat(values.reshape(count * length, -1), 2, axis=0)  # noqa: E731
    first = (np.arange(count)[:, None] * length + np.arange(length - 1)).reshape(-1, 1) * 2
    triangles = np.concatenate([first + np.array([0, 1, 2]), first + np.array([1, 3, 2])])
    color = np.repeat(strands.color[:, None], length, axis=1)
    return Surface(
        both, twice(tangent), np.zeros((len(both), 2), np.float32), twice(color), twice(light),
        triangles, np.full(len(triangles), HAIR, np.uint8),
    )  # fmt: skip


def _shadow_map(scene: Scene, surface: Surface) -> tuple[Floats, Floats]:
    """Return the depth map (Q, Q), 1 / cm, from the key light, and its projection (3, 4): px, px, cm."""
    key = scene.light.key
    side = np.cross([0.0, 1.0, 0.0] if abs(key[1]) < 0.9 else [1.0, 0.0, 0.0], key)
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(key, side)]) * (SHADOW_PX / SHADOW_CM)
    middle = scene.camera.to_camera(np.array([[0.0, 2.0, 1.0]]))[0]
    rows = np.stack([*axes, -key])
    offset = np.array([SHADOW_PX / 2, SHADOW_PX / 2, FAR_CM]) - rows @ middle
    projection = np.c_[rows, offset].astype(np.float32)
    seen = surface.position @ projection[:, :3].T + projection[:, 3]
    xy, inverse = np.ascontiguousarray(seen[:, :2]), (1 / np.maximum(seen[:, 2], 1)).astype(np.float32)
    _, depth = rasterize(xy, inverse, surface.triangles, 0, (SHADOW_PX, SHADOW_PX))
    return depth, projection


def _crevices(distance: Floats, px_times_cm: float) -> Floats:
    """Return the share of light (H, W), no unit, that reaches surfaces at distances (H, W), cm.

    A place that lies deeper than its surroundings is darker, such as skin beside hair or glasses.
    """
    shown = np.isfinite(distance)
    if not shown.any():
        return np.ones_like(distance)
    middle = float(np.median(distance[shown]))
    depth = np.where(shown, distance, middle + 12).astype(np.float32)
    depth = np.clip(depth, middle - 25, middle + 12)
    sigma = max(CREVICE_SIGMA_CM * px_times_cm / middle / 4, 0.6)
    height, width = depth.shape
    small = cv2.resize(depth, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    surroundings = cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma), (width, height))
    below = np.clip((depth - surroundings) / CREVICE_CM, 0, 1)
    return (1 - 0.6 * below).astype(np.float32)
