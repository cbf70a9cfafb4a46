"""TOML, JSON and XML from files that another person or program may have written."""

from nasion.documents.reading import (
    parse_json,
    parse_toml,
    parse_xml,
    read_bytes,
    read_json,
    read_text,
    read_toml,
    read_xml,
)

__all__ = ["parse_json", "parse_toml", "parse_xml", "read_bytes", "read_json", "read_text", "read_toml", "read_xml"]
