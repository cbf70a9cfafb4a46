"""Identity, expression and gaze."""

import numpy as np
import pytest


def shape(assets, gaze=(0, 0), **expression):
    from nasion.datasets.rendered.person import Shape

    values = np.array([expression.get(name, 0.0) for name in assets.expressions])
    return Shape(np.zeros(100), values, np.array([gaze, gaze], float))


def test_zero_coefficients_are_the_mean_head(assets):
    from nasion.datasets.rendered.person import deform

    np.testing.assert_allclose(deform(assets, shape(assets)), assets.neutral, atol=1e-4)


def test_coefficients_add_up(assets):
    from nasion.datasets.rendered.person import deform

    opened = deform(assets, shape(assets, jawOpen=0.5))
    k = assets.expressions.index("jawOpen")
    np.testing.assert_allclose(opened - assets.neutral, 0.5 * assets.expression[k].reshape(-1, 3), atol=1e-4)


def test_gaze_turns_the_iris_to_the_left_and_up(assets):
    from nasion.datasets.rendered.assets import BALLS
    from nasion.datasets.rendered.person import ball_center, deform

    vertices = deform(assets, shape(assets, gaze=(20.0, 10.0)))
    for ball in BALLS.values():
        before = assets.neutral[ball.iris] - ball_center(assets.neutral, ball.start, ball.stop)
        after = vertices[ball.iris] - ball_center(vertices, ball.start, ball.stop)
        assert after[0] > before[0] + 0.3
        assert after[1] > before[1] + 0.15
        assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=1e-4)


def test_samples_are_plausible(assets):
    from nasion.datasets.rendered.person import sample_shape

    random = np.random.default_rng(3)
    shapes = [sample_shape(random, assets.expressions) for _ in range(300)]
    expression = np.array([each.expression for each in shapes])
    assert expression.min() >= 0
    assert expression.max() <= 1
    assert np.abs([each.identity for each in shapes]).max() <= 2.6
    assert np.abs([each.gaze for each in shapes]).max() < 31
    closed = (expression[:, [assets.expressions.index(f"eyeBlink_{side}") for side in "LR"]] > 0.8).all(1).mean()
    assert 0.03 < closed < 0.2
    smiling = expression[:, assets.expressions.index("mouthSmile_L")] > 0.3
    assert 0.2 < smiling.mean() < 0.6
