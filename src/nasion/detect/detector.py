"""The detector that a `Predictor` uses."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nasion.detect import yunet
from nasion.detect.download import download_cached
from nasion.detect.nms import Detection
from nasion.detect.peaks import PeakDetector
from nasion.errors import DownloadError, ModelError
from nasion.sample import Image

__all__ = ["PACKAGED", "Detector", "best_detector"]

PACKAGED = "packaged"
"""Name of nasion's own detector, wherever the path of a detector's file can be given."""


class Detector(Protocol):
    """Finds faces; `name` appears in messages."""

    name: str

    def __call__(self, image: Image) -> list[Detection]:
        """Return the faces of an image (H, W, 3) uint8 RGB, best first; boxes in image px."""
        ...


def best_detector(weights: Path | None = None, notice: Callable[[str], None] = lambda _text: None) -> Detector:
    """Return the detector in a file, or YuNet from its download; without a network connection, nasion's own.

    Args:
        weights: a file of YuNet or of `nasion detector`; `PACKAGED` is nasion's own; None downloads YuNet once.
        notice: called with one line if nasion's own detector replaces YuNet.

    Raises:
        ModelError: `weights` is given and is not the file of a detector.
    """
    if str(weights) == PACKAGED:
        return PeakDetector()
    if weights is not None:
        return _from_file(weights)
    try:
        remedy = "give its file with --detector-weights (in Python, detector=FILE)"
        return yunet.YuNet(download_cached(yunet.YUNET_URL, yunet.YUNET_SHA256, "the face detector", remedy))
    except DownloadError as error:
        notice(f"{error}; using nasion's detector instead")
        return PeakDetector()


def _from_file(weights: Path) -> Detector:
    """Return the detector in a file: one that `nasion detector` wrote, or YuNet."""
    try:
        return PeakDetector(weights)
    except ModelError:
        return yunet.YuNet(weights)  # its error names the reason if it is none either
