"""The file of a detector: integers inside, bytes at its entrance, images of any size."""

import numpy as np
import onnx
import onnxruntime
import torch

from nasion.detect.peaks import BOX, IMAGES, SCORE
from nasion.train.detection.network import DetectorNetwork
from nasion.train.detection.onnx import write_detector


def trained():
    """Return a network whose layers all matter."""
    torch.manual_seed(0)
    network = DetectorNetwork()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.normal_(module.bias, std=0.2)
    return network.eval()


def test_the_file_agrees_with_the_network_on_images_of_any_size(tmp_path):
    network = trained()
    random = np.random.default_rng(0)
    scenes = [random.integers(0, 256, (64, 128, 3), np.uint8) for _ in range(4)]
    write_detector(network, scenes, tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    for size in ((64, 128), (192, 64)):
        image = random.integers(0, 256, (1, *size, 3), np.uint8)
        score, box = session.run([SCORE, BOX], {IMAGES: image})
        with torch.no_grad():
            logits, boxes = network(torch.from_numpy(image))
        np.testing.assert_allclose(score, logits[:, 0].sigmoid(), atol=0.05)
        assert np.abs(box - boxes.numpy()).mean() < 0.1


def test_no_float_copy_of_the_image_is_made(tmp_path):
    write_detector(trained(), [np.zeros((64, 64, 3), np.uint8)], tmp_path / "a.onnx")
    graph = onnx.load(tmp_path / "a.onnx").graph
    (first,) = (node for node in graph.node if IMAGES in node.input)
    assert first.op_type == "Transpose"
    assert "Cast" not in {node.op_type for node in graph.node}
