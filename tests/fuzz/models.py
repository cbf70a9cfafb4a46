"""Model files and run folders: loaded, and used for a prediction."""

import json
import pickle
import shutil
import warnings
import zipfile
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper

from fuzz.mutations import change_bytes, change_json, change_text, encode
from fuzz.workers import Kind
from nasion import draw
from nasion.predict.backends.onnx_backend import METADATA
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.train.config import parse
from nasion.train.runs.warm_start import load_trained
from train.loop.tiny_runs import CNN, plain, untrained_run

IMAGE = np.random.default_rng(0).integers(0, 40, (90, 120, 3), dtype=np.uint8)
BOXES = [[20, 10, 100, 80], None, [-50, -50, 200.5, 300]]


def _predict(model: Path) -> None:
    """Predict the points of two boxes, draw them and describe them."""
    torch.set_num_threads(1)
    predictor = Predictor(model)
    faces = predictor(IMAGE, BOXES)
    draw.draw_predictions(IMAGE, faces, with_spread=True)
    json.dumps([face.to_dict() for face in faces])


def _prepare_runs(folder: Path) -> object:
    untrained_run(folder / "unet", plain())
    untrained_run(folder / "cnn", plain(CNN, crop={"height": 32, "width": 32, "channels": 3, "refine": 2}))
    for each in (folder / "unet", folder / "cnn"):
        (each / "scores.json").write_text(json.dumps({"split": "val", "relative_spread/max": 0.1, "nme": {"a": 0.03}}))
    return folder


def _run_run(folder: object, random: Random, place: Path) -> None:
    """Change `run.json` or `scores.json` of a run folder."""
    run = place / "run"
    shutil.copytree(folder / random.choice(("unet", "cnn")), run)
    path = run / random.choice(("run.json",) * 6 + ("scores.json",))
    content, kind = path.read_bytes(), random.random()
    if kind < 0.65:
        path.write_bytes(encode(random, change_json(random, json.loads(content))))
    elif kind < 0.85:
        path.write_bytes(encode(random, change_text(random, content.decode())))
    else:
        path.write_bytes(change_bytes(random, content, [content]))
    _predict(run)


class _Code:
    """What would run a program if it were unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("echo a program was run >&2",)


def _hostile_state(random: Random, state: dict[str, object]) -> object:
    name = random.choice([name for name, value in state["weights"].items() if value.is_floating_point()])
    tensors = (
        *(
            torch.zeros(2, 3),
            torch.full_like(state["weights"][name], torch.nan),
            torch.zeros(0),
            torch.zeros((), dtype=torch.complex64),
        ),
        *(
            torch.empty(3, device="meta"),
            torch.sparse_coo_tensor([[0]], [1.0], [3], check_invariants=True),
            torch.zeros(1).expand(10**9),
        ),
        *(
            torch.ones_like(state["weights"][name]) * 1e30,
            state["weights"][name].double(),
            torch.zeros(3, dtype=torch.bool),
        ),
    )
    others = (None, 3, "x", [], {}, {"weights": 3}, {"weights": {}}, {"weights": {"a": 1}}, [state], {1: 2}, _Code())
    match random.randrange(4):
        case 0:
            return random.choice(others)
        case 1:
            return {**state, "format_version": random.choice((None, 99, "x", 1e308, -1, [1]))}
        case 2:
            return {**state, "weights": {**state["weights"], name: random.choice(others[:5])}}
    return {**state, "weights": {**state["weights"], name: random.choice(tensors)}}


def _run_checkpoint(folder: object, random: Random, place: Path) -> None:
    """Change the weights of a run folder."""
    run = place / "run"
    shutil.copytree(folder / random.choice(("unet", "cnn")), run)
    path = run / "checkpoints" / "best.pt"
    content, kind = path.read_bytes(), random.random()
    if kind < 0.5:
        buffer = BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch validates the sparse tensors of earlier inputs again
            state = _hostile_state(random, torch.load(path, weights_only=True))
        torch.save(state, buffer, _use_new_zipfile_serialization=random.random() < 0.8)
        content = buffer.getvalue()
    if kind > 0.4:
        content = change_bytes(random, content, [content])
    if 0.3 < kind < 0.4:
        content = _rezipped(random, content)
    if kind < 0.03:
        content = pickle.dumps(random.choice((_Code(), [1, 2], {"weights": {}})))
    path.write_bytes(content)
    _predict(run)


def _rezipped(random: Random, content: bytes) -> bytes:
    """Return a checkpoint in whose archive one file is changed."""
    buffer = BytesIO()
    try:
        with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
            chosen = random.choice(old.namelist())
            for name in old.namelist():
                data = old.read(name)
                new.writestr(name, change_bytes(random, data, [data]) if name == chosen else data)
    except zipfile.BadZipFile:
        return content
    return buffer.getvalue()


def _prepare_files(folder: Path) -> object:
    from predict.backends.test_onnx_backend import header, make_model

    small = make_model(folder / "small.onnx", header(config=parse(plain().model_dump()).model_dump())).read_bytes()
    return [small, small, resolve("tiny").read_bytes()]


def _run_file(contents: object, random: Random, place: Path) -> None:
    """Change an .onnx file: its bytes, its metadata, or its graph."""
    content, kind = random.choice(contents), random.random()
    if kind < 0.3:
        content = change_bytes(random, content, contents)
    else:
        model = onnx.load_model_from_string(content)
        if kind < 0.6:
            _change_metadata(random, model)
        else:
            _change_graph(random, model)
            _change_hash(model)
        content = model.SerializeToString()
        if kind > 0.95:
            content = change_bytes(random, content, contents)
    (place / "a.onnx").write_bytes(content)
    if random.random() < 0.3:
        load_trained(str(place / "a.onnx"))
    _predict(place / "a.onnx")


def _entry(model: onnx.ModelProto) -> onnx.StringStringEntryProto:
    return next(each for each in model.metadata_props if each.key == METADATA)


def _change_metadata(random: Random, model: onnx.ModelProto) -> None:
    entry = _entry(model)
    table = json.loads(entry.value)
    table["file_sha256"] = ""
    text = change_json(random, table) if random.random() < 0.8 else change_text(random, entry.value)
    entry.value = text.encode("utf-8", "replace").decode()
    if random.random() < 0.1:
        entry.key = random.choice(("", "Nasion", "x" * 1000))


def _change_hash(model: onnx.ModelProto) -> None:
    entry = _entry(model)
    entry.value = json.dumps({**json.loads(entry.value), "file_sha256": ""})


def _change_graph(random: Random, model: onnx.ModelProto) -> None:
    graph = model.graph
    tensor = random.choice(graph.initializer)
    node = random.choice(graph.node)
    match random.randrange(10):
        case 0:
            values = numpy_helper.to_array(tensor).copy()
            hostile = (np.nan, np.inf, 1e30, 0) if values.dtype.kind == "f" else (0, 1, 100)
            values.fill(random.choice(hostile))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        case 1:
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=random.choice(("a.onnx", "/etc/passwd", "../x", "")))
        case 2:
            tensor.dims[:] = [random.choice((-1, 0, 3, 10**6, 2**62)) for _ in range(random.randrange(4))]
        case 3:
            graph.node.remove(node)
        case 4:
            node.op_type = random.choice(("", "Conv", "Loop", "Identity", "Resize", "NonZero", "Softmax", "Nothing"))
        case 5 if node.attribute:
            attribute = random.choice(node.attribute)
            attribute.ints[:] = [random.choice((-1, 0, 2, 2**31, 2**40)) for _ in attribute.ints]
            attribute.i = random.choice((-1, 0, 2, 2**31, 2**62))
        case 6 if node.input:
            node.input[random.randrange(len(node.input))] = random.choice((*node.output, "", "crops", tensor.name))
        case 7:
            value = random.choice((*graph.input, *graph.output)).type.tensor_type
            value.elem_type = random.choice((TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64, 0, 99))
        case 8:
            dims = random.choice((*graph.input, *graph.output)).type.tensor_type.shape.dim
            random.choice(dims).dim_value = random.choice((-1, 0, 1, 2, 10**6, 2**62))
        case _:
            model.opset_import[0].version = random.choice((0, -1, 1, 9, 18, 99, 2**40))


KINDS = [
    Kind("run.json, scores.json", 0.7, _prepare_runs, _run_run),
    Kind("checkpoints", 0.6, _prepare_runs, _run_checkpoint),
    Kind(".onnx files", 0.8, _prepare_files, _run_file),
]
