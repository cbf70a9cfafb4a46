"""Keypoints drawn on images, and images arranged on sheets."""
