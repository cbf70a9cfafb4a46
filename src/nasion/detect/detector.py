"""The detector that a `Predictor` uses by default."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nasion.detect import yunet
from nasion.detect.cascade import Cascade
from nasion.detect.download import download_cached
from nasion.detect.nms import Detection
from nasion.detect.peaks import PeakDetector
from nasion.errors import DownloadError, ModelError
from nasion.sample import Image

__all__ = ["Detector", "best_detector"]


class Detector(Protocol):
    """Finds faces; `name` appears in messages."""

    name: str

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        ...


def best_detector(weights: Path | None = None, notice: Callable[[str], None] = lambda _text: None) -> Detector:
    """Return YuNet from `weights` or from its download; without a network connection, OpenCV's cascade.

    Args:
        weights: YuNet's file; None downloads it once.
        notice: called with one line if the cascade replaces YuNet.

    Raises:
        ModelError: `weights` is given and is not YuNet's file, or there is neither a connection nor a cascade.
    """
    if weights is not None:
        return _from_file(weights)
    try:
        remedy = "give its file with --detector-weights (in Python, detector=FILE)"
        return yunet.YuNet(download_cached(yunet.YUNET_URL, yunet.YUNET_SHA256, "the face detector", remedy))
    except DownloadError as error:
        try:
            cascade = Cascade()
        except ModelError as missing:
            raise ModelError(f"{error}. The offline fallback is also missing: {missing}") from None
        notice(f"{error}; using OpenCV's cascade instead, which finds fewer faces")
        return cascade


def _from_file(weights: Path) -> Detector:
    """Return the detector in a file: one that `nasion train-detector` wrote, or YuNet."""
    try:
        return PeakDetector(weights)
    except ModelError:
        return yunet.YuNet(weights)  # its error names the reason if it is none either
