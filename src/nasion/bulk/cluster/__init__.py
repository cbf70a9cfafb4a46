"""Bulk prediction on Ray.

session.py     Ray, started here or connected       ray_errors.py  exceptions of Ray as one line
worker.py      what a process of Ray does           guard.py       images that kill their worker
"""
