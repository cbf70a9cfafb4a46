"""Print each face with its score, and whether the largest one covers the middle: dlib_scores.py IMAGE"""

import sys

import dlib

image = dlib.load_grayscale_image(sys.argv[1])
boxes, scores, kinds = dlib.get_frontal_face_detector().run(image, 1, -1)
for box, score, kind in zip(boxes, scores, kinds, strict=True):
    print(f"{box} score {score:.2f} kind {kind}")
largest = max(boxes, key=lambda box: box.area())
frame = dlib.rectangle(0, 0, image.shape[1] - 1, image.shape[0] - 1)
print("inside:", frame.contains(largest), "center:", largest.contains(largest.center()))
