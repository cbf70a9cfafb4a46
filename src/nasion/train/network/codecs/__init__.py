"""Codecs: how a model's raw output represents keypoints and their uncertainty.

A codec is a file with `Options` and `build(options, spec) -> Codec`; see `nasion.train.network.interfaces`.
"""
