import pytest

from nasion.errors import ConfigError
from nasion.train.config import load, parse_value


def test_settings_lie_over_the_recipe():
    assert load("nose").optimizer.lr == 1e-4
    changed = load("nose", ["optimizer.lr=1e-3", "schedule.shape=cosine", "model.hidden=[9, 8]"], "synthetic:8")
    assert (changed.optimizer.lr, changed.schedule.shape, changed.data.source) == (1e-3, "cosine", "synthetic:8")
    assert changed.model.options["hidden"] == [9, 8]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["optimizer.lr=1"], 'unknown key "optimizer"; did you mean "optimizer"'),
        (["optimizer.rate=1"], 'unknown key "optimizer.rate"'),
        (["optimizer.lr=-1"], "optimizer.lr = -1: input should be greater than 0"),
        (["optimizer.lr=nan"], "finite"),
        (["optimizer.lr"], "section.key=value"),
        (["data.skeleton.x=1"], '"skeleton" is a value'),
        (["schedule.shape=square"], "schedule.shape"),
        (["crop.box=face"], "crop.box"),
    ],
)
def test_wrong_settings_are_one_line(settings, message):
    with pytest.raises(ConfigError) as caught:
        load("nose", settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_recipes_give_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match='did you mean "nose"'):
        load("nsoe")
    with pytest.raises(ConfigError, match="cannot read"):
        load(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("a = [")
    with pytest.raises(ConfigError, match="not TOML"):
        load(str(tmp_path / "bad.toml"))
    (tmp_path / "half.toml").write_text('[data]\nskeleton = "imm-58"\n')
    with pytest.raises(ConfigError, match='"crop" is missing'):
        load(str(tmp_path / "half.toml"))


def test_values_are_toml_or_words():
    assert [parse_value(t) for t in ("1e-5", "true", "[1, 2]", '"a"', "adam")] == [1e-5, True, [1, 2], "a", "adam"]
