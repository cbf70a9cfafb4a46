"""The images or videos of a job: a manifest, a folder, or the files below an address of a bucket."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from nasion.bulk.reading import is_refused, is_remote, load_fsspec
from nasion.datasets.folders import files_below
from nasion.datasets.formats.outputs.parquet import load_arrow
from nasion.errors import AnnotationError, ConfigError, ImageError, one_line
from nasion.images import SUFFIXES, VIDEO_SUFFIXES

__all__ = ["list_source"]

MANIFESTS = ".csv", ".parquet"
"""Suffixes of manifests."""


def list_source(source: str, video: bool = False) -> Any:
    """Return an Arrow table with the columns id and path, strings, of what a job works on.

    Args:
        source: a manifest, a .csv or .parquet file with the column path and optionally id; or a folder or an address,
            below which all images are listed. Relative paths in a manifest start at its folder.
        video: whether videos are listed, not images.

    Raises:
        ImageError: the folder has no such files.
        AnnotationError: the manifest cannot be read, has no column path, an empty cell, or an id twice.
        ConfigError: the storage cannot be reached, or its package is not installed.
    """
    arrow = load_arrow()
    if PurePosixPath(source).suffix.lower() in MANIFESTS:
        return _read_manifest(source, arrow)
    paths = _list_files(source, VIDEO_SUFFIXES if video else SUFFIXES)
    if not paths:
        kind, suffixes = ("videos", VIDEO_SUFFIXES) if video else ("images", SUFFIXES)
        raise ImageError(f"{source}: no {kind} below it ({', '.join(suffixes[:4])}, …); check the path")
    names = arrow.array(paths, arrow.string())
    return arrow.table({"id": names, "path": names})


def _list_files(source: str, suffixes: Iterable[str]) -> list[str]:
    known = tuple(suffixes)
    if not is_remote(source):
        folder = Path(source)
        if not folder.is_dir():
            raise ImageError(f"{source}: no such folder or manifest ({' or '.join(MANIFESTS)}); check the path")
        return [str(path.resolve()) for path in files_below(folder) if path.suffix.lower() in known]
    try:
        storage, root = load_fsspec().core.url_to_fs(source)
        found = storage.find(root)
    except Exception as error:  # every storage package has its own tree of exceptions
        raise _unreachable(source, error) from None
    return [storage.unstrip_protocol(path) for path in sorted(found) if path.lower().endswith(known)]


def _unreachable(source: str, error: Exception) -> ConfigError:
    refused = is_refused(error) or isinstance(error, PermissionError)
    remedy = "check the credentials" if refused else "check the address"
    return ConfigError(f"{source}: cannot be listed or read ({one_line(error)[:200]}); {remedy}")


def _read_manifest(source: str, arrow: Any) -> Any:
    table = _read_table(source, arrow)
    if "path" not in table.column_names:
        raise AnnotationError(f"{source} has no column path, only {', '.join(table.column_names)[:200]}; add it")
    paths = table.column("path").cast(arrow.string())
    names = table.column("id").cast(arrow.string()) if "id" in table.column_names else paths
    if not table.num_rows:
        raise AnnotationError(f"{source} has no rows; list at least one path")
    if paths.null_count or names.null_count:
        raise AnnotationError(f"{source} has an empty path or id; fill or remove its row")
    counts = names.value_counts()
    if len(counts) < len(names):
        twice = next(each["values"] for each in counts.to_pylist() if each["counts"] > 1)
        raise AnnotationError(f'{source} has the id "{twice}" twice; ids must be unique')
    folder = source.rpartition("/")[0] if is_remote(source) else str(Path(source).resolve().parent)
    full = [path if is_remote(path) or path.startswith("/") else f"{folder}/{path}" for path in paths.to_pylist()]
    return arrow.table({"id": names.combine_chunks(), "path": arrow.array(full, arrow.string())})


def _read_table(source: str, arrow: Any) -> Any:
    from pyarrow import csv

    try:
        with load_fsspec().open(source if is_remote(source) else f"file://{Path(source).resolve()}", "rb") as file:
            if source.lower().endswith(".csv"):
                strings = csv.ConvertOptions(column_types={"id": arrow.string(), "path": arrow.string()})
                return csv.read_csv(file, convert_options=strings)
            return arrow.parquet.read_table(file)
    except arrow.ArrowException as error:
        raise AnnotationError(f"{source}: not a table: {one_line(error)[:200]}") from None
    except FileNotFoundError:
        raise AnnotationError(f"{source}: no such manifest; check the path") from None
    except Exception as error:  # every storage package has its own tree of exceptions
        raise _unreachable(source, error) from None
