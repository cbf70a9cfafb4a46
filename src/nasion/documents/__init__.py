"""TOML and JSON from files that another person or program may have written."""

from nasion.documents.reading import parse_json, parse_toml, read_json, read_text, read_toml

__all__ = ["parse_json", "parse_toml", "read_json", "read_text", "read_toml"]
