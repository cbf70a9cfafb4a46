"""Training data.

faces.py     the faces of a configuration, with their splits      batches.py   cached faces, crops and batches
augment.py   random variation, sampled once and applied           preview.py   what the network sees, as an image
"""
