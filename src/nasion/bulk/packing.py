"""A model and a detector as bytes, so that workers on other machines need neither their files nor a download."""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from nasion.detect import YuNet
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.predictor import Predictor

__all__ = ["PackedModel", "pack"]


class PackedModel(NamedTuple):
    """What a worker needs to predict.

    Attributes:
        name: the model's name.
        source: the content of its .onnx file, or the path of a run folder, which the worker must have, too.
        detector: the content of the file of YuNet; None for a model without a detector; otherwise the detector.
        options: the other arguments of `BulkPredictor`.
    """

    name: str
    source: bytes | str
    detector: Any
    options: dict[str, Any]

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `BulkPredictor` in a worker; files are written only while they are loaded."""
        with tempfile.TemporaryDirectory() as folder:
            model: Any = self.source
            if isinstance(self.source, bytes):
                file = Path(folder) / "model.onnx"
                file.write_bytes(self.source)
                model = OnnxBackend(file, self.name, device=self.options["device"])
            detector = self.detector
            if isinstance(detector, bytes):
                file = Path(folder) / "detector.onnx"
                file.write_bytes(detector)
                detector = YuNet(file)
        return {"model": model, "detector": detector, **self.options}


def pack(predictor: Predictor, model: str, options: dict[str, Any]) -> PackedModel:
    """Return a predictor as bytes.

    Args:
        predictor: what the workers do.
        model: the name, file or run folder from which it was loaded.
        options: the other arguments of `BulkPredictor`.

    Raises:
        ModelError: there is no detector.
    """
    backend = predictor.backend
    source = backend.path.read_bytes() if isinstance(backend, OnnxBackend) else str(Path(model).resolve())
    detector = None if predictor.uses_full_image else predictor.detector
    content = detector.path.read_bytes() if isinstance(detector, YuNet) else detector
    return PackedModel(backend.name, source, content, {"device": backend.device, **options})
