"""A new recipe has the settings of the one it starts from, and its own command."""

import pytest

from nasion.errors import ConfigError
from nasion.train.config import available, load
from nasion.train.new_recipe import copied_recipe


@pytest.mark.parametrize("recipe", available())
def test_a_copy_has_the_same_settings_and_its_own_command(recipe, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(copied_recipe(recipe, "mine.toml"), "utf-8")
    assert load(str(file)) == load(recipe)
    first, command, last, *_ = file.read_text("utf-8").splitlines()
    assert recipe in first
    assert command.startswith("# nasion train mine.toml --data ")
    assert last.startswith("# nasion settings mine.toml ")


def test_a_copy_of_a_copy_has_one_header(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(copied_recipe("nose", str(file)), "utf-8")
    again = copied_recipe(str(file), "other.toml")
    assert again.count("# nasion train other.toml --data ") == 1
    assert again.count("Started from") == 1


def test_an_unknown_recipe_is_rejected():
    with pytest.raises(ConfigError, match='did you mean "nose"'):
        copied_recipe("nsoe", "mine.toml")
