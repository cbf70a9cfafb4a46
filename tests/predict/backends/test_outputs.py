import numpy as np
import pytest

from nasion.errors import ModelError
from nasion.predict.backends.outputs import NetworkOutputs, check_outputs

B, K, SIZE = 2, 5, (48, 64)


def outputs(**changes):
    """Return possible outputs with some values changed at one place."""
    found = {"keypoints": np.full((B, K, 2), 20.0), "spread": np.ones((B, K)), "anisotropy": np.zeros((B, K, 2))}
    found["hidden"] = np.full((B, K), 0.5)
    for name, value in changes.items():
        found[name][(1, 3, 1)[: found[name].ndim]] = value
    return NetworkOutputs(**found)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"spread": np.nan},
        {"spread": 0},
        {"spread": 639_999},
        {"keypoints": -639},
        {"anisotropy": -19},
        {"hidden": np.nan},
        {"hidden": 1},
    ],
)
def test_possible_outputs_are_accepted(changes):
    check_outputs("m", SIZE, outputs(**changes))


def test_a_network_without_uncertainty_is_accepted():
    check_outputs("m", SIZE, outputs()._replace(spread=np.full((B, K), np.nan)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": np.nan}, "m: it predicts NaN or infinity"),
        ({"keypoints": -np.inf}, "m: it predicts NaN or infinity"),
        ({"spread": np.inf}, "m: it predicts NaN or infinity"),
        ({"keypoints": 641}, "m: it predicts points far outside its crop"),
        ({"keypoints": -641}, "m: it predicts points far outside its crop"),
        ({"spread": 640_001}, "m: it predicts points far outside its crop"),
        ({"spread": -0.1}, "m: it predicts points far outside its crop"),
        ({"anisotropy": 21}, "m: it predicts ellipses without an area"),
        ({"anisotropy": np.nan}, "m: it predicts ellipses without an area"),
        ({"hidden": 1.01}, "m: it predicts probabilities outside 0 to 1"),
        ({"hidden": -0.01}, "m: it predicts probabilities outside 0 to 1"),
    ],
)
def test_impossible_outputs_are_rejected(changes, message):
    with pytest.raises(ModelError, match=message):
        check_outputs("m", SIZE, outputs(**changes))
