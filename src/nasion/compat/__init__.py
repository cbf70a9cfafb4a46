"""Replacements for dlib, face_alignment and face_recognition: a program changes only its import.

    from nasion.compat import dlib                  # instead of: import dlib
    from nasion.compat import face_alignment        # instead of: import face_alignment
    from nasion.compat import face_recognition      # instead of: import face_recognition

Each module has the functions that find faces and their 68 points, with the arguments, types and shapes of the original.
All three share one `nasion.Predictor`, made on first use; `use` replaces it.
docs/how-to/coming-from.md compares the packages.
"""

from nasion.compat.shared import use

__all__ = ["use"]
