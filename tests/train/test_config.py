"""Configurations: recipes, settings over them, former names of keys, schedules by hand, and errors of one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasion.errors import ConfigError
from nasion.settings import Settings
from nasion.train.config import (
    COOLDOWN_FACTOR,
    AugmentConfig,
    Component,
    PhotoConfig,
    RunConfig,
    ScheduleConfig,
    available,
    load,
    parse,
    parse_value,
    recipe_text,
)

TABLE = {
    "data": {"skeleton": "imm-58"},
    "crop": {"height": 48, "width": 64},
    "model": {"name": "cnn", "hidden": [9]},
    "codec": {"name": "coordinates"},
    "loss": {"name": "l1"},
}
"""A complete configuration without optional sections."""


# Recipes


def test_recipes_are_the_files_of_their_folder():
    assert available() == [
        "danes",
        "danes-heatmap",
        "default",
        "finetune",
        "ibug",
        "large",
        "nose",
        "open",
        "robust",
        "tiny",
    ]


def test_recipe_is_found_by_name_or_path(tmp_path):
    (tmp_path / "mine.toml").write_text(recipe_text("nose"))
    assert load(str(tmp_path / "mine.toml")) == load("nose")


def test_recipe_files_are_utf_8(tmp_path):
    (tmp_path / "mine.toml").write_bytes("# für die Nase\n".encode() + recipe_text("nose").encode())
    assert recipe_text(str(tmp_path / "mine.toml")).startswith("# für die Nase")


def test_unknown_recipe_suggests_the_nearest():
    with pytest.raises(
        ConfigError, match=r'^unknown recipe "nsoe"; did you mean "nose" or "open"\? .* the path of a .toml file$'
    ):
        load("nsoe")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^cannot read the recipe .*mine\.toml"),
        (b"\xff\xfe\x00", r"^cannot read the recipe .*mine\.toml"),
        (b"a = [", r'^recipe ".*mine\.toml" is not TOML: '),
        (b'[data]\nskeleton = "imm-58"\n', r'^the key "crop" is missing$'),
        (b"crop = 3\n", r'^the key "data" is missing$'),
        (b"a." * 50_000 + b"a = 1", r"a key has more than 32 parts"),
        (b"a = " + b"[" * 5000, r"nested more than 64 deep"),
        (b"seed = 1" + b"0" * 5000, r"digits"),
    ],
    ids=["missing", "not utf-8", "not toml", "incomplete", "not a section", "dotted", "nested", "digits"],
)
def test_unreadable_recipes_are_one_line(tmp_path, content, message):
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)


# Settings


def test_settings_replace_values_of_the_recipe():
    assert load("nose").optimizer.lr == 1e-4
    changed = load("nose", ["optimizer.lr=1e-3", "schedule.shape=cosine", "model.hidden=[9, 8]", "seed=3"])
    assert (changed.optimizer.lr, changed.schedule.shape, changed.seed) == (1e-3, "cosine", 3)
    assert changed.model.options["hidden"] == [9, 8]
    assert changed.model.options["kernels"] == load("nose").model.options["kernels"]


def test_last_setting_of_a_key_counts():
    assert load("nose", ["seed=3", "seed=4"]).seed == 4


def test_spaces_around_key_and_value_do_not_count():
    assert load("nose", [" schedule.epochs = 7 "]).schedule.epochs == 7


def test_value_may_contain_an_equals_sign():
    assert load("nose", ["init.model=a=b"]).init.model == "a=b"


def test_sources_for_a_recipe_whose_data_is_no_section_are_one_line(tmp_path):
    (tmp_path / "mine.toml").write_text("data = 3\n")
    with pytest.raises(ConfigError, match='"data" is a value, not a section'):
        load(str(tmp_path / "mine.toml"), sources=["imm:A"])


def test_missing_sections_are_created():
    assert load("nose", ["augment.photo.gray=0.25"]).augment.photo.gray == 0.25


def test_sources_replace_those_of_the_recipe():
    config = load("nose", ["data.sources=['csv:old']", "data.faces=9"], ["imm:A", "ibug:B"])
    assert config.data.sources == ("imm:A", "ibug:B")
    assert config.data.faces == 9
    assert load("nose", ["data.sources=['csv:old']"]).data.sources == ("csv:old",)
    assert load("nose").data.sources == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["optimiser.lr=1"], 'unknown key "optimiser"; did you mean "optimizer"'),
        (["optimizer.rate=1"], 'unknown key "optimizer.rate"'),
        (["optimizer.lr=-1"], "optimizer.lr = -1: input should be greater than 0"),
        (["optimizer.lr=nan"], "finite"),
        (["optimizer.lr=inf"], "finite"),
        (["optimizer.lr"], 'a setting is written "section.key=value", such as "optimizer.lr=1e-4", not "optimizer.lr"'),
        (["optimizer.lr="], 'not "optimizer.lr="'),
        (["data.skeleton.x=1"], '"data.skeleton.x": "skeleton" is a value, not a section'),
        (["schedule.shape=square"], "schedule.shape = 'square'"),
        (["schedule.epochs=2.5"], "schedule.epochs = 2.5"),
        (["crop.box=face"], "crop.box = 'face'"),
        (["augment.cooldown=1"], "augment.cooldown = 1: input should be less than 1"),
        (["augment.photo.colr=1"], 'unknown key "augment.photo.colr"; did you mean "color"'),
        (["model=3"], "model = 3"),
        (["seed=" + "[" * 5000], "seed = '[[["),
        (["seed=" + "9" * 5000], "seed = '999"),
        (["seed=1" + "0" * 100], "seed = '1000"),
        (["schedule.epochs=1e30"], "schedule.epochs = 1e+30"),
        (["seed=" + "a." * 50_000 + "a=1"], "seed = 'a.a."),
    ],
)
def test_wrong_settings_are_one_line(settings, message):
    with pytest.raises(ConfigError) as caught:
        load("nose", settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"a b"', "a b"),
        ("adam", "adam"),
        ("imm:folder with spaces", "imm:folder with spaces"),
        ("7", 7),
        ("{ a = 1 }", {"a": 1}),
        ("01", "01"),
    ],
)
def test_values_are_toml_or_words(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


# Former names of keys

FORMER = [
    ("crop.picture_share=0.5", lambda c: c.crop.full_image_share, 0.5),
    ("augment.calm=0.25", lambda c: c.augment.cooldown, 0.25),
    ("augment.photo.colour=0.2", lambda c: c.augment.photo.color, 0.2),
    ("augment.photo.grey=0.3", lambda c: c.augment.photo.gray, 0.3),
    ("schedule.small_px=32", lambda c: c.schedule.low_res_px, 32),
    ("schedule.small_share=0.4", lambda c: c.schedule.low_res_share, 0.4),
    ("schedule.average=0.9", lambda c: c.schedule.ema_decay, 0.9),
    ("init.backbone_rate=0.5", lambda c: c.init.backbone_lr_factor, 0.5),
    ("data.source=imm:A + csv:B", lambda c: c.data.sources, ("imm:A", "csv:B")),
    ("crop.box=picture", lambda c: c.crop.box, "image"),
]


@pytest.mark.parametrize(("setting", "value_of", "value"), FORMER, ids=[setting for setting, *_ in FORMER])
def test_former_names_are_accepted_as_settings(setting, value_of, value):
    assert value_of(load("nose", [setting])) == value


@pytest.mark.parametrize(("setting", "value_of", "value"), FORMER, ids=[setting for setting, *_ in FORMER])
def test_former_names_are_accepted_in_recipes(setting, value_of, value):
    """A recipe of an earlier version: the setting as a table, the other sections as they were."""
    key, text = setting.split("=", 1)
    *sections, last = key.split(".")
    table = json.loads(json.dumps(TABLE))
    section = table
    for name in sections:
        section = section.setdefault(name, {})
    section[last] = parse_value(text)
    before = json.dumps(table)
    assert value_of(parse(table)) == value
    assert json.dumps(table) == before  # the caller's table is not changed


@pytest.mark.parametrize(("present", "former"), [("low_res_px", "small_px"), ("small_px", "low_res_px")])
def test_setting_replaces_the_recipe_whichever_name_either_uses(tmp_path, present, former):
    (tmp_path / "mine.toml").write_text(recipe_text("nose").replace("batch = 16", f"batch = 16, {present} = 20"))
    assert load(str(tmp_path / "mine.toml")).schedule.low_res_px == 20
    assert load(str(tmp_path / "mine.toml"), [f"schedule.{former}=30"]).schedule.low_res_px == 30


def test_both_names_of_a_key_together_are_rejected(tmp_path):
    with pytest.raises(ConfigError, match=r'"schedule.average" is the former name of "schedule.ema_decay"; give one'):
        parse(TABLE | {"schedule": {"average": 0.9, "ema_decay": 0.9}})
    both = recipe_text("nose").replace("batch = 16", "batch = 16, small_px = 20, low_res_px = 20")
    (tmp_path / "mine.toml").write_text(both)
    with pytest.raises(ConfigError, match=r'"schedule.small_px" is the former name of "schedule.low_res_px"'):
        load(str(tmp_path / "mine.toml"))


# Parsing


def test_sections_with_defaults_may_be_omitted():
    config = parse(TABLE)
    assert config.augment == AugmentConfig()
    assert config.schedule == ScheduleConfig()
    assert (config.seed, config.precision, config.optimizer.name) == (0, "auto", "adam")


@pytest.mark.parametrize("section", TABLE)
def test_required_sections_are_named(section):
    with pytest.raises(ConfigError, match=f'^the key "{section}" is missing$'):
        parse({name: part for name, part in TABLE.items() if name != section})


def test_stored_configuration_is_read_back():
    config = load("danes-heatmap", ["init.model=run", "augment.cooldown=0.2"], ["imm:A", "csv:B"])
    assert parse(json.loads(json.dumps(config.model_dump()))) == config


def test_components_keep_their_options_apart_from_the_name():
    part = Component(name="cnn", hidden=[9], pools=[2])
    assert part.options == {"hidden": [9], "pools": [2]}
    assert Component(name="l1").options == {}
    part.options["hidden"] = 3
    assert part.options["hidden"] == [9]


def test_configurations_cannot_be_changed():
    config = parse(TABLE)
    for change in (lambda: setattr(config, "seed", 1), lambda: setattr(config.schedule, "epochs", 1)):
        with pytest.raises(ValueError, match="frozen"):
            change()


def test_changed_schedule_keeps_everything_else():
    config = load("danes")
    changed = config.with_schedule(epochs=7, patience=2)
    assert (changed.schedule.epochs, changed.schedule.patience) == (7, 2)
    assert changed.schedule.batch == config.schedule.batch
    assert changed.model_copy(update={"schedule": config.schedule}) == config
    assert config.schedule.epochs == 600


def test_every_setting_is_described():
    """The description is shown by the command line's help."""
    undescribed = []
    for section, field in RunConfig.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Settings):
            undescribed += [
                f"{section}.{name}"
                for name, option in kind.model_fields.items()
                if not option.description and option.annotation is not PhotoConfig
            ]
    assert set(undescribed) <= {"optimizer.name", "optimizer.weight_decay"}  # their names say it


# Cooldown


def test_cooldown_shrinks_ranges_and_disables_the_mirror():
    augment = AugmentConfig(
        flip=0.5, flip_shift=0.01, rotation_deg=30, scale=0.2, shift=0.1, stretch=0.15, shear=0.05, cooldown=0.3
    )
    cooled = augment.cooled_down()
    assert COOLDOWN_FACTOR == 0.4
    assert cooled.flip == 0
    assert (cooled.rotation_deg, cooled.scale, cooled.shift) == pytest.approx((12, 0.08, 0.04))
    assert (cooled.stretch, cooled.shear) == pytest.approx((0.06, 0.02))
    assert (cooled.flip_shift, cooled.cooldown) == (0.01, 0.3)
    assert augment.flip == 0.5


def test_cooldown_shrinks_pixel_ranges_and_probabilities_but_not_strengths():
    every = dict.fromkeys(("brightness", "contrast", "gamma", "color", "gray", "blur", "noise", "occlude"), 0.5)
    photo = PhotoConfig(**every, blur_px=2.0, noise_level=9.0, occlude_side=0.3)
    cooled = AugmentConfig(photo=photo).cooled_down().photo
    assert {name: getattr(cooled, name) for name in every} == pytest.approx(dict.fromkeys(every, 0.2))
    assert (cooled.blur_px, cooled.noise_level, cooled.occlude_side) == (2.0, 9.0, 0.3)


def test_cooldown_of_no_variation_is_no_variation():
    assert AugmentConfig().cooled_down() == AugmentConfig()
    assert PhotoConfig().cooled_down() == PhotoConfig()


# Low-resolution epochs


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        ({"epochs": 10, "low_res_px": 24}, 5),
        ({"epochs": 11, "low_res_px": 24}, 5),  # half an epoch is not one
        ({"epochs": 10, "low_res_px": 24, "low_res_share": 0.79}, 7),
        ({"epochs": 10, "low_res_px": 24, "low_res_share": 0.0}, 0),
        ({"epochs": 10}, 0),
    ],
)
def test_number_of_low_resolution_epochs(schedule, epochs):
    assert ScheduleConfig(**schedule).low_res_epochs == epochs


@pytest.mark.parametrize(
    ("low_res_px", "size", "low"),
    [
        (24, (48, 64), (24, 32)),
        (31, (48, 64), (31, 41)),  # 41.3
        (47, (48, 64), (47, 63)),
        (48, (48, 64), None),
        (60, (48, 64), None),
        (0, (48, 64), None),
    ],
)
def test_low_resolution_keeps_the_aspect_ratio(low_res_px, size, low):
    assert ScheduleConfig(epochs=10, low_res_px=low_res_px).low_res_size(size) == low


def test_low_resolution_without_an_epoch_has_no_size():
    assert ScheduleConfig(epochs=10, low_res_px=24, low_res_share=0.05).low_res_size((48, 64)) is None


def test_crops_change_their_size_once():
    schedule = ScheduleConfig(epochs=10, low_res_px=24, low_res_share=0.3)
    sizes = [schedule.crop_size(epoch, (48, 64)) for epoch in range(10)]
    assert sizes == [(24, 32)] * 3 + [(48, 64)] * 7


def test_low_resolution_that_is_not_low_changes_nothing():
    schedule = ScheduleConfig(epochs=10, low_res_px=48)
    assert [schedule.crop_size(epoch, (48, 64)) for epoch in (0, 9)] == [(48, 64)] * 2
    assert schedule.cost(7, (48, 64)) == 7


@pytest.mark.parametrize(("epochs", "cost"), [(0, 0), (2, 0.5), (4, 1.0), (4.5, 1.5), (10, 7.0)])
def test_cost_by_hand(epochs, cost):
    """Four epochs with a quarter of the pixels, then full ones."""
    schedule = ScheduleConfig(epochs=10, low_res_px=24, low_res_share=0.4)
    assert schedule.cost(epochs, (48, 64)) == pytest.approx(cost)


@given(st.integers(1, 60), st.integers(0, 64), st.floats(0, 0.95))
def test_cost_is_the_pixels_of_all_epochs(epochs, low_res_px, share):
    schedule, size = ScheduleConfig(epochs=epochs, low_res_px=low_res_px, low_res_share=share), (48, 64)
    pixels = [height * width for height, width in (schedule.crop_size(epoch, size) for epoch in range(epochs))]
    assert schedule.cost(epochs, size) == pytest.approx(sum(pixels) / (48 * 64))
