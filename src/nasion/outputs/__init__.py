"""What nasion hands to other programs, as data: the JSON objects, the columns of tables, and what labels may hold.

schema.py    the JSON objects as pydantic models, and their JSON Schema
records.py   images with their faces, the form in which every format writes them
columns.py   tables: one row per face, or one row per keypoint
frames.py    tables for pandas
objects.py   faces for supervision and FiftyOne
"""
