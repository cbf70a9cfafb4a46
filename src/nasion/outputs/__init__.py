"""What nasion hands to other programs, as data: the JSON objects, the columns of tables, and what labels may hold.

kinds.py     the kinds of JSON files, and their JSON Schema
schema.py    the JSON objects of faces and matches as pydantic models
names.py     the names that files and tables have in common
reports.py   those of scores, audits, findings in labels, crops, and bulk prediction
records.py   images with their faces, the form in which every format writes them
columns.py   tables: one row per face, or one row per keypoint
frames.py    tables for pandas
objects.py   faces for supervision and FiftyOne
"""
