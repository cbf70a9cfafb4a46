"""Skeletons, recipes, settings, definitions of measurements, templates of crops, and mappings of points."""

import json
import tomllib
from pathlib import Path
from random import Random

import numpy as np

from fuzz.mutations import NUMBERS, VALUES, WORDS, change_bytes, change_json, change_text, encode
from fuzz.workers import Kind
from nasion import datasets, measure
from nasion import skeleton as skeletons
from nasion.datasets.drawn import render_face
from nasion.datasets.mapping import load_mapping
from nasion.errors import ConfigError, MeasurementError
from nasion.sample import Prediction
from nasion.skeleton import from_table, load_skeleton
from nasion.studio.server.schemas import SkeletonInfo
from nasion.train import config
from nasion.train.network import registry
from nasion.train.network.interfaces import InputSpec
from nasion.train.network.network import KeypointNetwork, check_low_res, loss_of

HOSTILE_TOML = (
    *('count = 3\n[regions]\na = "0-999999999999"\n', 'count = 1000000000000\n[regions]\na = "0"\n'),
    *("a." * 30_000 + "a = 1", ("a." * 30 + "a{} = 1\n") * 3000, "a = " + "[" * 20_000, "a = " + "{b=" * 3000),
    *(
        "[" * 20_000,
        "count = " + "9" * 10_000,
        "x = 0x" + "f" * 100_000,
        'a = """' + "\\\n" * 50_000,
        "[[a]]\n" * 30_000,
    ),
    *('count = 2\n[regions]\na = "0 ' + "1 " * 100_000 + '"\n', "\n".join(f"a{k} = 1" for k in range(50_000))),
    *(
        "a = '''" + "'" * 50_000,
        "#" * 500_000,
        "a = 1979-05-27T07:32:00-25:99",
        "count = inf",
        "a = [" + "0.1," * 100_000,
    ),
)


def _prepare_skeletons(folder: Path) -> object:
    texts = [
        (Path(skeletons.__file__).parent / "skeletons" / f"{name}.toml").read_text("utf-8")
        for name in skeletons.available()
    ]
    return [*texts, 'count = 5\nflip = "1 0 2 4 3"\n[regions]\neyes = "0-1"\nnose = "2"\nmouth = "4-3"\n']


def _hostile_toml(random: Random, texts: list[str]) -> bytes:
    kind = random.random()
    if kind < 0.15:
        return encode(random, random.choice(HOSTILE_TOML))
    if kind < 0.3:
        return change_bytes(random, random.choice(texts).encode(), [each.encode() for each in texts])
    if kind < 0.45:
        text = random.choice(texts)
        place = random.randrange(len(text) + 1)
        return encode(random, text[:place] + "\n" + random.choice(HOSTILE_TOML) + "\n" + text[place:])
    return encode(random, change_text(random, random.choice(texts)))


def _run_skeleton(texts: object, random: Random, folder: Path) -> None:
    if random.random() < 0.3:
        table = tomllib.loads(random.choice(texts))
        skeleton = from_table("mine", _json_table(random, table))
    else:
        (folder / "mine.toml").write_bytes(_hostile_toml(random, texts))
        skeleton = load_skeleton(str(folder / "mine.toml"))
    assert from_table(skeleton.name, skeleton.to_table()) == skeleton
    SkeletonInfo.of(skeleton)
    skeleton.lines.sort()
    for other in skeletons.available():
        try:
            skeleton.indices_in(load_skeleton(other))
        except skeletons.SkeletonError:
            continue


def _json_table(random: Random, table: dict[str, object]) -> dict[str, object]:
    from nasion.documents import parse_json

    found = parse_json(change_json(random, table), "the table", ConfigError)
    return found if isinstance(found, dict) else {"count": found}


def _prepare_recipes(folder: Path) -> object:
    return [config.recipe_text(name) for name in config.available()]


def _setting(random: Random) -> str:
    sections = ("optimizer.lr", "schedule.epochs", "model.name", "model.widths", "model.blocks", "codec.temperature")
    others = (
        "crop.height",
        "crop.box",
        "augment.photo.blur_px",
        "seed",
        "data.sources",
        "loss.weight",
        "model",
        "a.b.c",
    )
    key = random.choice(
        (*sections, *others, "loss.name", "codec", "data", "model.stride", "init.model", "", ".", "a=b")
    )
    value = random.choice(
        (*NUMBERS, *WORDS, *map(str, VALUES[:-8]), "[1, 2, 3]", "[[[[" * 9000, "a." * 9000, "{a=1}", "unet")
    )
    return f"{key}{random.choice(('=', '=', '=', ' = ', ''))}{value}".replace("\udcff", "")


def _run_recipe(texts: object, random: Random, folder: Path) -> None:
    if random.random() < 0.5:
        (folder / "mine.toml").write_bytes(_hostile_toml(random, texts))
        settings = []
    else:
        (folder / "mine.toml").write_text(random.choice(texts), "utf-8")
        settings = [_setting(random) for _ in range(random.choice((1, 1, 2)))]
    found = config.load(str(folder / "mine.toml"), settings, random.choice(([], [], ["imm:x"])))
    registry.build_loss(found.loss)
    registry.options("models", found.model)
    if found.model.name != "resnet18" and found.crop.height * found.crop.width < 50_000:
        network = KeypointNetwork(found, 5)
        check_low_res(found, network)
        loss_of(found, network)
    registry.build_codec(found.codec, InputSpec(5, 3, (64, 64)))
    config.parse(found.model_dump())


MAPPINGS = (
    'from = "ibug-68"\nto = "nose-1"\npoints = "30"\n',
    'to = "three.toml"\npoints = "36+37+40 30-31"\n',
    'to = "ibug-68"\npoints = "0-16 - 18-26 27-67"\n',
)


def _prepare_measures(folder: Path) -> object:
    """Return a face, and the texts of definitions, templates and mappings by kind."""
    package = Path(measure.__file__).parent
    texts = {
        kind: [path.read_text("utf-8") for path in sorted((package / place).glob("*.toml"))]
        for kind, place in (("definitions", "defaults"), ("templates", "templates"))
    }
    texts["definitions"].append('[distances]\na = ["36-41", "right_eye nose_tip_0"]\nb = ["0 1-3", "30"]\n')
    texts["templates"].append('title = "a"\nsize = 64\n[points]\n"36-41" = [20, 20]\n"48 54" = [32, 50.5]\n')
    return render_face(0, 0, 0, "ibug-68"), {**texts, "mappings": list(MAPPINGS)}


def _run_measure(prepared: object, random: Random, folder: Path) -> None:
    rendered, texts = prepared
    kind = random.choice(list(texts))
    path = folder / "mine.toml"
    path.write_bytes(_hostile_toml(random, texts[kind]))
    (folder / "three.toml").write_text('count = 3\n[regions]\nall = "0-2"\n')
    face = _predicted(random, rendered.keypoints)
    if kind == "definitions":
        rows = measure.measure_definitions(face, measure.read_definitions(path, face.skeleton))
        assert all(isinstance(str(measured), str) for _, measured in rows)
    elif kind == "templates":
        try:
            found = measure.crop(face, rendered.image, measure.load_template(str(path)), random.choice((None, 1, 96)))
        except MeasurementError:
            return
        json.dumps(found.to_table(), allow_nan=False)
    else:
        mapping = load_mapping(path)
        annotation = datasets.load("synthetic:1?skeleton=ibug-68")
        assert mapping.apply(annotation).skeleton is mapping.skeleton


def _predicted(random: Random, keypoints: np.ndarray) -> Prediction:
    """Return a predicted face; some of its points may be missing or coincide."""
    points, skeleton = keypoints.copy(), load_skeleton("ibug-68")
    if random.random() < 0.2:
        points[random.sample(range(68), 30)] = random.choice((np.nan, 5.0, 1e6))
    spread = np.full(68, random.choice((1.0, 0.0, np.nan, 1e6)))
    return Prediction(points, spread, np.zeros((68, 2)), np.array([0.0, 0, 90, 90]), 1.0, skeleton)


KINDS = [
    Kind("measures, maps", 0.7, _prepare_measures, _run_measure),
    Kind("skeletons", 1.0, _prepare_skeletons, _run_skeleton),
    Kind("recipes and --set", 0.8, _prepare_recipes, _run_recipe),
]
