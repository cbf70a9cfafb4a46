"""Moving pictures: faces that are followed from frame to frame, keep their numbers, and whose points are smoothed.

>>> for frame in follow("clip.mp4"):                                # doctest: +SKIP
...     for face in frame.faces:
...         frame.time_s, face.number, face.found.keypoints
"""

from nasion.video.reader import Clip, open_clip
from nasion.video.smooth import STRENGTHS, Smoother
from nasion.video.track import FaceTracker, Frame, TrackedFace, follow

__all__ = ["STRENGTHS", "Clip", "FaceTracker", "Frame", "Smoother", "TrackedFace", "follow", "open_clip"]
