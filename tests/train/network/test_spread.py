"""The learned spread predicts the errors that occur, and learning it moves no keypoint."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasion import uncertainty
from nasion.evaluation.metrics import share_within
from nasion.train.network.interfaces import Decoded
from nasion.train.network.spread import (
    MAX_ANISOTROPY,
    SpreadHead,
    likeliest_factor,
    mahalanobis,
    nll,
    normalized_residual,
    spread_correction,
)
from nasion.uncertainty import ERROR_SHAPE, MEAN_ERROR, SPREAD_OF_SCALE, ellipses, expected_errors, nominal_share

SPREAD = 0.1
SQUARE = (64, 64)


def random_errors(count, seed=0):
    """Return errors (count, 2) of the spread `SPREAD`: the power of a radius is Gamma(2 / p), in any direction."""
    random = np.random.default_rng(seed)
    radius = random.gamma(2 / ERROR_SHAPE, 1, count) ** (1 / ERROR_SHAPE) * SPREAD / SPREAD_OF_SCALE
    angle = random.uniform(0, 2 * np.pi, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)


def predicting(points, target, spread=SPREAD, anisotropy=(0.0, 0.0)):
    """Return decoded `points` with the same predicted spread and anisotropy for all."""
    each = torch.tensor(anisotropy, dtype=target.dtype).expand(target.shape)
    return Decoded(points, torch.full_like(target[..., 0], spread), each, None)


def test_nominal_shares_are_those_of_random_errors():
    errors = random_errors(200_000)
    distances = np.linalg.norm(errors, axis=-1)
    assert errors.std() == pytest.approx(SPREAD, rel=0.01)
    assert distances.mean() == pytest.approx(MEAN_ERROR * SPREAD, rel=0.01)
    for multiple in (1, 2, 3):
        measured = share_within(distances / SPREAD, multiple)
        assert measured == pytest.approx(float(nominal_share(multiple)), abs=0.004)


# The Mahalanobis distance


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(64, 64), (48, 64), (90, 30)]))
def test_torch_and_numpy_measure_alike(seed, size):
    random = np.random.default_rng(seed)
    points, target = random.uniform(-1, 1, (2, 3, 5, 2))
    spread, anisotropy = random.uniform(0.02, 0.5, (3, 5)), random.uniform(-1.5, 1.5, (3, 5, 2))
    anisotropy[0, 0] = 0
    decoded = Decoded(*map(torch.from_numpy, (points, spread, anisotropy)), None)
    found = mahalanobis(decoded, torch.from_numpy(target), size).numpy()
    half = np.array([size[1], size[0]]) / 2  # crop px per normalized unit
    expected = uncertainty.mahalanobis((target - points) * half, spread * half.mean(), anisotropy)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("anisotropy", [(0.0, 0.0), (0.9, 0.0), (-0.3, 0.7), (0.0, -1.2)])
def test_ellipses_contain_the_errors_that_they_predict(anisotropy):
    """Isotropic errors, stretched along the ellipse's axes, are isotropic again when they are measured in spreads."""
    isotropic = random_errors(60_000) / SPREAD
    long, short, turn = ellipses(np.array(0.2), np.array(anisotropy))
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    errors = (isotropic * [long, short]) @ np.array([[c, s], [-s, c]])
    assert np.log(long / short) == pytest.approx(np.hypot(*anisotropy))
    assert long * short == pytest.approx(0.2**2)
    target = torch.from_numpy(errors)[None]
    found = mahalanobis(predicting(torch.zeros_like(target), target, 0.2, anisotropy), target, SQUARE)
    assert found[0].numpy() == pytest.approx(np.linalg.norm(isotropic, axis=-1), abs=1e-4)
    expected = expected_errors(np.array(0.2), np.array(anisotropy))
    assert np.linalg.norm(errors, axis=-1).mean() == pytest.approx(float(expected), rel=0.02)


def test_ellipses_are_round_in_px_of_wide_crops():
    target = torch.tensor([[[0.1, 0.0], [0.0, 0.2]]])  # as many px: the crop is 64 x 32
    found = mahalanobis(predicting(torch.zeros_like(target), target), target, (32, 64))
    px = 0.1 * 64 / 2
    assert found[0].tolist() == pytest.approx([px / (SPREAD * 48 / 2)] * 2)  # of the mean side's half


def test_distance_is_differentiable_without_an_error_and_without_anisotropy():
    target = torch.zeros(1, 2, 2)
    decoded = predicting(torch.zeros(1, 2, 2), target)
    spread, anisotropy = decoded.spread.requires_grad_(), torch.zeros(1, 2, 2, requires_grad=True)
    mahalanobis(decoded._replace(spread=spread, anisotropy=anisotropy), target, SQUARE).sum().backward()
    assert spread.grad.isfinite().all()
    assert anisotropy.grad.isfinite().all()


def test_gradient_does_not_reach_the_keypoints():
    points = torch.zeros(1, 2, 2, requires_grad=True)
    spread = torch.full((1, 2), 0.1, requires_grad=True)
    decoded = Decoded(points, spread, torch.zeros(1, 2, 2), None)
    nll(decoded, torch.rand(1, 2, 2), SQUARE).sum().backward()
    assert points.grad is None
    assert spread.grad.all()


# The likelihood


def test_likelihood_by_hand():
    target = torch.tensor([[[0.2, 0.0], [0.0, 0.0]]])  # two spreads, and none
    found = nll(predicting(torch.zeros_like(target), target), target, SQUARE)[0]
    assert found[0].item() == pytest.approx(2 * np.log(0.1) + (2 * SPREAD_OF_SCALE) ** ERROR_SHAPE, rel=1e-5)
    assert found[1].item() == pytest.approx(2 * np.log(0.1), abs=1e-5)


def test_true_spread_is_the_likeliest():
    target = torch.from_numpy(random_errors(100_000))[None]
    points = torch.zeros_like(target)

    def cost(factor, anisotropy=(0.0, 0.0)):
        return float(nll(predicting(points, target, factor * SPREAD, anisotropy), target, SQUARE).mean())

    assert cost(1.0) < min(cost(0.95), cost(1.05))
    assert cost(1.0) < min(cost(1.0, (0.1, 0.0)), cost(1.0, (0.0, -0.1)))


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_correction_recovers_the_true_spread(factor):
    target = torch.from_numpy(random_errors(100_000))[None]
    found = normalized_residual(predicting(torch.zeros_like(target), target, factor * SPREAD), target, SQUARE)
    assert found.shape == (1,)
    assert float(spread_correction(found)) == pytest.approx(1 / factor, rel=0.02)
    assert (float(found) > 1.1) == (factor < 1)  # more than 1: the spreads are too small


def test_missing_points_are_left_out_of_the_residual():
    target = torch.tensor([[[0.1, 0.0], [torch.nan, torch.nan]]])
    found = normalized_residual(predicting(torch.zeros(1, 2, 2), target), target, SQUARE)
    assert float(found) == pytest.approx(SPREAD_OF_SCALE**ERROR_SHAPE * ERROR_SHAPE / 2)


def test_residual_of_each_face_is_its_own_mean():
    target = torch.tensor([[[0.1, 0.0], [0.0, 0.1]], [[0.2, 0.0], [0.0, 0.2]]])
    one, two = normalized_residual(predicting(torch.zeros_like(target), target), target, SQUARE).tolist()
    assert two / one == pytest.approx(2**ERROR_SHAPE)


# The head


def decoded_of(batch=3, count=5, cells=(4, 6), spread=0.1):
    torch.manual_seed(3)
    log_maps = torch.randn(batch, count, *cells).flatten(2).log_softmax(-1).unflatten(-1, cells)
    points = torch.zeros(batch, count, 2)
    return Decoded(points, torch.full((batch, count), spread), torch.zeros_like(points), log_maps)


def test_head_starts_with_the_spread_of_the_maps_and_no_anisotropy():
    torch.manual_seed(0)
    found = SpreadHead(7, 5)(torch.randn(3, 5, 7), decoded_of())
    assert torch.equal(found.spread, decoded_of().spread)
    assert not found.anisotropy.any()


def test_head_reads_each_points_own_features():
    torch.manual_seed(0)
    head, pooled, decoded = SpreadHead(7, 5), torch.randn(3, 5, 7), decoded_of()
    for layer in (head.scale_head, head.anisotropy_head):
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
    found = head(pooled, decoded)
    for point in range(5):
        log_factor = pooled[:, point] @ head.scale_head.weight[point, :, 0, 0] + head.scale_head.bias[point]
        assert torch.allclose(found.spread[:, point], 0.1 * log_factor.exp(), rtol=1e-4)
        part = slice(2 * point, 2 * point + 2)
        raw = pooled[:, point] @ head.anisotropy_head.weight[part, :, 0, 0].T + head.anisotropy_head.bias[part]
        assert torch.allclose(found.anisotropy[:, point], 1.5 * (raw / 1.5).tanh(), rtol=1e-3, atol=1e-5)


def test_anisotropy_is_limited():
    head = SpreadHead(2, 3)
    head.anisotropy_head.bias.data = torch.tensor([1e3, -1e3] * 3)
    found = head(torch.zeros(2, 3, 2), decoded_of(2, 3)).anisotropy
    assert found[0].tolist() == [[MAX_ANISOTROPY, -MAX_ANISOTROPY]] * 3
    assert MAX_ANISOTROPY == 1.5


def test_keypoints_and_maps_pass_unchanged():
    decoded = decoded_of()
    found = SpreadHead(7, 5)(torch.randn(3, 5, 7), decoded)
    assert found.keypoints is decoded.keypoints
    assert found.log_maps is decoded.log_maps


def test_gradient_of_the_head_does_not_reach_the_maps():
    head = SpreadHead(7, 5)
    decoded = decoded_of()
    decoded.spread.requires_grad_()
    found = head(torch.randn(3, 5, 7), decoded)
    (found.spread.sum() + found.anisotropy.sum()).backward()
    assert decoded.spread.grad is None
    assert head.scale_head.weight.grad.any()
    assert head.anisotropy_head.weight.grad.any()


def test_scale_counts_in_prediction_alone():
    head = SpreadHead(2, 3)
    head.scale.fill_(2.0)
    features, decoded = torch.zeros(2, 3, 2), decoded_of(2, 3)
    assert torch.allclose(head.train()(features, decoded).spread, torch.tensor(0.1))
    assert torch.allclose(head.eval()(features, decoded).spread, torch.tensor(0.2))


def test_scale_is_stored_with_the_weights():
    head = SpreadHead(2, 3)
    assert head.state_dict()["scale"].item() == 1.0
    assert "scale" not in dict(head.named_parameters())


def test_head_learns_which_points_are_uncertain_and_in_which_direction():
    torch.manual_seed(0)
    head = SpreadHead(2, 1).train()
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    log_maps = torch.full((16, 1, 2, 2), 0.25).log()
    errors = torch.from_numpy(random_errors(250 * 16)).float().reshape(250, 16, 1, 2)
    decoded = Decoded(torch.zeros(16, 1, 2), torch.full((16, 1), 0.1), torch.zeros(16, 1, 2), log_maps)
    for step in range(250):
        easy = step % 2 == 0
        features = torch.tensor([1.0, 0.0] if easy else [0.0, 1.0]).reshape(1, 1, 2).expand(16, 1, 2)
        shape = torch.tensor([0.5, 0.5] if easy else [4.0, 1.0])  # the uncertain ones vary along x
        nll(head(features, decoded), errors[step] * shape, SQUARE).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        certain, uncertain = (head(f.reshape(1, 1, 2).expand(16, 1, 2), decoded) for f in torch.eye(2))
    assert float(certain.spread[0]) == pytest.approx(0.5 * SPREAD, rel=0.2)
    assert float(uncertain.spread[0]) == pytest.approx(2.0 * SPREAD, rel=0.2)
    assert float(certain.anisotropy[0].norm()) < 0.3
    long, short, turn = ellipses(np.array(1.0), uncertain.anisotropy[0, 0].numpy())
    assert long / short == pytest.approx(4, rel=0.3)
    assert min(turn, 180 - turn) < 10


def test_the_likeliest_factor_of_distances_is_the_correction_of_their_mean_residual():
    random = np.random.default_rng(5)
    points, target = torch.zeros(4, 6, 2), torch.from_numpy(random.normal(0, 0.3, (4, 6, 2)))
    target[1, 2:] = torch.nan
    decoded = predicting(points, target)
    expected = float(spread_correction(normalized_residual(decoded, target, SQUARE).mean()))
    distances = mahalanobis(decoded, target, SQUARE).numpy()
    assert likeliest_factor(distances) == pytest.approx(expected, rel=1e-6)
    unknown = np.vstack([distances, np.full((1, 6), np.nan)])
    assert likeliest_factor(2.5 * unknown) == pytest.approx(2.5 * expected, rel=1e-6)


def test_the_likeliest_factor_of_random_errors_is_one():
    distances = np.linalg.norm(random_errors(20_000), axis=-1).reshape(200, 100) / SPREAD
    assert likeliest_factor(distances) == pytest.approx(1, abs=0.02)
