"""Fields of a protobuf message."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasion.documents.protobuf import encode, fields


@given(st.lists(st.tuples(st.integers(1, 5000), st.binary(max_size=300))))
def test_encoded_fields_are_read_again(content):
    message = b"".join(encode(*each) for each in content)
    assert [(field.key, bytes(field.content)) for field in fields(message)] == content
    assert b"".join(field.raw for field in fields(message)) == message


def test_numbers_are_read():
    message = bytes([0x08, 0x96, 0x01]) + bytes([0x15]) + b"abcd" + bytes([0x19]) + b"abcdefgh"
    assert [(field.key, field.number, bytes(field.content), field.is_bytes) for field in fields(message)] == [
        (1, 150, b"", False),
        (2, 0, b"abcd", False),
        (3, 0, b"abcdefgh", False),
    ]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_rejected(content):
    with suppress(ValueError):
        assert b"".join(field.raw for field in fields(content)) == content


@pytest.mark.parametrize("content", [b"\x80", b"\x3a\x05ab", b"\x0b", b"\x09abc", b"\xff" * 12])
def test_truncated_messages_are_rejected(content):
    with pytest.raises(ValueError, match=r"ends too early|unknown kind"):
        list(fields(content))
