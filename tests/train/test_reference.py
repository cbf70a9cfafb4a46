"""Every setting is listed with value, default, limits and meaning, and each key is accepted by --set."""

import re

import pytest

pytest.importorskip("torch")

from nasion.errors import ConfigError
from nasion.train.config import OptimizerConfig, RunConfig, available
from nasion.train.network import registry
from nasion.train.reference import section_settings, settings

UNITS = (
    "px|share|probability|degrees|epochs|faces|passes|weights|seed|rate|norm|validations|channels|convolution|layers|cell"
    "|of 255|blocks|size|divides|divergence|residual|kernel"
)
"""Words that say what the numbers of a setting count or measure."""


@pytest.mark.parametrize("recipe", available())
def test_every_setting_is_described_and_can_be_set(recipe):
    found = settings(recipe)
    assert len({each.key for each in found}) == len(found) > 40
    changes = [f"{each.key}={each.value}" for each in found if each.value]
    assert settings(recipe, changes=changes) == found
    for each in found:
        assert each.meaning[:1].isalnum() or each.meaning[:1] == '"', each
        if re.fullmatch(r"[-\d.e\[\], ]+", each.value):
            assert re.search(UNITS, each.meaning), each


def test_values_defaults_and_limits():
    table = {each.key: each for each in settings("danes", changes=["augment.scale=0.3"])}
    assert table["augment.scale"][1:] == ("0.3", "0.0", "largest change of size, as a share; at least 0, below 1")
    assert table["crop.height"].default is None
    assert table["crop.height"].meaning == "height of the crop, px; 8 to 1024"
    assert table["optimizer.name"].meaning == "the optimizer; one of adam, adamw"
    assert table["model.name"][1:3] == ("cnn", None)
    assert "cnn, efficientnet_lite0, resnet18, unet" in table["model.name"].meaning
    assert table["model.kernels"].value == "[5, 5, 5, 5, 5, 5]"
    assert table["data.sources"][1:3] == ("", "")


def test_options_are_those_of_the_chosen_part():
    keys = [each.key for each in settings("default", "loss")]
    assert keys == ["loss.name", "loss.weight", "loss.sigma_cells", "loss.ellipse_share"]
    assert [each.key for each in settings("default", "loss", ["loss={name='l1'}"])] == ["loss.name"]


def test_a_section_is_listed_alone():
    assert {each.key.split(".")[0] for each in settings("nose", "augment")} == {"augment"}
    assert len(settings("nose", "augment.photo")) == 17
    assert len(settings("nose", "augment.flip")) == 1
    with pytest.raises(ConfigError, match='no setting "augmnt"; did you mean "augment"'):
        settings("nose", "augmnt")


def test_settings_of_a_section_are_those_of_a_recipe():
    in_recipe = {each.key: (each.default, each.meaning) for each in settings("nose", "optimizer")}
    section = section_settings(OptimizerConfig, "optimizer.")
    assert {each.key: (each.default, each.meaning) for each in section} == in_recipe
    assert all(each.value == each.default for each in section)
    assert [each.key for each in section_settings(RunConfig)] == ["hidden_points", "along_lines", "seed", "precision"]


def test_required_options_of_a_part_have_no_default():
    kernels = section_settings(registry.find("models", "cnn").Options)[0]
    assert kernels == ("kernels", "", None, "sides of the square kernels, odd, px")
