"""Trainings in these tests are quick."""

from train.loop.tiny_runs import quick

__all__ = ["quick"]
