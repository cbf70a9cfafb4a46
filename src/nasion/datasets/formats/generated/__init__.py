"""Faces that are made, not photographed: rendered heads."""
