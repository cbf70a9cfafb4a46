"""Shards: every path is in exactly one, always the same one, and the shards have similar sizes."""

from pathlib import Path

import pytest

from nasion.errors import ConfigError
from nasion.predict.shards import Shard, parse_shard

PATHS = [Path(f"photos/{number}.jpg") for number in range(1000)]


@pytest.mark.parametrize("text", ["1/1", "1/64", "64/64"])
def test_first_and_last_shard_exist(text):
    shard = parse_shard(text)
    assert f"{shard.number}/{shard.count}" == text


@pytest.mark.parametrize(
    "text", ["0/64", "65/64", "1/0", "0/0", "-1/64", "1", "1/", "a/b", "1/64/2", " 1/64", "1.0/2", "²/3"]
)
def test_other_shards_are_refused(text):
    with pytest.raises(ConfigError, match=r"such as 3/64|numbered from 1/"):
        parse_shard(text)


def test_every_path_is_in_exactly_one_shard():
    parts = [Shard(number, 7).select(PATHS) for number in range(1, 8)]
    assert sorted(path for part in parts for path in part) == sorted(PATHS)
    assert all(100 < len(part) < 190 for part in parts)  # 143 each; the limits are 3.9 standard deviations away


def test_the_hash_is_stable():
    """The last hexadecimal digit that `printf a.jpg | b2sum -l 64` prints is the number of 16 shards, from 0."""
    digits = dict(zip("abcdefgh", "9e2fa3c1", strict=True))
    for letter, digit in digits.items():
        assert [Shard(number, 16).holds(f"{letter}.jpg") for number in range(1, 17)].index(True) == int(digit, 16)


def test_names_sort_in_the_order_of_the_shards():
    names = [Shard(number, 10).file_name("keypoints.csv") for number in range(1, 11)]
    assert names == sorted(names)
    assert names[0] == "keypoints-01-of-10.csv"
