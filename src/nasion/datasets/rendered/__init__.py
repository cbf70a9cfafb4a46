"""Rendered heads with exact labels: ICT-FaceKit's head model with invented skin, hair, clothes, light and camera.

    assets.py     the head model, checked             person.py    identity, expression, gaze
    camera.py     pose and lens                       head.py      one head from a seed, and its image
    looks/        skin, hair, clothes, things, light, backgrounds
    scene.py      all surfaces as triangles           raster.py    which triangle each pixel shows
    shade.py      the color of each pixel             transfer.py  soft light and shadow on the head
    photo.py      what a camera makes of it           jaw.py, labels.py    the keypoints
    annotation.py labels of one head                  files.py     many heads as files
    pack.py       ICT-FaceKit's files as one

Needs numba (`pip install 'nasion[render]'`).
"""

from nasion.datasets.rendered.annotation import annotate
from nasion.datasets.rendered.assets import load_assets
from nasion.datasets.rendered.files import HeadJob, background_files, write_heads
from nasion.datasets.rendered.head import render, sample_head

__all__ = ["HeadJob", "annotate", "background_files", "load_assets", "render", "sample_head", "write_heads"]
