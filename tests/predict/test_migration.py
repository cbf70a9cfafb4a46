"""Files written by format version 1 are read correctly; the samples are in tests/stored_v1."""

import json

import numpy as np
import pytest

from nasion.errors import ConfigError, ModelError
from nasion.predict.backends.onnx_backend import OnnxBackend, parse_header
from nasion.predict.migration import CONFIG_KEYS, FORMAT_VERSION, from_stored, migrate, migrate_config
from nasion.skeleton import load_skeleton


def test_model_file_of_version_1_is_read(stored_v1):
    backend = OnnxBackend(stored_v1 / "model.onnx")
    assert backend.crop.full_image_share == pytest.approx(0.2)
    assert backend.header.config["data"]["sources"][0].startswith("synthetic:12")
    assert backend.header.config["augment"]["cooldown"] == pytest.approx(0.5)
    assert np.isfinite(backend.max_relative_spread)
    assert backend.skeleton.normalizers["inter_ocular"]


def test_every_former_key_has_its_new_name():
    old = {
        "data": {"source": "imm:A + csv:B"},
        "crop": {"picture_share": 0.2, "box": "picture"},
        "augment": {"calm": 0.3, "photo": {"colour": 0.1, "grey": 0.2}},
        "schedule": {"small_px": 64, "small_share": 0.4, "average": 0.9},
        "init": {"backbone_rate": 0.5},
    }
    assert migrate_config(old) == {
        "data": {"sources": ["imm:A", "csv:B"]},
        "crop": {"full_image_share": 0.2, "box": "image"},
        "augment": {"cooldown": 0.3, "photo": {"color": 0.1, "gray": 0.2}},
        "schedule": {"low_res_px": 64, "low_res_share": 0.4, "ema_decay": 0.9},
        "init": {"backbone_lr_factor": 0.5},
    }


def test_the_given_table_is_not_changed():
    old = {"augment": {"calm": 0.3, "photo": {"grey": 0.2}}, "data": {"source": ""}}
    before = json.dumps(old)
    assert migrate_config(old)["data"]["sources"] == []
    assert json.dumps(old) == before


def test_migration_is_idempotent():
    once = migrate_config({"data": {"source": "imm:A + csv:B"}, "augment": {"calm": 0.3}})
    assert migrate_config(once) == once


def test_source_with_a_plus_in_its_folder_stays_one_source():
    assert migrate_config({"data": {"sources": ["imm:a + b"]}})["data"]["sources"] == ["imm:a + b"]


def test_frozen_epochs_become_a_share():
    stored = {"init": {"freeze_epochs": 5}, "schedule": {"epochs": 200}}
    assert migrate_config(stored)["init"] == {"freeze_share": 0.025}
    assert migrate_config({"init": {"freeze_epochs": 5}})["init"] == {"freeze_share": 0.05}


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ({"freeze_epochs": 5, "freeze_share": 0.1}, "is the former form of"),
        ({"freeze_epochs": "5"}, "set init.freeze_share, from 0 to 1"),
        ({"freeze_epochs": 100}, "init.freeze_epochs = 100 of 100 epochs"),
    ],
)
def test_impossible_numbers_of_frozen_epochs_are_rejected(init, message):
    with pytest.raises(ConfigError, match=message):
        migrate_config({"init": init})


def test_old_and_new_name_together_are_rejected():
    with pytest.raises(ConfigError, match=r'"schedule.average" is the former name of "schedule.ema_decay"'):
        migrate_config({"schedule": {"average": 0.9, "ema_decay": 0.9}})


@pytest.mark.parametrize(("old", "new"), CONFIG_KEYS.items())
def test_each_key_is_renamed_alone_and_unknown_keys_stay(old, new):
    def nested(path, value):
        for name in reversed(path):
            value = {name: value}
        return value

    value = ["imm:A"] if new[-1] == "sources" else 0.5
    assert migrate_config(nested(old, value)) == nested(new, value)
    assert migrate_config(nested(new, value)) == nested(new, value)
    assert migrate_config({"other": nested(old, value)}) == {"other": nested(old, value)}
    both = nested(old[:-1], {old[-1]: value, new[-1]: value})
    with pytest.raises(ConfigError, match="give one of the two"):
        migrate_config(both)


@pytest.mark.parametrize(
    ("source", "sources"), [("", []), ("imm:A", ["imm:A"]), ("a + b + c", ["a", "b", "c"]), ("a+b", ["a+b"])]
)
def test_joined_source_is_split(source, sources):
    assert migrate_config({"data": {"source": source}}) == {"data": {"sources": sources}}


@pytest.mark.parametrize(("box", "expected"), [("picture", "image"), ("image", "image"), ("points", "points")])
def test_box_of_a_crop_is_renamed(box, expected):
    assert migrate({"crop": {"box": box}}) == {"crop": {"box": expected}}
    assert migrate({"config": {"crop": {"box": box}}}) == {"config": {"crop": {"box": expected}}}
    assert migrate({"crop": {"box": box}, "format_version": FORMAT_VERSION}) == {"crop": {"box": box}}


@pytest.mark.parametrize("config", [{}, {"augment": 3}, {"augment": {"photo": 3}}, {"data": None}, {"crop": [1]}])
def test_malformed_sections_pass_through(config):
    assert migrate_config(config) == config


def test_weights_and_callbacks_are_renamed():
    table = migrate(
        {
            "state_dict": {
                "network.spread.stretch.weight": 1,
                "average.module.spread.lean.bias": 2,
                "other.average": 3,
            },
            "weights": {"spread.scale": 4},
            "callbacks": {"Keeper": 5, "CleanStop": 6},
            "largest_doubt": 0.1,
            "doubt/max": 0.2,
        }
    )
    assert table == {
        "state_dict": {
            "network.spread.scale_head.weight": 1,
            "ema.module.spread.anisotropy_head.bias": 2,
            "other.average": 3,
        },
        "weights": {"spread.scale": 4},
        "callbacks": {"Checkpointer": 5, "CleanStop": 6},
        "max_relative_spread": 0.1,
        "relative_spread/max": 0.2,
    }


def test_the_present_version_is_returned_without_its_version_key():
    table = {"format_version": FORMAT_VERSION, "callbacks": {"Keeper": 1}}
    assert migrate(table) == {"callbacks": {"Keeper": 1}}


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, "2", None])
def test_later_or_invalid_versions_are_rejected(version):
    with pytest.raises(ConfigError, match="format version"):
        migrate({"format_version": version})


def test_a_header_of_a_later_version_is_a_model_error():
    with pytest.raises(ModelError, match="update nasion"):
        parse_header(json.dumps({"format_version": FORMAT_VERSION + 1}), "x.onnx")


def test_stored_skeletons_know_what_the_package_has_learned_since():
    ibug = load_skeleton("ibug-68")
    table = ibug.to_table() | {"from": {}}
    assert from_stored("ibug-68", table) == ibug
    assert from_stored("mine", table).sources == {}
    own = from_stored("nose-1", load_skeleton("nose-1").to_table() | {"from": {"imm-58": "51"}})
    assert own.sources == load_skeleton("nose-1").sources | {"imm-58": (51,)}
    other = load_skeleton("nose-1").to_table() | {"names": ["tip"], "from": {}}
    assert from_stored("nose-1", other).sources == {}
