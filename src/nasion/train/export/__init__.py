"""A trained network as one `.onnx` file.

onnx_file.py   tracing, metadata, verification and writing      half.py     weights in 16 bits
parity.py      the difference from torch                        int8.py     convolutions in 8 bits
"""

from nasion.train.export.onnx_file import Exported, export

__all__ = ["Exported", "export"]
