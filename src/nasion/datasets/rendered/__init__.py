"""Rendered heads with exact labels: ICT-FaceKit's head model with invented skin, hair, clothes, light and camera.

    assets.py      the head model, prepared             person.py     identity, expression, gaze
    camera.py      pose and lens                        head.py       one head from a seed, and its image
    looks/         skin, hair, clothes, things, light, backgrounds, sampled at random
    drawing/       triangles, shading, shadows, and what a camera makes of light
    jaw.py  labels.py  annotation.py                    the keypoints of one head
    files.py       many heads as files

Needs numba (`pip install 'nasion[render]'`).
"""

from nasion.datasets.rendered.annotation import annotate
from nasion.datasets.rendered.assets import load_assets
from nasion.datasets.rendered.head import render, sample_head
from nasion.datasets.rendered.looks.background import background_files

__all__ = ["annotate", "background_files", "load_assets", "render", "sample_head"]
