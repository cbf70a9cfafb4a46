from math import log

import pytest
import torch

from nasion.train.network.hidden import HiddenHead, hidden_loss
from nasion.train.network.interfaces import Decoded

NAN = float("nan")


def decoded_of(hidden):
    points = torch.zeros(1, 3, 2)
    return Decoded(points, torch.ones(1, 3), points, None, hidden)


def test_loss_by_hand():
    odds = torch.tensor([[log(3.0), log(3.0), 50.0]])  # probability 0.75, 0.75, 1
    found = hidden_loss(decoded_of(odds), torch.tensor([[1.0, 0.0, NAN]]))
    assert float(found) == pytest.approx(-(log(0.75) + log(0.25)) / 2)


def test_unknown_points_have_no_gradient():
    odds = torch.zeros(1, 3, requires_grad=True)
    hidden_loss(decoded_of(odds), torch.tensor([[NAN, 1.0, NAN]])).backward()
    assert odds.grad.tolist() == [[0.0, -0.5, 0.0]]
    nothing = torch.zeros(1, 3, requires_grad=True)
    loss = hidden_loss(decoded_of(nothing), torch.full((1, 3), NAN))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not nothing.grad.any()


def test_networks_without_the_head_have_no_loss():
    with pytest.raises(ValueError, match="does not predict hidden points"):
        hidden_loss(decoded_of(None), torch.ones(1, 3))


def test_head_learns_from_each_points_features():
    torch.manual_seed(0)
    head = HiddenHead(2, 3)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(200):
        hidden = torch.randint(0, 2, (16, 3)).float()
        pooled = torch.stack([hidden + 0.1 * torch.randn(16, 3), torch.randn(16, 3)], -1)
        decoded = Decoded(torch.zeros(16, 3, 2), torch.ones(16, 3), torch.zeros(16, 3, 2), None)
        hidden_loss(head(pooled, decoded), hidden).backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        odds = head(torch.tensor([[[1.0, 0.0]] * 3, [[0.0, 0.0]] * 3]), decoded_of(None)).hidden
    assert (odds[0] > 2).all()
    assert (odds[1] < -2).all()
