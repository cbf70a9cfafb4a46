"""The contract of every recipe: short, complete, buildable, with a comment that says what it is and how to run it."""

import tomllib
from functools import cache

import pytest
import torch

from nasion.predict.migration import migrate_config
from nasion.skeleton import load_skeleton
from nasion.train.config import RunConfig, available, load, parse, recipe_text
from nasion.train.network import registry
from nasion.train.network.network import KeypointNetwork, check_low_res, loss_of

MAX_LINES = 20


@cache
def network_of(recipe):
    config = load(recipe)
    return KeypointNetwork(config, load_skeleton(config.data.skeleton or "ibug-68").count).eval()


@pytest.mark.parametrize("recipe", available())
def test_recipes_are_differences_of_at_most_20_lines(recipe):
    lines = [line for line in recipe_text(recipe).splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= MAX_LINES


@pytest.mark.parametrize("recipe", available())
def test_recipes_do_not_repeat_defaults(recipe):
    """A key whose value is the default hides what the recipe is about; epochs and batch are always named."""
    table = migrate_config(tomllib.loads(recipe_text(recipe)))
    for section in ("augment", "schedule", "init"):
        defaults = RunConfig.model_fields[section].default.model_dump()
        assert {key for key, value in table.get(section, {}).items() if value == defaults[key]} <= {"epochs", "batch"}


@pytest.mark.parametrize("recipe", available())
def test_recipes_start_with_what_they_are_and_how_to_run_them(recipe):
    first, command, measured = recipe_text(recipe).splitlines()[:3]
    assert first.startswith("# ")
    assert command.startswith(f"# nasion train {recipe} --data ")
    assert " min" in measured


@pytest.mark.parametrize("recipe", available())
def test_networks_of_recipes_build_with_their_loss(recipe):
    config, network = load(recipe), network_of(recipe)
    assert loss_of(config, network).requires in ("vector", network.codec.output_kind)
    check_low_res(config, network)


@pytest.mark.parametrize("recipe", available())
def test_networks_of_recipes_predict_all_points(recipe):
    network = network_of(recipe)
    with torch.inference_mode():
        keypoints, spread, *_ = network(torch.zeros(2, network.spec.channels, *network.spec.size))
    assert keypoints.shape == (2, network.spec.count, 2)
    assert spread.isfinite().all() == (network.spread is not None)


@pytest.mark.parametrize("recipe", available())
def test_configurations_survive_being_stored(recipe):
    config = load(recipe)
    assert parse(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("recipe", available())
def test_settings_replace_values_of_every_recipe(recipe):
    changed = load(recipe, ["schedule.epochs=7", "schedule.low_res_px=0", "crop.full_image_share=0.25", "seed=5"])
    assert (changed.schedule.epochs, changed.schedule.low_res_px, changed.crop.full_image_share) == (7, 0, 0.25)
    assert changed.seed == 5


def test_recipes_cover_every_model_and_codec():
    configs = [load(recipe) for recipe in available()]
    named = {name for name in registry.available("models") if any(name in recipe_text(each) for each in available())}
    assert {config.model.name for config in configs} <= named == set(registry.available("models"))
    assert {config.codec.name for config in configs} == set(registry.available("codecs"))
    assert {config.loss.name for config in configs} == set(registry.available("losses"))
