"""Face detectors: YuNet, and OpenCV's cascade as the offline fallback.

detector.py   the protocol, and the choice of a detector   nms.py           IoU and non-maximum suppression
yunet.py      YuNet                                        calibration.py   from a detector's box to the keypoints'
cascade.py    OpenCV's cascade                             download.py      verified downloads into the cache
"""

from nasion.detect.calibration import BoxCalibration, LandmarkCorrection
from nasion.detect.cascade import Cascade
from nasion.detect.detector import Detector, best_detector
from nasion.detect.nms import IOU_THRESHOLD, Detection, iou, non_max_suppression, suppress
from nasion.detect.yunet import YUNET_SHA256, YUNET_URL, YuNet

__all__ = [
    "IOU_THRESHOLD",
    "YUNET_SHA256",
    "YUNET_URL",
    "BoxCalibration",
    "Cascade",
    "Detection",
    "Detector",
    "LandmarkCorrection",
    "YuNet",
    "best_detector",
    "iou",
    "non_max_suppression",
    "suppress",
]
