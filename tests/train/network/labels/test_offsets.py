"""Weak labels and offsets of data sources, in the frame of the face, by hand-computed numbers."""

import numpy as np
import pytest
import torch

from nasion.train.network.labels.offsets import SourceOffsets, WeakLabels
from nasion.train.network.network import mean_loss

SHAPE = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
"""The corners of a square; the size of this face is 4."""

SIZE = (20, 40)
"""(height, width) of the crops, px."""


def normalized(points):
    return torch.tensor([[[2 * (x + 0.5) / SIZE[1] - 1, 2 * (y + 0.5) / SIZE[0] - 1] for x, y in points]]).float()


def weak_labels(offset=(0.0, 0.0)):
    weak = WeakLabels(np.array([[0.5, 0.5, 0, 0]]), SHAPE)
    weak.offset.data = torch.tensor([offset])
    return weak


def test_means_of_points_are_compared_with_labels():
    face = normalized(SHAPE)
    assert torch.allclose(weak_labels()(face, SIZE), normalized([(2, 0)]), atol=1e-6)
    label = normalized([(4, 1)])  # 2 px of 20 and 1 px of 10 away
    assert weak_labels().loss(face, label, SIZE).item() == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("turned", "moved"),
    [
        (SHAPE, (2, 0.8)),
        (2 * SHAPE + 3, (7, 4.6)),
        (np.array([[4.0, 0], [4, 4], [0, 0], [0, 4]]), (3.2, 2)),  # by 90 degrees, from x towards y
        (np.array([[4.0, 4], [0, 4], [4, 0], [0, 0]]), (2, 3.2)),
    ],
)
def test_offsets_turn_and_grow_with_the_face(turned, moved):
    """The offset is 0.2 of the face's size downwards in the frame of the mean face."""
    found = weak_labels((0.0, 0.2))(normalized(turned), SIZE)
    assert torch.allclose(found, normalized([moved]), atol=1e-5)


def test_missing_labels_cost_nothing_and_have_no_gradient():
    weak = weak_labels()
    face = normalized(SHAPE).requires_grad_()
    loss = weak.loss(face, torch.full((1, 1, 2), torch.nan), SIZE)
    loss.sum().backward()
    assert loss.item() == 0
    assert not face.grad.any()
    assert not weak.offset.grad.any()


def test_gradient_reaches_the_points_of_the_mean_and_the_offset():
    weak = weak_labels((0.1, 0.0))
    face = normalized(SHAPE).requires_grad_()
    weak.loss(face, normalized([(6, 3)]), SIZE).sum().backward()
    np.testing.assert_allclose(face.grad[0], [[-0.25, -0.25], [-0.25, -0.25], [0, 0], [0, 0]])
    assert weak.offset.grad.isfinite().all()
    assert (weak.offset.grad < 0).all()


def test_points_that_no_face_has_do_not_define_the_frame():
    shape = np.vstack([SHAPE, [[np.nan, np.nan]]])
    weak = WeakLabels(np.array([[0.5, 0.5, 0, 0, 0]]), shape)
    weak.offset.data = torch.tensor([[0.0, 0.2]])
    found = weak(normalized([*SHAPE, (2, 2)]), SIZE)
    assert torch.allclose(found, normalized([(2, 0.8)]), atol=1e-5)


def test_weak_labels_count_as_much_as_points():
    """Two points with the losses 1 and 3, one missing; weak labels with 2 and a missing one."""

    def loss(decoded, target):
        return torch.tensor([[1.0, 3.0, 100.0]])

    target = torch.tensor([[[0.0, 0], [0, 0], [torch.nan, torch.nan]]])
    weak = torch.tensor([[2.0, 0.0]]), torch.tensor([[True, False]])
    assert mean_loss(loss, None, target, weak=weak).item() == pytest.approx((1 + 3 + 2) / 3)
    half = torch.tensor([[1.0, 0.5, 1.0]])
    assert mean_loss(loss, None, target, half, weak).item() == pytest.approx((1 + 1.5 + 2) / 3)


FLIP = (1, 0, 3, 2)


def source_offsets(flip=FLIP):
    """Return two sources; the second labels the first corner 0.25 of the face's size too far right."""
    offsets = SourceOffsets(2, SHAPE, flip)
    offsets.offset.data[0, 0, 0] = 0.25
    return offsets


def corrected(offsets, labels, source, mirrored=False, size=SIZE):
    face = normalized(SHAPE)
    return offsets(labels, face, torch.tensor([source]), torch.tensor([mirrored]), size)


def test_labels_of_the_first_source_stay_as_they_are():
    labels = normalized(SHAPE + 0.5)
    assert torch.equal(corrected(source_offsets(), labels, 0), labels)


def test_labels_of_another_source_are_corrected_by_its_offsets():
    labels = normalized([(1.0, 0.0), (4, 0), (0, 4), (4, 4)])
    assert torch.allclose(corrected(source_offsets(), labels, 1), normalized(SHAPE), atol=1e-6)


def test_offsets_are_mirrored_with_the_face():
    """In a mirrored face, the other corner is labeled too far left; its label takes the place of its partner's."""
    labels = normalized([(0.0, 0.0), (3, 0), (0, 4), (4, 4)])
    assert torch.allclose(corrected(source_offsets(), labels, 1, mirrored=True), normalized(SHAPE), atol=1e-6)


def test_mirroring_twice_changes_nothing():
    offsets, labels = source_offsets(), normalized(SHAPE + 1)
    offsets.offset.data = torch.randn(1, 4, 2, generator=torch.Generator().manual_seed(0))
    shift = labels - corrected(offsets, labels, 1)
    again = labels - corrected(offsets, labels, 1, mirrored=True)
    assert torch.allclose(again[:, list(FLIP)] * torch.tensor([-1.0, 1.0]), shift, atol=1e-6)


def test_without_a_flip_map_labels_are_corrected():
    labels = normalized([(1.0, 0.0), (4, 0), (0, 4), (4, 4)])
    assert torch.allclose(corrected(source_offsets(None), labels, 1), normalized(SHAPE), atol=1e-6)


def test_missing_labels_stay_missing_and_give_no_gradient():
    offsets, labels = source_offsets(), normalized(SHAPE)
    labels[0, 2] = torch.nan
    found = corrected(offsets, labels, 1)
    assert found.isnan().any(-1).tolist() == [[False, False, True, False]]
    found[~found.isnan()].sum().backward()
    assert offsets.offset.grad.isfinite().all()
