"""Errors of a model on labelled faces: scores, figures and the report."""
