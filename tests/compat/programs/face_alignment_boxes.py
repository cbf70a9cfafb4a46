"""Find faces once, and follow the points in the same boxes, with scores: face_alignment_boxes.py IMAGE"""

import sys

import face_alignment
import numpy as np

aligner = face_alignment.FaceAlignment(face_alignment.LandmarksType.TWO_D, device="cpu", face_detector="sfd")
points, _, boxes = aligner.get_landmarks_from_image(sys.argv[1], return_bboxes=True)
again, scores, _ = aligner.get_landmarks_from_image(sys.argv[1], detected_faces=boxes, return_landmark_score=True)
for box, first, second, score in zip(boxes, points, again, scores, strict=True):
    x0, y0, x1, y1, confidence = box
    print(f"box {x1 - x0:.0f} x {y1 - y0:.0f}, {confidence:.2f}, moved {np.abs(first - second).max() < 3}", score.shape)
