"""Face detectors: YuNet, and nasion's own, which needs no download.

detector.py   the protocol, and the choice of a detector   nms.py           IoU and non-maximum suppression
yunet.py      YuNet                                        calibration.py   from a detector's box to the keypoints'
peaks.py      nasion's own detector                        download.py      verified downloads into the cache
search.py     the search at several scales
"""

from nasion.detect.calibration import BoxCalibration, LandmarkCorrection
from nasion.detect.detector import PACKAGED, Detector, best_detector
from nasion.detect.nms import IOU_THRESHOLD, Detection, iou, non_max_suppression, suppress
from nasion.detect.peaks import PeakDetector
from nasion.detect.yunet import YUNET_SHA256, YUNET_URL, YuNet

__all__ = [
    "IOU_THRESHOLD",
    "PACKAGED",
    "YUNET_SHA256",
    "YUNET_URL",
    "BoxCalibration",
    "Detection",
    "Detector",
    "LandmarkCorrection",
    "PeakDetector",
    "YuNet",
    "best_detector",
    "iou",
    "non_max_suppression",
    "suppress",
]
