"""Cut the faces of an image out upright: dlib_chips.py FIVE_POINT_MODEL IMAGE OUTPUT"""

import sys

import dlib

predictor = dlib.shape_predictor(sys.argv[1])
image = dlib.load_rgb_image(sys.argv[2])
faces = dlib.full_object_detections()
for box in dlib.get_frontal_face_detector()(image, 1):
    faces.append(predictor(image, box))
    print("parts:", [(part.x, part.y) for part in faces[-1].parts()])
chips = dlib.get_face_chips(image, faces, size=320)
print([chip.shape for chip in chips])
dlib.save_image(dlib.get_face_chip(image, faces[0]), sys.argv[3])
