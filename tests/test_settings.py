"""Strict configuration sections, and the one line that explains an invalid one."""

import math

import pytest
from pydantic import Field, ValidationError

from nasion.settings import Settings, explain


class Inner(Settings):
    rate: float = Field(default=0.5, gt=0)
    epochs: int = 3


class Outer(Settings):
    name: str
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    table: dict[str, Inner] = Field(default_factory=dict)
    optional: Inner | None = None


def explained(**values):
    with pytest.raises(ValidationError) as caught:
        Outer(**values)
    return explain(caught.value, Outer)


def test_a_section_cannot_be_changed():
    section = Inner()
    with pytest.raises(ValidationError, match="frozen"):
        section.epochs = 4
    assert section.epochs == 3


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_infinities_and_nan_are_rejected(value):
    with pytest.raises(ValidationError):
        Inner(rate=value)


def test_sections_with_equal_values_are_equal():
    assert Inner(rate=0.25) == Inner(rate=0.25)
    assert Inner(rate=0.25) != Inner(rate=0.125)


def test_an_unknown_key_of_a_nested_section_suggests_keys_of_that_section():
    text = explained(name="a", inner={"rtae": 1})
    assert text == 'unknown key "inner.rtae"; did you mean "rate"? Known: epochs, rate'


def test_an_unknown_key_at_the_top_suggests_keys_of_the_top():
    text = explained(name="a", innre={})
    assert text.startswith('unknown key "innre"; did you mean "inner"? Known: inner, name, optional')


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"several": [{"rate": 1}, {"rtae": 1}]}, "several.1.rtae"),
        ({"table": {"a": {"rtae": 1}}}, "table.a.rtae"),
        ({"optional": {"rtae": 1}}, "optional.rtae"),
    ],
)
def test_an_unknown_key_inside_a_collection_is_named_without_suggestion(values, key):
    assert explained(name="a", **values) == f'unknown key "{key}"'


def test_a_missing_key_is_named():
    assert explained(inner={"rate": 1}) == 'the key "name" is missing'


def test_an_invalid_value_is_shown_with_the_rule():
    assert explained(name="a", inner={"rate": -2.0}) == "inner.rate = -2.0: input should be greater than 0"


def test_only_the_first_error_is_explained():
    text = explained(name="a", inner={"rate": -2.0, "epochs": "many"})
    assert "rate" in text
    assert "epochs" not in text
    assert "\n" not in text
