"""Faces tracked through video: each face keeps its number from frame to frame, and its keypoints are smoothed.

>>> for frame in follow("clip.mp4"):                                # doctest: +SKIP
...     for face in frame.faces:
...         frame.time_s, face.number, face.prediction.keypoints

reader.py   frames and sound packets of a video file    track.py     face numbers across frames
writer.py   an .mp4 file with sound                     smooth.py    temporal smoothing of keypoints
clock.py    increasing times from timestamps            process.py   a clip's faces as a video and a table
                                                        camera.py    a camera in a window
"""

from nasion.video.reader import Clip, open_clip
from nasion.video.smooth import STRENGTHS, Smoother
from nasion.video.track import FaceTracker, Frame, TrackedFace, follow
from nasion.video.writer import ClipWriter

__all__ = ["STRENGTHS", "Clip", "ClipWriter", "FaceTracker", "Frame", "Smoother", "TrackedFace", "follow", "open_clip"]
