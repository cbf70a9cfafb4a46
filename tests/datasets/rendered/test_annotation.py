"""Labels of one head, and what its file says about it."""

from pathlib import Path

import numpy as np
import pytest

from nasion.skeleton import load_skeleton


def test_labels_say_what_is_visible(assets):
    from nasion.datasets.rendered import annotate

    label = annotate(assets, 0, 5, 64, load_skeleton("ibug-68"), Path("head-5.png")).annotation
    assert label.visibility_known
    assert label.subject == "head-5"
    assert label.keypoints.shape == (68, 2)
    assert label.visible.any()


def test_values_describe_the_head(assets):
    from nasion.datasets.rendered import annotate, sample_head
    from nasion.datasets.rendered.annotation import head_values

    head = sample_head(assets, 0, 5, 64)
    points = annotate(assets, 0, 5, 64, load_skeleton("ibug-68"), Path("x.png")).points
    values = head_values(assets, head, points)
    assert list(values["pose_degrees"].values()) == pytest.approx(head.camera.angles, abs=1e-4)
    assert set(values["expression"]) <= set(assets.expressions)
    assert len(values["identity"]) == 100
    seen, camera = np.array(values["points_3d_cm"]), values["camera"]
    image = seen[:, :2] / seen[:, 2:] * camera["focal_px"] + camera["center_px"]
    np.testing.assert_allclose(image, points.image, atol=0.01)
