"""Print the points of all faces in an image: face_alignment_image.py IMAGE"""

import sys

import face_alignment
from skimage import io

aligner = face_alignment.FaceAlignment(face_alignment.LandmarksType.TWO_D, flip_input=False, device="cpu")
image = io.imread(sys.argv[1])
for points in aligner.get_landmarks(image):
    print(points.shape, points.dtype, points[30].tolist())
