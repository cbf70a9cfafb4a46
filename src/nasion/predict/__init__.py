"""From an image to its keypoints, without torch.

predictor.py      detection, crop, network, keypoints back in the image, and a refinement pass
backend.py        the network as prediction sees it: an .onnx file or a run folder
onnx_backend.py   an .onnx file in ONNX Runtime, and its metadata       model_zoo.py   the models in the package
crop.py           what a network sees of an image                      boxes.py       boxes that users give
image_files.py    prediction for files, folders and standard input     writers.py     keypoints as files
migration.py      reading what earlier versions stored
"""

from nasion.predict.backend import Backend, load_backend
from nasion.predict.predictor import Predictor

__all__ = ["Backend", "Predictor", "load_backend"]
