"""From an image to its keypoints, without torch.

predictor.py      detection, crop, network, keypoints back in the image, and a refinement pass
backends/         the network: an .onnx file or a run folder           model_zoo.py   the models by name
parallel.py       a map over threads that keeps the order
crop.py           what a network sees of an image                      boxes.py       boxes that users give
image_files.py    prediction for files, folders and standard input     writers.py     keypoints as files
migration.py      reading what earlier versions stored         shards.py      parts of the images for other processes
"""
