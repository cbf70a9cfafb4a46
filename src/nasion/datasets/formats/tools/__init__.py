"""Formats of labeling programs, and of one that trains on their labels.

CVAT, LabelMe and Label Studio draw labels on a canvas whose origin is the corner of the image, so the center of the
first pixel is at 0.5 in their files. Files that another program converted from COCO, without a shift, need
`?origin=0`.
"""
