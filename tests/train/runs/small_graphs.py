"""Small ONNX graphs written by hand, and what they compute."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def norm_values(number, channels=4, gamma=None):
    """Return the vectors (C,) of a batch normalization by name."""
    random = np.random.default_rng(number)
    return {
        f"n{number}.weight": random.uniform(-2, 2, channels).astype(np.float32) if gamma is None else gamma,
        f"n{number}.bias": random.normal(size=channels).astype(np.float32),
        f"n{number}.running_mean": random.normal(size=channels).astype(np.float32),
        f"n{number}.running_var": random.uniform(0.1, 3, channels).astype(np.float32),
    }


def normalized(norms=True, gamma=None):
    """Return images (B, 3, H, W) → Conv, BatchNormalization, Relu, Conv with a bias, BatchNormalization."""
    random = np.random.default_rng(0)
    values = {
        "c1.weight": random.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "c2.weight": random.normal(size=(5, 4, 1, 1)).astype(np.float32),
        "c2.bias": random.normal(size=5).astype(np.float32),
        **(norm_values(1, gamma=gamma) | norm_values(2, 5) if norms else {}),
    }

    def norm(number, source, out):
        if not norms:
            return [helper.make_node("Identity", [source], [out])]
        parts = [f"n{number}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        return [helper.make_node("BatchNormalization", [source, *parts], [out], epsilon=1e-5)]

    nodes = [
        helper.make_node("Conv", ["images", "c1.weight"], ["a"], pads=[1, 1, 1, 1]),
        *norm(1, "a", "b"),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Conv", ["c", "c2.weight", "c2.bias"], ["d"]),
        *norm(2, "d", "out"),
    ]
    return model_of(nodes, values, ("images", TensorProto.FLOAT, ["batch", 3, None, None]))


def model_of(nodes, values, source):
    """Return a model of nodes whose output is "out"."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(*source)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def initializers(model):
    """Return a copy of the stored arrays of a model by name."""
    return {each.name: numpy_helper.to_array(each).copy() for each in model.graph.initializer}


def run(model, value):
    """Return what ONNX Runtime computes for the model's only input."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: value})[0]
