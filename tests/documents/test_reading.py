import json
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.documents import parse_json, parse_toml, parse_xml, read_bytes, read_json, read_text, read_toml, read_xml
from nasion.errors import ModelError, NasionError, SkeletonError


def rejected(parse, text, error=ModelError):
    """Return the message with which a text is rejected; it is one line and takes less than two seconds."""
    start = time.monotonic()
    with pytest.raises(error) as caught:
        parse(text, "this text", error)
    assert time.monotonic() - start < 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON_VALUES, st.booleans())
def test_json_within_the_limits_is_read(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text, "this text", NasionError) == value


@given(st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", ":", ",", "1", "e", ".", "a"]), max_size=30))
def test_no_json_text_has_another_error(parts):
    with suppress(NasionError):
        parse_json("".join(parts), "this text", NasionError)


@pytest.mark.parametrize("text", ["[" * 20_000, "[" * 70 + "]" * 70, '{"a":' * 500 + "1" + "}" * 500])
def test_nested_json_is_rejected(text):
    assert "nested more than 64 deep" in rejected(parse_json, text)


def test_brackets_in_strings_do_not_count():
    names = ["[" * 500, "]" * 500, '"[[\\']
    assert parse_json(json.dumps(names), "this text", NasionError) == names
    hidden = json.dumps("]" * 500) + "[" * 100
    assert "nested more than 64 deep" in rejected(parse_json, f"[{hidden}")


@pytest.mark.parametrize("number", ["1" * 400, "1" * 5000, "-" + "9" * 19])
def test_numbers_of_too_many_digits_are_rejected(number):
    assert "more than 18 digits" in rejected(parse_json, f'{{"a": {number}}}')
    assert rejected(parse_toml, f"a = {number}")


def test_long_fractions_and_digits_in_strings_are_read():
    text = '[0.12345678901234567890123, 12345678901234567890.5, "12345678901234567890", 123456789012345678]'
    assert parse_json(text, "this text", NasionError)[3] == 123456789012345678


def test_a_large_hexadecimal_number_is_rejected():
    assert "more than 18 digits" in rejected(parse_toml, "a = 0x" + "f" * 50_000)


@pytest.mark.parametrize("half", [r"\ud800", r"\uDFFF", r"\ud83dx", r"\ude00\ud83d"])
def test_half_of_a_character_is_rejected(half):
    assert "lone surrogate" in rejected(parse_json, f'"{half}"')


def test_escaped_characters_outside_the_first_plane_are_read():
    assert parse_json(r'"\ud83d\ude00"', "this text", NasionError) == "😀"


@pytest.mark.parametrize(
    "text",
    [
        "a." * 50_000 + "a = 1",
        ("a." * 400 + "b{} = 1\n") * 10,
        "[" + '"a".' * 1000 + "a]",
        "x = {" + "a . " * 40 + "a=1}",
    ],
)
def test_keys_of_many_parts_are_rejected(text):
    assert "a key has more than 32 parts" in rejected(parse_toml, text)


def test_dots_in_values_are_not_part_of_keys():
    text = "a = [" + "0.5, " * 1000 + "]\nb = 'www.example.org/a.b.c.d'\n"
    assert len(parse_toml(text, "this text", NasionError)["a"]) == 1000


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "[" * 100 + "]" * 100, "a = " + "{a=" * 5000])
def test_nested_toml_is_rejected(text):
    assert "nested more than 64 deep" in rejected(parse_toml, text)


def test_large_texts_are_rejected():
    assert "larger than 1,000,000 bytes" in rejected(parse_toml, "#" * 1_000_001)
    assert "larger than 16,000,000 bytes" in rejected(parse_json, " " * 16_000_001)


def test_long_words_take_no_quadratic_time():
    assert rejected(parse_toml, "a" * 900_000)
    assert rejected(parse_toml, "a " * 400_000)
    assert rejected(parse_toml, '"' * 900_000)
    assert rejected(parse_json, '"\\' * 1_000_000)


def test_errors_have_the_class_and_the_name_that_the_caller_gives(tmp_path):
    assert rejected(parse_toml, "a =", SkeletonError).startswith("this text is not TOML")
    assert rejected(parse_json, "{", SkeletonError).startswith("this text is not JSON")
    with pytest.raises(SkeletonError, match="cannot read the file: No such file"):
        read_toml(tmp_path / "none", "the file", SkeletonError)


def test_files_are_read_with_and_without_a_byte_order_mark(tmp_path):
    for mark in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "x").write_bytes(mark + b'{"a": 1}')
        assert read_json(tmp_path / "x", "the file", NasionError) == {"a": 1}
        (tmp_path / "x").write_bytes(mark + b"a = 1")
        assert read_toml(tmp_path / "x", "the file", NasionError) == {"a": 1}


def test_files_that_are_large_or_not_utf8_are_rejected(tmp_path):
    (tmp_path / "x").write_bytes(b"1" * 100)
    with pytest.raises(ModelError, match="the file is not read: it is larger than 99 bytes"):
        read_text(tmp_path / "x", "the file", ModelError, 99)
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="cannot read the file"):
        read_text(tmp_path / "x", "the file", ModelError)


# --- XML


def test_xml_is_read_with_its_encoding(tmp_path):
    (tmp_path / "a.xml").write_bytes("<?xml version='1.0' encoding='latin-1'?><a name='Zoë'/>".encode("latin-1"))
    assert read_xml(tmp_path / "a.xml", "a.xml", ModelError).get("name") == "Zoë"


def test_comments_are_kept_on_request():
    content = b"<a><!-- one --><b/></a>"
    assert len(parse_xml(content, "it", ModelError)) == 1
    assert len(parse_xml(content, "it", ModelError, comments=True)) == 2


def entities(depth):
    """Return a short document whose text would have 10^depth letters."""
    inner = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10}">' for k in range(1, depth))
    return f'<!DOCTYPE a [<!ENTITY e0 "{"x" * 10}">{inner}]><a>&e{depth - 1};</a>'.encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is not XML"),
        (b"<a>", "it is not XML"),
        (b"<?xml version='1.0' encoding='nothing'?><a/>", "it is not XML"),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", "it is not XML"),
        (b"<a>\x00</a>", "it is not XML"),
        (b"<a>" * 65 + b"</a>" * 65, "it is not read: its values are nested more than 64 deep"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "it is not read: its values are nested"),
        (b"<a/>" + b" " * 200_000, "it is not read: it is larger than 200,000 bytes"),
        (b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hosts'>]><a>&e;</a>", "it is not XML"),
        (entities(9), "it is not XML"),
    ],
)
def test_other_xml_is_rejected_in_one_line(content, words):
    limit = 1_000_000 if len(content) == 700_000 else 200_000
    with pytest.raises(ModelError, match=words) as caught:
        parse_xml(content, "it", ModelError, limit)
    assert "\n" not in str(caught.value)


def test_missing_xml_is_rejected(tmp_path):
    with pytest.raises(ModelError, match="cannot read it: No such file"):
        read_xml(tmp_path / "a.xml", "it", ModelError)


def test_a_small_file_takes_little_memory_whatever_the_limit(tmp_path):
    (tmp_path / "a.xml").write_bytes(b"x" * 3_000_000)
    tracemalloc.start()
    assert read_bytes(tmp_path / "a.xml", "it", ModelError, 2_000_000_000) == b"x" * 3_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
