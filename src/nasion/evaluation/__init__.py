"""Errors of a model on labeled faces: scores, figures and the report."""
