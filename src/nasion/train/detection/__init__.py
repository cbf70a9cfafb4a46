"""Training of a face detector on composed scenes; `nasion.detect.peaks` runs it.

scenes.py    faces pasted on backgrounds, with their boxes    network.py   the network and its loss
targets.py   boxes → maps                                     fit.py       the training
onnx.py      the trained network as an 8-bit .onnx file
"""
