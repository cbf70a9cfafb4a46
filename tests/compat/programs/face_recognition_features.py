"""Print the parts of each face: face_recognition_features.py IMAGE"""

import sys

import face_recognition

image = face_recognition.load_image_file(sys.argv[1])
faces = face_recognition.face_landmarks(image)
print(f"{len(faces)} faces")
for face in faces:
    for name, points in face.items():
        print(f"{name}: {points}")
