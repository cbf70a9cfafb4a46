"""Shards: a stable division of images into parts, each of which another process can predict."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nasion.errors import ConfigError

__all__ = ["Shard", "parse_shard"]

PATTERN = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)
"""How a shard is written: its number and the number of shards, such as 3/64."""

HASH_BYTES = 8
"""Bytes of the hash of a path: the sizes of shards differ by chance alone."""


@dataclass(frozen=True)
class Shard:
    """One of several parts of the images.

    Attributes:
        number: the shard's number, from 1.
        count: the number of shards.
    """

    number: int
    count: int

    def holds(self, path: str | Path) -> bool:
        """Return whether an image belongs to this shard; only its path, as it is given, and the count decide."""
        digest = hashlib.blake2b(Path(path).as_posix().encode("utf-8", "surrogateescape"), digest_size=HASH_BYTES)
        return int.from_bytes(digest.digest(), "big") % self.count == self.number - 1

    def select(self, paths: Iterable[Path]) -> list[Path]:
        """Return the paths of this shard, in their order."""
        return [path for path in paths if self.holds(path)]

    def file_name(self, name: str) -> str:
        """Return the name of this shard's file, with numbers of equal length.

        >>> Shard(3, 64).file_name("keypoints.parquet")
        'keypoints-03-of-64.parquet'
        """
        path = Path(name)
        return f"{path.stem}-{self.number:0{len(str(self.count))}d}-of-{self.count}{path.suffix}"


def parse_shard(text: str) -> Shard:
    """Return the shard that a text such as "3/64" names.

    >>> parse_shard("3/64")
    Shard(number=3, count=64)

    Raises:
        ConfigError: it is not of this form, or the number is not from 1 to the count.
    """
    match = PATTERN.fullmatch(text)
    if match is None:
        raise ConfigError(f'--shard is a number and a count, such as 3/64, not "{text[:80]}"')
    shard = Shard(int(match[1]), int(match[2]))
    if not 1 <= shard.number <= shard.count:
        count = max(shard.count, 1)
        raise ConfigError(f"there is no shard {text}; shards are numbered from 1/{count} to {count}/{count}")
    return shard
