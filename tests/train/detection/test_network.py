"""The detector's network: sizes, symmetry of its loss, and hand-computed losses."""

import math

import numpy as np
import pytest
import torch

from nasion.train.detection.network import RARE, SIDE_MULTIPLE, DetectorNetwork, box_loss, score_loss


def test_maps_have_a_cell_per_eight_px():
    logits, box = DetectorNetwork().eval()(torch.zeros(2, 128, 192, 3, dtype=torch.uint8))
    assert logits.shape == (2, 1, 16, 24)
    assert box.shape == (2, 4, 16, 24)


def test_the_first_scores_are_low():
    logits, _ = DetectorNetwork().eval()(torch.zeros(1, SIDE_MULTIPLE, SIDE_MULTIPLE, 3, dtype=torch.uint8))
    assert logits.sigmoid().max().item() == pytest.approx(RARE)


def test_score_loss_by_hand():
    logits = torch.logit(torch.tensor([[[0.7, 0.2]]]))
    score, known = torch.tensor([[[1.0, 0.5]]]), torch.ones(1, 1, 2)
    hit = -math.log(0.7) * 0.3**2
    miss = -math.log(0.8) * 0.2**2 * 0.5**4
    assert score_loss(logits, score, known).item() == pytest.approx(hit + miss, rel=1e-5)


def test_unknown_cells_count_nothing():
    logits = torch.logit(torch.tensor([[[0.7, 0.9]]]))
    score = torch.tensor([[[1.0, 0.0]]])
    alone = score_loss(logits[..., :1], score[..., :1], torch.ones(1, 1, 1))
    assert score_loss(logits, score, torch.tensor([[[1.0, 0.0]]])).item() == pytest.approx(alone.item())


def one(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(1, 4, 1, 1)


def test_box_loss_is_zero_for_the_true_box():
    box = one(0.2, -0.1, 1.0, 0.5)
    assert box_loss(box, box, torch.ones(1, 1, 1)).item() == pytest.approx(0, abs=1e-6)


def test_box_loss_by_hand():
    # 2 x 2 against 2 x 2 moved by 1: common 2, union 6, hull 6
    a, b = one(0, 0, math.log(2), math.log(2)), one(1, 0, math.log(2), math.log(2))
    assert box_loss(a, b, torch.ones(1, 1, 1)).item() == pytest.approx(1 - 2 / 6, rel=1e-5)
    # 4 apart: no common part, union 8, hull 12
    far = one(4, 0, math.log(2), math.log(2))
    assert box_loss(a, far, torch.ones(1, 1, 1)).item() == pytest.approx(1 + (12 - 8) / 12, rel=1e-5)


def test_box_loss_without_faces_is_zero():
    assert box_loss(one(0, 0, 0, 0), one(0, 0, 0, 0), torch.zeros(1, 1, 1)).item() == 0


def test_a_mirrored_image_gives_mirrored_scores():
    torch.manual_seed(0)
    network = DetectorNetwork().eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):  # a mirror changes nothing if kernels are symmetric
                torch.nn.init.normal_(module.weight, std=0.1)
                module.weight += module.weight.flip(-1)
        image = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (1, 128, 128, 3), np.uint8))
        straight, _ = network(image)
        mirrored, _ = network(image.flip(2))
    torch.testing.assert_close(mirrored.flip(-1), straight, atol=1e-3, rtol=1e-3)
