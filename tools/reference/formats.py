"""The page of the formats, from the modules that read and write them."""

from nasion import datasets
from nasion.datasets.convert import writable_formats
from nasion.outputs.records import Content
from tables import table

HEAD = """# Formats

A dataset is `format:source?option=value&…`, such as `imm:data/imm` or `'csv:faces.csv?skeleton=mine.toml'`.
`nasion formats` prints this list, and `nasion convert` writes one format as another
([how](../how-to/convert-labels.md)). Coordinates are read into the one convention of nasion: 0-based, (0, 0) is
the center of the top-left pixel.

"""


def pages() -> dict[str, str]:
    """Return the page."""
    rows = []
    for name in datasets.available():
        source, _, text = datasets.module(name).DESCRIPTION.partition("  ")
        options = "<br>".join(f"`?{option}=` {meaning}" for option, meaning in datasets.module(name).OPTIONS.items())
        rows.append((f"`{source}`", text.strip(), options))
    common = "\n".join(f"- `?{option}=` {meaning}" for option, meaning in datasets.COMMON_OPTIONS.items())
    stored = [
        (f"`{name}`", *("✓" if each in datasets.module(name).STORES else "" for each in Content))
        for name in sorted(writable_formats())
    ]
    return {
        "reference/formats.md": HEAD
        + table(("name", "labels", "options"), rows)
        + f"\nOptions of every format:\n\n{common}\n\n## What each format stores\n\n"
        + table(("format", *(each.value for each in Content)), stored)
    }
