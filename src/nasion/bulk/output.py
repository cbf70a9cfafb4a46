"""The output of a job, a folder or an address: tables, and in `_nasion` what is needed to resume.

    OUT/*.parquet                      the tables, one file per commit
    OUT/_nasion/job.json               what the job computes
    OUT/_nasion/manifest/*.parquet     ids and paths; a row group is the unit of work
    OUT/_nasion/committed/NNNN/        ids of the rows that attempt NNNN has committed, one file per table
    OUT/_nasion/started/               batches in progress, one file each; see `nasion.bulk.cluster.guard`
    OUT/_nasion/progress.json          counts; its heartbeat says whether a driver is running
    OUT/_nasion/summary.json           counts and rates at the end

Ray Data first writes the ids of a table as NAME.pending.parquet, then the table, and then renames the ids to
NAME.parquet, which commits the table. Tables without committed ids are deleted before an attempt starts.
"""

import json
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from nasion.atomic import ensure_writable, write_bytes
from nasion.bulk.reading import FileReader, is_refused, is_remote, load_fsspec
from nasion.datasets.formats.outputs.parquet import load_arrow
from nasion.errors import ModelError, NasionError, OutputError, one_line
from nasion.predict.parallel import map_in_order

__all__ = ["Counts", "Output", "WorkGroup"]

STATE = "_nasion"
COMMITTED, MANIFEST = f"{STATE}/committed", f"{STATE}/manifest"
PENDING = ".pending.parquet"
SUFFIX = ".parquet"

GROUPS_PER_PART = 16
"""Row groups in a file of the manifest."""

THREADS = 16
"""Files that are read at a time; most of the time is waiting."""


class WorkGroup(NamedTuple):
    """Rows of the manifest that are predicted and committed together.

    Attributes:
        part: the file of the manifest.
        group: the row group in it.
        rows: number of rows that are not committed.
        places: their places in the group; None for all.
    """

    part: str
    group: int
    rows: int
    places: tuple[int, ...] | None


class Counts(NamedTuple):
    """What is committed: images or videos, faces, and rows with an error."""

    images: int = 0
    faces: int = 0
    errors: int = 0

    def __add__(self, other: Any) -> "Counts":
        """Return the sums."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


class Output:
    """Where a job writes.

    Args:
        address: a folder, or an address such as s3://bucket/out.

    Raises:
        ConfigError: fsspec or the package for this kind of storage is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address if is_remote(address) else str(Path(address).resolve())
        with self.translated():
            self.storage, self.root = load_fsspec().core.url_to_fs(self.address)

    def path(self, *names: str) -> str:
        """Return the path of a file in the output, as `storage` names it."""
        return posixpath.join(self.root, *names)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the exceptions of storage packages into an `OutputError` of one line."""
        try:
            yield
        except NasionError:
            raise
        except Exception as error:
            raise output_error(self.address, error) from None

    def arrow_filesystem(self) -> Any:
        """Return the storage as a file system of pyarrow."""
        load_arrow()
        from pyarrow import fs

        return fs.PyFileSystem(fs.FSSpecHandler(self.storage)) if is_remote(self.address) else fs.LocalFileSystem()

    def check(self) -> None:
        """Write and delete a file.

        Raises:
            OutputError: that is impossible.
        """
        if not is_remote(self.address):
            ensure_writable(self.address)
            return
        with self.translated():
            self.storage.pipe_file(self.path(STATE, "writable"), b"1")
            self.storage.rm_file(self.path(STATE, "writable"))

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files in a folder of the output; none if there is no such folder."""
        with self.translated():
            self.storage.invalidate_cache()
            try:
                entries = self.storage.ls(self.path(folder) if folder else self.root, detail=True)
            except FileNotFoundError:
                return []
        return sorted(posixpath.basename(each["name"]) for each in entries if each["type"] == "file")

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return a file of `_nasion`; None if there is none."""
        with self.translated():
            try:
                content = self.storage.cat_file(self.path(STATE, name))
            except FileNotFoundError:
                return None
        try:
            return dict(json.loads(content))
        except ValueError:
            raise ModelError(f"{self.address}/{STATE}/{name} is damaged; choose another --out") from None

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Write a file of `_nasion` completely or not at all."""
        self.write(f"{STATE}/{name}", json.dumps(values, indent=1).encode() + b"\n")

    def remove_json(self, name: str) -> None:
        """Delete a file of `_nasion`."""
        with self.translated():
            self.storage.rm_file(self.path(STATE, name))

    def write(self, name: str, content: bytes) -> None:
        """Write a file completely or not at all."""
        if not is_remote(self.address):
            write_bytes(self.path(name), content)
            return
        with self.translated():
            self.storage.pipe_file(self.path(name), content)

    def read_table(self, name: str, columns: Sequence[str]) -> Any:
        """Return columns of a Parquet file of the output."""
        arrow = load_arrow()
        with self.translated(), self.storage.open(self.path(name), "rb") as file:
            return arrow.parquet.ParquetFile(file).read(columns=list(columns))

    def write_manifest(self, table: Any, group_rows: int) -> None:
        """Write the ids and paths of a job as row groups of `group_rows`."""
        arrow = load_arrow()
        with self.translated():
            for name in self.names(MANIFEST):  # of a driver that was killed before it had written the rest
                self.storage.rm_file(self.path(MANIFEST, name))
        rows = GROUPS_PER_PART * group_rows
        for number, start in enumerate(range(0, table.num_rows, rows)):
            buffer = arrow.BufferOutputStream()
            arrow.parquet.write_table(table.slice(start, rows), buffer, row_group_size=group_rows)
            self.write(f"{MANIFEST}/{number:06d}{SUFFIX}", buffer.getvalue().to_pybytes())

    def work(self, committed: Any) -> list[WorkGroup]:
        """Return what is left to do.

        Args:
            committed: Arrow array of the ids that are committed.
        """
        parts = (f"{MANIFEST}/{name}" for name in self.names(MANIFEST))
        return [group for part in map_in_order(self._groups_of(committed), parts, THREADS) for group in part]

    def _groups_of(self, committed: Any) -> Any:
        arrow = load_arrow()
        compute: Any = import_module("pyarrow.compute")

        def groups(part: str) -> list[WorkGroup]:
            found: list[WorkGroup] = []
            with self.translated(), self.storage.open(self.path(part), "rb") as content:
                file = arrow.parquet.ParquetFile(content)
                for group in range(file.num_row_groups):
                    names = file.read_row_group(group, ["id"]).column("id")
                    left = compute.invert(compute.is_in(names, value_set=committed)).to_pylist()
                    places = tuple(place for place, is_left in enumerate(left) if is_left)
                    if places:
                        found.append(WorkGroup(part, group, len(places), None if all(left) else places))
            return found

        return groups

    def read_group(self, work: WorkGroup) -> Any:
        """Return the rows of the manifest that a work group names; reading is tried again for a while."""
        content = load_arrow().BufferReader(FileReader()(f"{self.address}/{work.part}"))
        table = load_arrow().parquet.ParquetFile(content).read_row_group(work.group)
        return table if work.places is None else table.take(list(work.places))

    def attempts(self) -> list[str]:
        """Return the folders of committed ids, by attempt."""
        with self.translated():
            self.storage.invalidate_cache()
            try:
                entries = self.storage.ls(self.path(COMMITTED), detail=True)
            except FileNotFoundError:
                return []
        return sorted(
            f"{COMMITTED}/{posixpath.basename(each['name'].rstrip('/'))}" for each in entries if each["type"] != "file"
        )

    def commits(self) -> dict[str, str]:
        """Return the file with the committed ids of each table, by the name of the table without its suffix."""
        return {
            name.removesuffix(SUFFIX): f"{folder}/{name}"
            for folder in self.attempts()
            for name in self.names(folder)
            if not name.endswith(PENDING)
        }

    def remove_uncommitted(self) -> int:
        """Delete what an attempt left unfinished, and return the number of tables that were deleted.

        On object stores a rename is a copy and a deletion, so a pending file may remain beside its committed copy.
        """
        committed, removed = self.commits(), 0
        with self.translated():
            for name in self.names():
                if name.endswith(SUFFIX) and _commit_of(name) not in committed:
                    self.storage.rm_file(self.path(name))
                    removed += 1
            for folder in self.attempts():
                for name in self.names(folder):
                    if name.endswith(PENDING):
                        self.storage.rm_file(self.path(folder, name))
        return removed

    def committed_ids(self) -> Any:
        """Return the ids of all committed rows as an Arrow array."""
        arrow = load_arrow()
        files = self.commits().values()
        tables = list(map_in_order(lambda name: self.read_table(name, ["id"]), files, THREADS))
        names = arrow.schema([("id", arrow.string())])
        return arrow.concat_tables([names.empty_table(), *tables]).column("id").combine_chunks()

    def tables(self) -> list[str]:
        """Return the names of the committed tables."""
        committed = self.commits()
        return [name for name in self.names() if name.endswith(SUFFIX) and _commit_of(name) in committed]

    def count(self, tables: Sequence[str]) -> Counts:
        """Return the counts of tables."""
        return sum(map_in_order(self._count, tables, THREADS), Counts())

    def _count(self, name: str) -> Counts:
        arrow = load_arrow()
        with self.translated(), self.storage.open(self.path(name), "rb") as content:
            file = arrow.parquet.ParquetFile(content)
            is_video = "frame" in file.schema_arrow.names
            table = file.read(columns=["id", "error", "face" if is_video else "face_count"])
        errors = table.num_rows - table.column("error").null_count
        if is_video:
            faces = table.num_rows - table.column("face").null_count
            return Counts(len(table.column("id").unique()), faces, errors)
        return Counts(table.num_rows, sum(table.column("face_count").to_pylist()), errors)


def _commit_of(table: str) -> str:
    """Return the name under which the ids of a table are committed.

    >>> _commit_of("cb5_000003-0.parquet")
    'cb5_000003'
    """
    return table.removesuffix(SUFFIX).rpartition("-")[0]


def output_error(address: str, error: BaseException) -> OutputError:
    """Return the error of one line for an exception while writing to an address."""
    if isinstance(error, OutputError):
        return error
    refused = is_refused(error) or isinstance(error, PermissionError)
    remedy = "check the credentials" if refused and is_remote(address) else "choose another location"
    reason = getattr(error, "strerror", None) or one_line(error)[:200]
    return OutputError(f"cannot write {address}: {reason}; {remedy}")
