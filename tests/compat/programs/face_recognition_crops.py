"""Cut each face out, and print its eyes: face_recognition_crops.py IMAGE"""

import sys

import face_recognition
from PIL import Image

image = face_recognition.load_image_file(sys.argv[1])
locations = face_recognition.face_locations(image, number_of_times_to_upsample=0, model="hog")
details = face_recognition.face_landmarks(image, face_locations=locations, model="small")
for (top, right, bottom, left), face in zip(locations, details, strict=True):
    crop = Image.fromarray(image[top:bottom, left:right])
    print(crop.size, {name: len(points) for name, points in face.items()}, face["left_eye"])
