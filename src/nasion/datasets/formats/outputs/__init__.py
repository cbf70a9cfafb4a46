"""Formats of nasion's own outputs: JSON, long tables and Parquet; wide tables are in `formats/csv.py`."""
