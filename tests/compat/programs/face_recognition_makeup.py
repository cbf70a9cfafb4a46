"""Color the lips and brows of each face: face_recognition_makeup.py IMAGE OUTPUT"""

import sys

import face_recognition
from PIL import Image, ImageDraw

pixels = face_recognition.load_image_file(sys.argv[1])
picture = Image.fromarray(pixels)
brush = ImageDraw.Draw(picture, "RGBA")
for face in face_recognition.face_landmarks(pixels):
    for name in ("left_eyebrow", "right_eyebrow"):
        brush.line(face[name], fill=(60, 40, 20, 180), width=4)
    for name in ("top_lip", "bottom_lip"):
        brush.polygon(face[name], fill=(160, 0, 30, 120))
    brush.line([*face["left_eye"], face["left_eye"][0]], fill=(0, 0, 0, 120), width=3)
picture.save(sys.argv[2])
