"""What labels hold, and what a format cannot store of it."""

import numpy as np

from nasion.datasets import load
from nasion.datasets.contents import contents_of
from nasion.outputs.records import Content


def test_contents_are_those_that_matter():
    faces = load("synthetic:12?skeleton=ibug-68")
    assert contents_of(faces) == {Content.SUBJECTS, Content.SPLITS, Content.FRACTIONS}
    one = faces.subset([faces.annotations[0], faces.annotations[6]])
    assert Content.SUBJECTS not in contents_of(one)  # each in one image: the photo says the same
    whole = faces.subset([])
    face = faces.annotations[0]
    np.rint(face.keypoints, out=face.keypoints)
    assert Content.FRACTIONS not in contents_of(whole.subset([face]))
