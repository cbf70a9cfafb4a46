import pytest
import torch

from nasion.train.network.interfaces import Decoded
from nasion.train.network.point_layers import PointLayer, pool_features


def decoded_of(batch=3, count=5, cells=(4, 6)):
    torch.manual_seed(0)
    log_maps = torch.randn(batch, count, *cells).flatten(2).log_softmax(-1).unflatten(-1, cells)
    points = torch.zeros(batch, count, 2)
    return Decoded(points, torch.ones(batch, count), torch.zeros_like(points), log_maps)


def test_features_are_averaged_under_each_map():
    features, decoded = torch.randn(3, 7, 4, 6), decoded_of()
    pooled = pool_features(features, decoded)
    for face in range(3):
        for point in range(5):
            mean = (decoded.log_maps[face, point].exp() * features[face]).sum((-2, -1))
            assert torch.allclose(pooled[face, point], mean, atol=1e-5)


def test_no_gradient_reaches_the_features_or_the_maps():
    features, decoded = torch.randn(3, 7, 4, 6, requires_grad=True), decoded_of()
    decoded.log_maps.requires_grad_()
    assert not pool_features(features, decoded).requires_grad


def test_codecs_without_maps_are_rejected():
    with pytest.raises(ValueError, match="which the codec lacks"):
        pool_features(torch.zeros(3, 7, 4, 6), decoded_of()._replace(log_maps=None))


def test_layer_starts_with_zeros_and_has_weights_for_each_point():
    layer, pooled = PointLayer(7, 5, 2), torch.randn(3, 5, 7)
    assert not layer(pooled).any()
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    found = layer(pooled)
    assert found.shape == (3, 5, 2)
    for point in range(5):
        for value in range(2):
            row = 2 * point + value
            expected = pooled[:, point] @ layer.weight[row, :, 0, 0] + layer.bias[row]
            assert torch.allclose(found[:, point, value], expected, atol=1e-5)
