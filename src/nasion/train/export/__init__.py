"""A trained network as one `.onnx` file.

onnx_file.py   tracing, metadata, verification and writing   int8.py              convolutions in 8 bits
parity.py      the difference from torch                     bias_correction.py   biases for rounded weights
half.py        weights in 16 bits
"""

from nasion.train.export.onnx_file import Exported, export

__all__ = ["Exported", "export"]
