import numpy as np
import pytest

from nasion.errors import ConfigError
from nasion.predict.backends.confidence import LEVELS, NOMINAL, Confidence, measure_confidence, read_confidence
from nasion.uncertainty import nominal_multiple, nominal_share


@pytest.mark.parametrize("share", [0.3, 0.5, 0.72, 0.9, 0.97, 0.99])
def test_ellipses_contain_the_share_on_new_faces(share):
    random = np.random.default_rng(0)
    held_out, new = random.gamma(2.0, 1.0, (2, 400, 68))  # not the distribution that networks assume
    multiple = measure_confidence(held_out).multiple(share)
    assert (new <= multiple).mean() == pytest.approx(share, abs=0.01 if share >= 0.5 else 0.06)


def test_factors_by_hand():
    distances = np.arange(1.0, 100.0).reshape(9, 11)
    found = measure_confidence(distances)
    assert found.faces == 9
    assert found.factors == (50, 68, 80, 90, 95, 99)  # the k-th of 99 with k = ceil(100 * share)


def test_unknown_points_do_not_count():
    distances = np.full((3, 4), np.nan)
    assert measure_confidence(distances) is NOMINAL
    distances[1, :2] = 1.0, 2.0
    assert measure_confidence(distances) == Confidence(1, (2.0,) * 6)


def test_without_a_measurement_the_distribution_counts():
    assert nominal_share(NOMINAL.multiple(0.9)) == pytest.approx(0.9)
    assert "no measurement" in NOMINAL.basis()
    twice = Confidence(30, tuple(2 * nominal_multiple(LEVELS)))
    assert twice.multiple(0.75) == pytest.approx(2 * NOMINAL.multiple(0.75))
    assert twice.basis() == "measured on 30 held-out faces"


@pytest.mark.parametrize("share", [0.0, -1.0, 0.995, 1.0, float("nan")])
def test_shares_that_cannot_be_drawn_are_rejected(share):
    with pytest.raises(ConfigError, match=r"choose one above 0, up to 0\.99"):
        NOMINAL.multiple(share)


def test_stored_factors_are_read_back():
    found = measure_confidence(np.random.default_rng(0).gamma(2.0, 1.0, (50, 68)))
    assert read_confidence(found._asdict()) == found
    assert read_confidence(None) is NOMINAL


@pytest.mark.parametrize(
    "table", [{"faces": 3, "factors": [1.0]}, {"faces": 0, "factors": [1.0] * 6}, {"faces": 3, "factors": [-1.0] * 6}]
)
def test_damaged_factors_are_rejected(table):
    with pytest.raises(ValueError, match="positive factor"):
        read_confidence(table)
