"""How labels enter the loss.

offsets.py    learned offsets: weak labels, and sources whose labelers define the points differently
contours.py   weaker errors along the lines of a skeleton
"""
