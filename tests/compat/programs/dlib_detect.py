"""Print the boxes of the faces in each image: dlib_detect.py IMAGE ..."""

import sys

import dlib

detector = dlib.get_frontal_face_detector()
for name in sys.argv[1:]:
    image = dlib.load_rgb_image(name)
    boxes = detector(image, 1)
    print(f"{len(boxes)} faces in {image.shape}")
    for number, box in enumerate(boxes):
        print(number, box.left(), box.top(), box.right(), box.bottom(), box.area() == box.width() * box.height())
