"""Store the points of all images in a folder: face_alignment_folder.py FOLDER OUTPUT"""

import sys

import face_alignment
import numpy as np

aligner = face_alignment.FaceAlignment(face_alignment.LandmarksType.TWO_D, device="cpu")
found = aligner.get_landmarks_from_directory(sys.argv[1], extensions=[".png"], show_progress_bar=False)
np.savez(sys.argv[2], **{name: faces[0] for name, faces in found.items() if faces is not None})
print(len(found), {len(faces) for faces in found.values()})
