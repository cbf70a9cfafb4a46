"""Moving pictures: faces that are followed from frame to frame, keep their numbers, and whose points are smoothed.

>>> for frame in follow("clip.mp4"):                                # doctest: +SKIP
...     for face in frame.faces:
...         frame.time_s, face.number, face.found.keypoints
"""

from nasion.video.clip import Clip, open_clip
from nasion.video.follow import Followed, Follower, Frame, follow
from nasion.video.smooth import STRENGTHS, Smoother

__all__ = ["STRENGTHS", "Clip", "Followed", "Follower", "Frame", "Smoother", "follow", "open_clip"]
