"""The network behind a predictor: it maps crops to keypoints.

backend.py       the protocol, and the choice by a model's name
onnx_backend.py  an .onnx file in ONNX Runtime        onnx_file.py  its metadata, read before it is run
devices.py       ONNX Runtime's execution providers   outputs.py    checks of what a network returns
"""
