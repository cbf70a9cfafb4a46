"""Write the 68 points of all faces in a folder into a table: dlib_landmarks.py MODEL FOLDER TABLE"""

import csv
import sys
from pathlib import Path

import dlib

model, folder, table = sys.argv[1:]
detector = dlib.get_frontal_face_detector()
predictor = dlib.shape_predictor(model)
with Path(table).open("w", newline="") as file:
    writer = csv.writer(file)
    for path in sorted(Path(folder).glob("*.png")):
        image = dlib.load_rgb_image(str(path))
        for box in detector(image, 1):
            shape = predictor(image, box)
            print(path.name, shape.num_parts, shape.rect == box, shape.part(0), shape.part(1))
            writer.writerow([path.name, *(value for part in shape.parts() for value in (part.x, part.y))])
