"""A packed model needs none of the files it was packed from."""

import pickle

import numpy as np

from nasion.bulk.packing import pack
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor


def test_a_model_and_a_detector_survive_the_loss_of_their_files(tmp_path, yunet_file):
    (tmp_path / "mine.onnx").write_bytes(resolve("tiny").read_bytes())
    (tmp_path / "detector.onnx").write_bytes(yunet_file.read_bytes())
    predictor = Predictor(tmp_path / "mine.onnx", tmp_path / "detector.onnx")
    packed = pickle.dumps(pack(predictor, str(tmp_path / "mine.onnx"), {"min_score": 0.5, "max_spread": None}))
    for file in tmp_path.iterdir():
        file.unlink()
    again = Predictor(**pickle.loads(packed).arguments())
    assert (again.backend.name, again.min_score) == ("mine", 0.5)
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    (before,), (after,) = (each(image, [[10, 10, 60, 60]]) for each in (predictor, again))
    assert np.array_equal(before.keypoints, after.keypoints)
    assert again.detector(image) == predictor.detector(image)


def test_a_detector_without_a_file_is_packed_as_it_is(packaged_detector):
    packed = pack(Predictor("tiny", packaged_detector), "tiny", {"min_score": 0.0, "max_spread": None})
    assert type(pickle.loads(pickle.dumps(packed)).arguments()["detector"]) is type(packaged_detector)
