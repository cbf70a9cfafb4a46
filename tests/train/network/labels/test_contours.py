"""Weaker errors along the lines of a skeleton: by hand, in every direction, with missing labels."""

import numpy as np
import pytest
import torch

from nasion.skeleton import load_skeleton
from nasion.train.network.labels.contours import Contours, neighbors_on_lines

LINE = torch.tensor([[[0.0, 0.0], [0.3, 0.0], [0.6, 0.0]]], dtype=torch.float64)
"""Three points on a horizontal line."""


def on_line(weight=0.25, count=3):
    return Contours(neighbors_on_lines([list(range(count))], count), weight)


def rotation(angle):
    return torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize("point", range(3))
def test_errors_along_the_line_shrink_and_those_across_stay(point):
    keypoints = LINE.clone()
    keypoints[0, point] += torch.tensor([0.08, 0.05])
    wanted = LINE.clone()
    wanted[0, point] += torch.tensor([0.02, 0.05])
    assert torch.allclose(on_line()(keypoints, LINE), wanted)


@pytest.mark.parametrize("angle", np.linspace(0, 6, 7))
def test_lines_in_any_direction(angle):
    turn = rotation(angle).double()
    keypoints = LINE + torch.tensor([0.08, 0.05])
    wanted = LINE + torch.tensor([0.02, 0.05])
    assert torch.allclose(on_line()(keypoints @ turn.T, LINE @ turn.T), wanted @ turn.T)


def test_the_direction_at_a_corner_is_that_of_its_neighbors():
    target = torch.tensor([[[0.0, 0.0], [0.5, 0.5], [1.0, 0.0]]])  # the neighbors of the corner lie on a level line
    keypoints = target.clone()
    keypoints[0, 1] += torch.tensor([0.4, 0.2])
    assert on_line()(keypoints, target)[0, 1].tolist() == pytest.approx([0.6, 0.7])


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_weight_is_the_share_that_remains(weight):
    found = on_line(weight)(LINE + torch.tensor([0.1, 0.0]), LINE)
    assert torch.allclose(found - LINE, torch.tensor([0.1 * weight, 0.0]).double())


def test_missing_labels_change_nothing_and_have_no_gradient():
    target = torch.tensor([[[0.0, 0.0], [torch.nan, torch.nan], [0.6, 0.0], [torch.nan, torch.nan]]])
    keypoints = (torch.zeros(1, 4, 2) + torch.tensor([0.1, 0.2])).requires_grad_()
    found = on_line(0.5, 4)(keypoints, target)
    assert torch.equal(found, keypoints)  # no labeled point has a labeled neighbor
    found.sum().backward()
    assert keypoints.grad.isfinite().all()


def test_a_missing_neighbor_is_replaced_by_the_point_itself():
    target = LINE.clone()
    target[0, 0] = torch.nan
    found = on_line(0.0)(LINE + torch.tensor([0.1, 0.1]), target)
    assert torch.allclose(found[0, 1] - LINE[0, 1], torch.tensor([0.0, 0.1]).double())


def test_points_on_no_line_and_coinciding_neighbors_stay():
    contours = Contours(neighbors_on_lines([[0, 1]], 3), 0.0)
    target = torch.tensor([[[0.2, 0.2], [0.2, 0.2], [0.5, 0.5]]])
    keypoints = target + 0.1
    assert torch.equal(contours(keypoints, target), keypoints)


def test_neighbors_of_a_face_are_symmetric():
    """A mirrored face has the same neighbors, in reverse order or not."""
    face = load_skeleton("ibug-68")
    neighbors = neighbors_on_lines(face.lines, face.count)
    flip = list(face.flip)
    for point, pair in enumerate(neighbors):
        assert {flip[each] for each in pair} == set(neighbors[flip[point]])
    assert neighbors[0] == (0, 1)
    assert neighbors[36] == (41, 37)
