"""Named places lie where their names say, with the person's left at the image's right."""

import numpy as np

from nasion.datasets.drawn import render_face
from nasion.studio.albums.point_names import landmarks


def test_places_have_the_persons_left_and_right():
    places = {each.name: each.point for each in landmarks(render_face(5, 0, 0, "ibug-68").keypoints)}
    assert len(places) == 20
    for part in ("eye", "brow", "nostril", "mouth_corner", "jaw"):
        assert places[f"right_{part}"][0] < places[f"left_{part}"][0]
    assert (
        places["right_brow"][1]
        < places["right_eye"][1]
        < places["nose"][1]
        < places["upper_lip"][1]
        < places["chin"][1]
    )
    assert places["right_eye_outer"][0] < places["right_eye_inner"][0] < places["left_eye_inner"][0]


def test_other_skeletons_have_no_named_places():
    assert landmarks(np.zeros((58, 2))) == []
