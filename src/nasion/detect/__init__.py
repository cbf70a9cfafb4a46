"""Face detectors."""

from nasion.detect.yunet import *  # noqa: F403
