"""Draw the points of a face, and print how far its eyes are open: dlib_blink.py MODEL IMAGE OUTPUT"""

import sys

import cv2
import dlib
import numpy as np


def to_array(shape):
    points = np.zeros((shape.num_parts, 2), dtype="int")
    for k in range(shape.num_parts):
        points[k] = shape.part(k).x, shape.part(k).y
    return points


def openness(eye):
    height = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    return height / (2 * np.linalg.norm(eye[0] - eye[3]))


predictor = dlib.shape_predictor(sys.argv[1])
image = cv2.imread(sys.argv[2])
gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
for rect in dlib.get_frontal_face_detector()(gray, 0):
    points = to_array(predictor(gray, rect))
    print(f"open: {openness(points[36:42]):.2f} {openness(points[42:48]):.2f}")
    corner = rect.left() + rect.width(), rect.top() + rect.height()
    cv2.rectangle(image, (rect.left(), rect.top()), corner, (0, 255, 0), 2)
    for x, y in points:
        cv2.circle(image, (x, y), 1, (0, 0, 255), -1)
cv2.imwrite(sys.argv[3], image)
