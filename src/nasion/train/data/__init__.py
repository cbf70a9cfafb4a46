"""Faces, batches and augmentation."""
