"""Heads of packaged skeletons, of stored models without a head, and of the user's own skeletons."""

from dataclasses import replace

import numpy as np
import pytest

from measure.measured_faces import HEAD, IBUG
from nasion.errors import SkeletonError
from nasion.measure import heads
from nasion.measure.heads import UNKNOWN_VARIATION_CM, head_of
from nasion.skeleton import load_skeleton


def test_head_of_68_points_has_the_size_of_a_head():
    head = head_of(IBUG)
    assert np.array_equal(head.points, HEAD)
    assert head.modes.shape == (15, 68, 3)
    assert np.linalg.norm(HEAD[36] - HEAD[45]) == pytest.approx(8.9, abs=0.3)  # outer corners of the eyes, cm
    mirrored = HEAD[list(IBUG.flip)] * [-1, 1, 1]
    assert np.abs(mirrored - HEAD).max() < 0.02
    assert HEAD[45, 0] > 0  # x towards the person's left
    assert HEAD[30, 2] == HEAD[:, 2].max()  # z forward
    assert HEAD[8, 1] == HEAD[:, 1].min()  # y up


def test_stored_models_get_the_head_of_the_package():
    assert head_of(replace(IBUG, head=None)) is head_of(IBUG)


def test_own_heads_have_an_assumed_variation():
    own = replace(IBUG, head=tuple(map(tuple, (2 * HEAD).tolist())))
    assert np.array_equal(head_of(own).points, 2 * HEAD)
    assert (head_of(own).rest == UNKNOWN_VARIATION_CM).all()
    assert head_of(replace(own, name="mine")).modes.shape == (0, 68, 3)


def test_packaged_skeletons_without_a_variation_file_have_an_assumed_variation(monkeypatch):
    nose = replace(load_skeleton("nose-1"), head=((0.0, 0.0, 1.0),))
    monkeypatch.setattr(heads, "load_skeleton", lambda name: nose)
    heads._packaged_head.cache_clear()
    try:
        assert (head_of(nose).rest == UNKNOWN_VARIATION_CM).all()
    finally:
        heads._packaged_head.cache_clear()


def test_skeletons_without_a_head_say_so():
    for name in ("imm-58", "nose-1"):
        with pytest.raises(SkeletonError, match="no points in three dimensions"):
            head_of(load_skeleton(name))
    with pytest.raises(SkeletonError, match="no points in three dimensions"):
        head_of(replace(IBUG, head=None, names=tuple(f"p{k}" for k in range(68))))
