"""The training of a detector: it learns, resumes exactly, and its file agrees with the network."""

import numpy as np
import pytest
import torch

from nasion.detect import PeakDetector, iou
from nasion.errors import ConfigError, ModelError
from nasion.train.detection import fit
from nasion.train.detection.fit import DetectorJob, train_detector
from nasion.train.detection.scenes import Scenes


@pytest.fixture
def job(blob):
    return DetectorJob([[blob("train", transparent=True)]], [], steps=4, batch=2, side=64, workers=0)


def state(folder):
    return torch.load(folder / fit.CHECKPOINT, weights_only=True)


def test_a_resumed_training_equals_an_undisturbed_one(job, tmp_path, monkeypatch):
    train_detector(job, tmp_path / "whole")
    monkeypatch.setattr(fit, "SAVE_SECONDS", 0)
    step = fit._step
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(fit, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_detector(job, tmp_path / "parts")
    monkeypatch.setattr(fit, "_step", step)
    assert state(tmp_path / "parts")["step"] == 2
    train_detector(job, tmp_path / "parts")
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    for name, value in whole["average_network"].items():
        torch.testing.assert_close(parts["average_network"][name], value, rtol=0, atol=0)


def test_without_faces_there_is_nothing_to_train(tmp_path):
    with pytest.raises(ConfigError, match="the data has no faces"):
        train_detector(DetectorJob([[]], []), tmp_path)


def test_a_damaged_checkpoint_is_one_line(job, tmp_path):
    (tmp_path / fit.CHECKPOINT).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"detector\.pt: cannot read this checkpoint .*; delete it to start again"):
        train_detector(job, tmp_path)


@pytest.mark.slow
def test_a_short_training_finds_blobs(blob, tmp_path):
    face = blob("learn", transparent=True)
    job = DetectorJob([[face]], [], steps=200, batch=8, side=128, workers=0)
    detector = PeakDetector(train_detector(job, tmp_path))
    scenes = [Scenes([[face]], [], 128, 77)(number) for number in range(30)]
    found = total = 0
    for scene in scenes:
        boxes, scores = detector.candidates(scene.image)
        for box in scene.boxes[(scene.boxes[:, 2:] - scene.boxes[:, :2]).max(1) > 20]:
            total += 1
            found += bool(len(boxes) and (iou(box, boxes[scores > 0.3]) > 0.4).any())
    assert found > 0.5 * total
    assert total > 10


def test_the_file_agrees_with_the_network(job, tmp_path):
    path = train_detector(job, tmp_path)
    detector = PeakDetector(path)
    network = fit.DetectorNetwork()
    network.load_state_dict(state(tmp_path)["average_network"])
    image = Scenes(job.sources, [], 128, 1)(0).image
    with torch.no_grad():
        logits, box = network.eval()(torch.from_numpy(image[None]))
    score, boxes = detector.session.run(None, {"images": image[None]})
    np.testing.assert_allclose(score[0], logits[0, 0].sigmoid(), atol=0.03)
    np.testing.assert_allclose(boxes[0], box[0], atol=0.2)
