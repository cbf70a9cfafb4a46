import inspect

import pytest

from nasion import errors
from nasion.errors import NasionError, one_line, suggest


def test_every_error_belongs_to_the_tree_and_is_exported():
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert len(classes) == 9
    assert all(issubclass(getattr(errors, name), NasionError) for name in classes)
    assert sorted([*classes, "one_line", "printable", "suggest"]) == sorted(errors.__all__)


def test_the_tree_in_the_module_docstring_names_every_error():
    assert all(name in errors.__doc__ for name in errors.__all__ if name not in ("one_line", "printable", "suggest"))


def test_siblings_do_not_catch_each_other():
    children = [
        getattr(errors, name)
        for name in errors.__all__
        if name not in ("one_line", "printable", "suggest", "NasionError")
    ]
    assert all(not issubclass(a, b) for a in children for b in children if a is not b)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("nsoe", ["nose", "danes"], 'did you mean "nose"? Known: danes, nose'),
        ("adam", ["adamax", "sgd", "adamw"], 'did you mean "adamw" or "adamax"? Known: adamax, adamw, sgd'),
        ("xyz", ["nose", "danes"], "known: danes, nose"),
        ("x", [], "known: "),
    ],
)
def test_suggestions_by_hand(word, known, expected):
    assert suggest(word, known) == expected


def test_the_most_similar_name_comes_first():
    assert suggest("imm58", ["ibug-68", "imm-58"]).startswith('did you mean "imm-58"')


def test_at_most_two_names_are_guessed():
    text = suggest("aaaa", ["aaab", "aaac", "aaad"])
    assert text.split("?")[0].count('"') == 4
    assert text.endswith("Known: aaab, aaac, aaad")


def test_names_may_come_from_any_iterable_once():
    assert suggest("b", iter(["c", "a"])) == "known: a, c"


def test_every_message_is_one_printable_line():
    message = str(NasionError("a file\n\twith\r\n  lines, \x1b[31mcolors, \udcff and é…"))
    assert message == "a file with lines, \\x1b[31mcolors, \\udcff and é…"
    assert str(NasionError(ValueError("a\nb"))) == "a b"
    assert str(NasionError()) == ""


def test_long_messages_are_cut():
    assert one_line("x" * 5000) == "x" * 2000 + "…"
    assert one_line("x" * 2000) == "x" * 2000


def test_errors_can_be_pickled():
    import pickle

    assert str(pickle.loads(pickle.dumps(errors.ImageError("a.jpg: damaged")))) == "a.jpg: damaged"


def test_a_long_word_takes_no_time():
    assert suggest("x" * 1_000_000, ["nose"] * 3) == "known: nose, nose, nose"
