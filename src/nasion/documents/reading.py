"""Reading TOML, JSON and XML within limits: any text is parsed in bounded time and memory, or rejected with one line.

The limits are checked before or while the text is parsed, because the parsers themselves have none: a dotted key of
100,000 parts takes minutes, nested brackets exhaust the stack, and a number of 400 digits fails only when it is used.
Each function takes the class of the error that it raises, so that a damaged skeleton is a `SkeletonError` and a damaged
model a `ModelError`.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from nasion.errors import NasionError

__all__ = ["parse_json", "parse_toml", "parse_xml", "read_bytes", "read_json", "read_text", "read_toml", "read_xml"]

MAX_BYTES = 16_000_000
"""Largest JSON text of one model or run, and largest file of a kind that states no other limit."""

BLOCK_BYTES = 1 << 20
"""Size of the pieces in which a file is read."""

MAX_TOML_BYTES = 1_000_000
"""Largest TOML text; one that a person has written is a hundredth of this."""

MAX_DEPTH = 64
"""Largest number of lists and tables, or of elements, inside each other."""

MAX_DIGITS = 18
"""Largest number of digits of a whole number; such numbers fit into 64 bits."""

MAX_KEY_PARTS = 32
"""Largest number of parts of a dotted TOML key."""

TOML_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-]){TOML_PART}(?:[ \t]*+\.[ \t]*+{TOML_PART}){{{MAX_KEY_PARTS}}}")
JSON_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or the rest of the text if its end is missing; without the latter the search would take quadratic time."""

LONG_NUMBER = re.compile(rf"(?<![\d.])\d{{{MAX_DIGITS + 1},}}(?![\d.eE])")
HALF_CHARACTER = re.compile(
    r"\\u[dD][89abAB][\da-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][\da-fA-F]{2})\\u[dD][c-fC-F]"
)
"""Half of a character outside Unicode's first plane: no such text can be printed or written."""


def read_text(path: str | Path, name: str, error: type[NasionError], max_bytes: int = MAX_BYTES) -> str:
    """Return the UTF-8 text of a file.

    Args:
        path: the file.
        name: what messages call it, such as "the recipe a.toml".
        error: the class of the error.
        max_bytes: the largest size that is read.

    Raises:
        NasionError: the file cannot be read, is larger, or is not UTF-8; of the class `error`.
    """
    try:
        return read_bytes(path, name, error, max_bytes).decode("utf-8-sig")
    except ValueError as reason:
        raise error(f"cannot read {name}: {reason}") from None


def read_bytes(path: str | Path, name: str, error: type[NasionError], max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a file.

    Raises:
        NasionError: the file cannot be read or is larger; of the class `error`.
    """
    content = bytearray()
    try:
        with Path(path).open("rb") as file:  # in blocks, because `read` allocates all that it is asked for
            while len(content) <= max_bytes and (block := file.read(BLOCK_BYTES)):
                content += block
    except FileNotFoundError as reason:
        raise error(f"cannot read {name}: {reason.strerror}; check the path") from None
    except (OSError, ValueError) as reason:
        raise error(f"cannot read {name}: {getattr(reason, 'strerror', None) or reason}") from None
    _check_bytes(content, name, error, max_bytes)
    return bytes(content)


def read_toml(path: str | Path, name: str, error: type[NasionError]) -> dict[str, Any]:
    """Return the table of a TOML file.

    Raises:
        NasionError: the file cannot be read or exceeds a limit; of the class `error`.
    """
    return parse_toml(read_text(path, name, error, MAX_TOML_BYTES), name, error)


def parse_toml(text: str, name: str, error: type[NasionError]) -> dict[str, Any]:
    """Return the table that a TOML text describes.

    >>> parse_toml("a = 1", "this text", NasionError)
    {'a': 1}

    Raises:
        NasionError: the text is not TOML or exceeds a limit; of the class `error`.
    """
    _check_bytes(text, name, error, MAX_TOML_BYTES)
    if LONG_KEY.search(text):
        raise error(f"{name} is not read: a key has more than {MAX_KEY_PARTS} parts")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise _too_deep(name, error) from None
    except ValueError as reason:  # also for numbers of more than 4300 digits
        raise error(f"{name} is not TOML: {reason}") from None
    _check_values(table, name, error)
    return table


def read_json(path: str | Path, name: str, error: type[NasionError], max_bytes: int = MAX_BYTES) -> Any:
    """Return the value in a JSON file.

    Raises:
        NasionError: the file cannot be read or exceeds a limit; of the class `error`.
    """
    return parse_json(read_text(path, name, error, max_bytes), name, error, max_bytes)


def parse_json(text: str, name: str, error: type[NasionError], max_bytes: int = MAX_BYTES) -> Any:
    """Return the value that a JSON text describes; NaN and infinities are read as such.

    >>> parse_json('{"a": [1.5, null]}', "this text", NasionError)
    {'a': [1.5, None]}

    Raises:
        NasionError: the text is not JSON or exceeds a limit; of the class `error`.
    """
    _check_bytes(text, name, error, max_bytes)
    bare = JSON_STRING.sub("", text)
    if _depth(bare) > MAX_DEPTH:
        raise _too_deep(name, error)
    if LONG_NUMBER.search(bare):
        raise error(f"{name} is not read: a whole number has more than {MAX_DIGITS} digits")
    if HALF_CHARACTER.search(text):
        raise error(f"{name} is not read: it has half of a character (a lone surrogate)")
    try:
        return json.loads(text)
    except RecursionError:
        raise _too_deep(name, error) from None
    except ValueError as reason:
        raise error(f"{name} is not JSON: {reason}") from None


def read_xml(path: str | Path, name: str, error: type[NasionError], max_bytes: int = MAX_BYTES) -> ElementTree.Element:
    """Return the root of an XML file.

    Raises:
        NasionError: the file cannot be read or exceeds a limit; of the class `error`.
    """
    return parse_xml(read_bytes(path, name, error, max_bytes), name, error, max_bytes)


def parse_xml(
    content: bytes, name: str, error: type[NasionError], max_bytes: int = MAX_BYTES, comments: bool = False
) -> ElementTree.Element:
    """Return the root of an XML document.

    Args:
        content: the document, in the encoding that it states.
        name: what messages call it.
        error: the class of the error.
        max_bytes: the largest size that is parsed.
        comments: whether comments are kept.

    >>> parse_xml(b"<a><b/></a>", "this document", NasionError)[0].tag
    'b'

    Raises:
        NasionError: the document is not XML or exceeds a limit; of the class `error`.
    """
    _check_bytes(content, name, error, max_bytes)
    try:
        # Expat itself rejects documents whose entities grow without bound, and does not fetch external ones.
        parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=comments))  # noqa: S314
        root: ElementTree.Element = ElementTree.fromstring(content, parser)  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError) as reason:
        raise error(f"{name} is not XML: {reason}") from None
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [inner for element in level for inner in element]
    if level:
        raise _too_deep(name, error)
    return root


def _check_bytes(content: str | bytes | bytearray, name: str, error: type[NasionError], limit: int) -> None:
    if len(content) > limit:
        raise error(f"{name} is not read: it is larger than {limit:,} bytes")


def _too_deep(name: str, error: type[NasionError]) -> NasionError:
    return error(f"{name} is not read: its values are nested more than {MAX_DEPTH} deep")


def _depth(text: str) -> int:
    """Return the largest number of open brackets in a JSON text without its strings."""
    import numpy as np  # imported here because the command line reads the cards of models without it

    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    opening, closing = np.isin(codes, list(b"[{")), np.isin(codes, list(b"]}"))
    brackets = opening | closing
    return int(np.cumsum(np.where(opening[brackets], 1, -1)).max(initial=0))


def _check_values(table: dict[str, Any], name: str, error: type[NasionError]) -> None:
    """Reject a parsed table that is nested too deeply or has a whole number of too many digits."""
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        if any(type(value) is int and abs(value) >= 10**MAX_DIGITS for value in level):
            raise error(f"{name} is not read: a whole number has more than {MAX_DIGITS} digits")
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise _too_deep(name, error)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
