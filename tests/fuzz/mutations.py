"""Changes to valid bytes, texts and JSON values: what damages files, and what a hostile person would write.

Each function takes a `random.Random`, so that an input follows from its seed.
"""

import copy
import json
import re
from random import Random

NUMBERS = (
    *("0", "-0", "-1", "1", "2", "0.5", "65536", "999999", "1000001", "2147483648", "9223372036854775808", "-1e9"),
    *("nan", "NaN", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e309", "1e-320", "1e20", "1e-9", "1e6"),
    *("1" + "0" * 400, "1" * 5000, "0." + "1" * 5000, "²", "٣", "½", "0x10", "1_000", "1e", "1,5", "--1", "", " "),
)
"""Numbers at the edge of what a type can hold, and what looks like a number."""

WORDS = (
    *("", " ", "\0", "\n", "\r\n", "\t", "\x1b[31m", "\u202e", "\ufeff", "\x85", "\u2028", "é", "😀", "\udcff"),
    *("../x", "/etc/passwd", "C:\\x", "a/../b", "CON", "a" * 10_000, "%s%n", "{}", "[", "]", "{", "}", "<", "&", "'"),
    *('"', "\\", ":", ",", ";", "=", "#", "-", "?", "*", "null", "true", "None", "1-", "0-999999999999", "1 2 3"),
)
"""Words that a parser may take for something else, or that a terminal must not receive."""

BYTES = (
    *(b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n" * 1000, b" " * 1000, b"[" * 2000, b"{" * 500),
    *(b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff" * 8, b"\0" * 64, b"PK\x03\x04", b"\x1f\x8b", b"%PDF", b"<html>"),
)
"""Pieces that are inserted into bytes."""

LARGE = 200_000
"""Largest size of what a repetition adds, bytes."""

LARGE_TEXT = 3_000_000
"""Largest size of a changed text, characters."""

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
WORD = re.compile(r"[^\s,;:=\[\]{}<>\"']+")

VALUES = (
    *(None, True, False, 0, -1, 1, 2.5, 1e308, float("nan"), float("inf"), 10**18, 10**400, -(10**17), 1e-320),
    *("", "x", "0", "nan", "0-999999999999", "a" * 5000, "\n", "\x1b[31m", "\ud800", "../x", "\0"),
    *([], {}, [[]], [None], [1, [2]], {"a": {"b": 1}}, [0] * 5000, ["x"] * 3, [1e308, -1e308], {"": None}, "-1"),
)
"""Values of every JSON type."""


def change_bytes(random: Random, content: bytes, others: list[bytes]) -> bytes:
    """Return the content after one to four changes; `others` are further contents of the same kind."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        place, size = random.randrange(len(data) + 1), random.choice((1, 1, 2, 4, 16, 200))
        match random.randrange(9):
            case 0 | 1:
                for _ in range(size if data else 0):
                    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            case 2:
                data[place : place + size] = random.randbytes(size)
            case 3:
                del data[place : place + size]
            case 4:
                data[place:place] = random.choice(BYTES)
            case 5:
                del data[place:]
            case 6:
                piece = bytes(data[place : place + size]) or b"\n"
                data[place:place] = piece * random.randrange(1, 1 + LARGE // len(piece))
            case 7:
                other = random.choice(others)
                data[place:] = other[random.randrange(len(other) + 1) :]
            case 8:
                data[place : place + size] = random.choice(BYTES)
    return bytes(data)


def change_text(random: Random, text: str) -> str:
    """Return a text after one to three changes of its numbers, words and lines."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        text = random.choice(TEXT_CHANGES)(random, text)[:LARGE_TEXT]
    return text


def _replace_match(random: Random, text: str, pattern: re.Pattern[str], values: tuple[str, ...]) -> str:
    found = list(pattern.finditer(text))
    if not found:
        return text + random.choice(values)
    for match in random.sample(found, min(len(found), random.choice((1, 1, 1, 5))))[:1]:
        text = text[: match.start()] + random.choice(values) + text[match.end() :]
    return text


def _change_number(random: Random, text: str) -> str:
    return _replace_match(random, text, NUMBER, NUMBERS)


def _change_number_a_little(random: Random, text: str) -> str:
    found = list(NUMBER.finditer(text))
    for match in random.sample(found, min(len(found), random.choice((1, 2, 5))))[:1]:
        value = float(match.group())
        near = (value + 1, value - 1, -value, 2 * value, value / 2, value + 0.5, value * 100, value + 1e-6)
        text = f"{text[: match.start()]}{random.choice(near):g}{text[match.end() :]}"
    return text


def _change_all_numbers(random: Random, text: str) -> str:
    value = random.choice(NUMBERS[:-8])
    share = random.choice((0.1, 0.5, 1.0))
    return NUMBER.sub(lambda match: value if random.random() < share else match.group(), text)


def _swap_numbers(random: Random, text: str) -> str:
    found = list(NUMBER.finditer(text))
    if len(found) < 2:
        return text
    first, second = sorted(random.sample(found, 2), key=lambda match: match.start())
    middle = text[first.end() : second.start()]
    return text[: first.start()] + second.group() + middle + first.group() + text[second.end() :]


def _change_word(random: Random, text: str) -> str:
    return _replace_match(random, text, WORD, WORDS)


def _change_lines(random: Random, text: str) -> str:
    lines = text.split("\n")
    k = random.randrange(len(lines))
    match random.randrange(6):
        case 0:
            del lines[k]
        case 1:
            lines[k:k] = [lines[k]] * random.choice((1, 2, 2000))
        case 2:
            lines[k:k] = [""] * random.choice((1, 100_000))
        case 3:
            lines[k] = random.choice(WORDS)
        case 4:
            random.shuffle(lines)
        case 5:
            lines[k] = lines[k][: random.randrange(len(lines[k]) + 1)]
    return "\n".join(lines)


def _insert_word(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    word = random.choice(WORDS) * random.choice((1, 1, 3, 5000))
    return text[:place] + word[:LARGE] + text[place:]


def _other_line_ends(random: Random, text: str) -> str:
    return text.replace("\n", random.choice(("\r\n", "\r", "\n\n", " ", "\x85", "\x0c")))


TEXT_CHANGES = (
    *(_change_number, _change_number, _change_number_a_little, _change_number_a_little, _change_all_numbers),
    *(_change_word, _swap_numbers),
    *(_change_lines, _insert_word, _other_line_ends),
)


def encode(random: Random, text: str) -> bytes:
    """Return a text as bytes, mostly UTF-8."""
    encoding = random.choice(("utf-8",) * 12 + ("utf-8-sig", "utf-16", "latin-1", "cp500"))
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    return text.encode(encoding, errors) if encoding != "utf-16" else text.encode(encoding, "replace")


def change_json(random: Random, value: object) -> str:
    """Return JSON with one to three changes of a value; sometimes of its text instead."""
    value = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        value = _change_value(random, value)
    text = json.dumps(value)
    return change_text(random, text) if random.random() < 0.2 else text


def _change_value(random: Random, value: object) -> object:
    """Return a value in which a random inner value is changed; deep ones are as likely as others."""
    places = list(_places(value))
    if not places or random.random() < 0.02:
        return _nested(random) if random.random() < 0.3 else random.choice(VALUES)
    holder, key = random.choice(places)
    match random.randrange(7):
        case 5 | 6 if isinstance(holder[key], (int, float)):
            holder[key] = random.choice(
                (-holder[key], 2 * holder[key], holder[key] + 1, holder[key] / 2, 0, holder[key] - 1)
            )
        case 0 | 1 | 2 | 5 | 6:
            holder[key] = _nested(random) if random.random() < 0.05 else copy.deepcopy(random.choice(VALUES))
        case 3:
            del holder[key]
        case 4 if isinstance(holder, list):
            holder[key:key] = [holder[key]] * random.choice((1, 3, 300))
        case 4:
            holder[random.choice(WORDS).replace("\udcff", "x")] = holder[key]
    return value


def _places(value: object) -> list[tuple[object, object]]:
    """Return every inner place of a value as its container and its key; of long lists only the first items."""
    found, waiting = [], [value]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(min(len(holder), 6)) if _is_list(holder) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
    return found


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _nested(random: Random) -> object:
    value: object = 1
    for _ in range(random.choice((40, 100, 400))):
        value = [value] if random.random() < 0.5 else {"a": value}
    return value
