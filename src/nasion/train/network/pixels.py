"""How pixels come into a network: one scale for all of them."""

__all__ = ["HALF_RANGE", "MID_GRAY"]

MID_GRAY, HALF_RANGE = 127.5, 63.75
"""Pixels are moved to about zero mean and unit deviation: half of the byte range is two deviations."""
