"""The data sets that people start from: their terms, their download, and the proof that they are whole."""

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from nasion import datasets
from nasion.atomic import ensure_writable, fingerprint
from nasion.errors import DownloadError, NasionError, nearest

__all__ = ["SOURCES", "Source", "get", "unpack"]


@dataclass(frozen=True)
class Source:
    """A data set that can be fetched.

    Attributes:
        title, terms, cite: what a person must know before using it.
        urls: tried in order.
        home: where it can be had by hand.
        form: the format that reads it.
        faces: how many it holds.
        suffixes: of the files that make it.
        fingerprint: `files.fingerprint` over those files as one flat folder; empty if none is known.
    """

    title: str
    terms: str
    cite: str
    urls: tuple[str, ...]
    home: str
    form: str
    faces: int
    suffixes: tuple[str, ...]
    fingerprint: str = ""


SOURCES = {
    "imm": Source(
        title="IMM Face Database: 40 people x 6 views, 58 points by hand",
        terms="free for education and research, with reference to:",
        cite='M. M. Nordstrøm, M. Larsen, J. Sierakowski, M. B. Stegmann, "The IMM Face Database: An Annotated '
        'Dataset of 240 Face Images", Technical University of Denmark, 2004',
        urls=(
            "http://www2.imm.dtu.dk/~aam/datasets/imm_face_db.tar.gz",
            "http://datasets.openimaj.org/imm_face_db.zip",
        ),
        home="http://www2.imm.dtu.dk/~aam/datasets/datasets.html",
        form="imm",
        faces=240,
        suffixes=(".asf", ".jpg"),
        fingerprint="ba2c8f47cd63abc2593ea16254cc5c4426f81f130ad366b9f3d3e67c794b5f2f",
    ),
    "300w": Source(
        title="300-W: faces in the wild, 68 points, with AFW, HELEN, LFPW and iBUG (1.7 GB)",
        terms="research only, no commercial use, with reference to:",
        cite='C. Sagonas, E. Antonakos, G. Tzimiropoulos, S. Zafeiriou, M. Pantic, "300 Faces In-The-Wild Challenge: '
        'Database and Results", Image and Vision Computing, 2016',
        urls=("http://dlib.net/files/data/ibug_300W_large_face_landmark_dataset.tar.gz",),
        home="https://ibug.doc.ic.ac.uk/resources/300-W/",
        form="ibug",
        faces=337 + 2000 + 811 + 330 + 224 + 135,  # AFW, HELEN and LFPW train, HELEN and LFPW test, iBUG
        suffixes=(".pts", ".jpg", ".png"),
    ),
}

CHUNK_BYTES = 1 << 16

MAX_BYTES = 20_000_000_000
"""What an archive may unpack to: ten times the largest set above."""

TIMEOUT_SECONDS = 30


def get(
    name: str, folder: Path, console: Console, urls: Sequence[str] | None = None, archive: Path | None = None
) -> str:
    """Fetch a data set into `folder`, prove it, and return how to name it: "imm:DIR".

    Args:
        name: one of `SOURCES`.
        folder: where it goes; a copy that is already there is only proved.
        console: for terms and progress.
        urls: other places to fetch from.
        archive: a file fetched by hand, used instead of the network.

    Raises:
        DownloadError: it is unknown, cannot be fetched, or is not what it should be.
    """
    if name not in SOURCES:
        raise DownloadError(f'no data set "{name}" to get; {nearest(name, SOURCES)}')
    source = SOURCES[name]
    console.print(f"[bold]{source.title}[/]\nterms: {source.terms}\n  {source.cite}", soft_wrap=True)
    ensure_writable(folder)
    if not _holds(folder, source):
        packed = archive or _download(source, urls or source.urls, folder, console)
        unpack(packed, folder)
        if archive is None:
            packed.unlink()
    console.print(_verify(source, folder), soft_wrap=True)
    return f"{source.form}:{folder}"


def _holds(folder: Path, source: Source) -> bool:
    return any(path.suffix == source.suffixes[0] for path in folder.rglob("*"))


def _verify(source: Source, folder: Path) -> str:
    """Return what was proved.

    Raises:
        DownloadError: the folder does not hold what it should.
    """
    try:
        faces = len(datasets.load(f"{source.form}:{folder}"))
    except NasionError as error:
        raise DownloadError(f"{folder} does not hold this data set: {error}") from None
    files = [path for path in folder.rglob("*") if path.suffix in source.suffixes]
    if source.fingerprint and flat_fingerprint(files) != source.fingerprint:
        raise DownloadError(
            f"{folder} is not the known set: its {faces} readable faces ({source.faces} expected) have another "
            f"fingerprint; look with `nasion doctor {source.form}:{folder}`, or empty the folder and get it again"
        )
    if faces != source.faces:
        raise DownloadError(f"{folder} holds {faces} readable faces, {source.faces} are expected: a part of the set")
    return (
        f"{faces} faces, content proved by its fingerprint"
        if source.fingerprint
        else f"{faces} faces, as many as expected; no fingerprint is known"
    )


def flat_fingerprint(files: Sequence[Path]) -> str:
    """Return the fingerprint of files as if they lay in one folder: archives nest them differently."""
    with tempfile.TemporaryDirectory() as place:
        links = [Path(place, path.name) for path in files]
        for link, path in zip(links, files, strict=True):
            with suppress(FileExistsError):
                link.symlink_to(path.resolve())
        return fingerprint(set(links), Path(place))


def _download(source: Source, urls: Sequence[str], folder: Path, console: Console) -> Path:
    """Return the archive, fetched by the first address that answers; an interrupted one goes on where it was."""
    pooch.get_logger().setLevel("ERROR")  # it would advise on hashes
    reasons: list[str] = []
    for url in urls:
        try:
            fetched = pooch.retrieve(
                url, known_hash=None, fname=PurePosixPath(url).name, path=folder, downloader=_Resuming(folder, console)
            )
            if _is_archive(fetched):
                return Path(fetched)
            reasons.append(f"{url}: not an archive ({_start(Path(fetched))})")  # such as a page that asks to sign in
            Path(fetched).unlink()
        except (requests.RequestException, OSError, ValueError) as error:
            reasons.append(f"{url}: {_short(error)}")
    raise DownloadError(
        f"could not be fetched ({'; '.join(reasons)}); get it by hand from {source.home} "
        "and name the file with --archive"
    )


def _short(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return " ".join(str(error).split())[:120]


class _Resuming:
    """A downloader for pooch with a bar, which goes on with what an interrupted call left in NAME.part."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder, self.console = folder, console

    def __call__(self, fname: str, action: Any, pooch: Any, *, check_only: bool | None = None) -> None:
        """Fetch the address `fname` into the file `action`: the names are pooch's."""
        url, output_file = fname, action
        part = self.folder / f"{PurePosixPath(url).name}.part"
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:  # all is there
                part.replace(output_file)
                return
            answer.raise_for_status()
            resumed = answer.status_code == requests.codes.partial_content
            rest = int(answer.headers.get("Content-Length", 0))
            self._save(answer, part, have if resumed else 0, rest)
        expected = (have if resumed else 0) + rest
        if rest and part.stat().st_size < expected:
            raise OSError(f"cut off after {part.stat().st_size:,} of {expected:,} bytes; the same command goes on")
        part.replace(output_file)

    def _save(self, answer: requests.Response, part: Path, have: int, rest: int) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with part.open("ab" if have else "wb") as file, Progress(*columns, console=self.console) as progress:
            task = progress.add_task(part.name.removesuffix(".part"), total=have + rest or None, completed=have)
            with suppress(requests.exceptions.ChunkedEncodingError):  # the size tells that something is missing
                for chunk in answer.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    progress.advance(task, len(chunk))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .zip or .tar archive into `folder`, whole or not at all.

    Only plain files and folders that stay inside are taken: an archive with a link, a device, or a path that
    leads out is refused before anything is written.

    Raises:
        DownloadError: the file is no archive, damaged, or refused.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as place:
            if zipfile.is_zipfile(archive):
                _unzip(archive, Path(place))
            else:
                _untar(archive, Path(place))
            for path in sorted(Path(place).iterdir()):
                _merge(path, folder / path.name)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise DownloadError(
            f"{archive}: not an archive, or damaged ({_start(archive)}: {error}); delete it and fetch it again"
        ) from None


def _is_archive(path: str) -> bool:
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except (EOFError, OSError, zlib.error):
        return False


def _start(archive: Path) -> str:
    with suppress(OSError), archive.open("rb") as file:
        if b"<html" in file.read(1000).lower():
            return "it is a web page"
    return archive.suffix or "no suffix"


def _merge(path: Path, target: Path) -> None:
    if path.is_dir() and target.is_dir():
        for inner in path.iterdir():
            _merge(inner, target / inner.name)
    else:
        shutil.move(path, target)


def _unzip(archive: Path, place: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        entries = [entry for entry in packed.infolist() if not entry.is_dir()]
        _check_room(archive, sum(entry.file_size for entry in entries))
        targets = [
            _inside(archive, place, entry.filename, (entry.external_attr >> 16) & 0o170000 in (0, 0o100000))
            for entry in entries
        ]
        for entry, target in zip(entries, targets, strict=True):
            with packed.open(entry) as source:
                _write(source, target)


def _untar(archive: Path, place: Path) -> None:
    with tarfile.open(archive) as packed:
        entries = [entry for entry in packed.getmembers() if not entry.isdir()]
        _check_room(archive, sum(entry.size for entry in entries))
        targets = [_inside(archive, place, entry.name, entry.isfile()) for entry in entries]
        for entry, target in zip(entries, targets, strict=True):
            source = packed.extractfile(entry)
            assert source is not None  # it is a plain file
            _write(source, target)


def _check_room(archive: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise DownloadError(f"{archive}: refused, it would unpack to {size:,} bytes, more than {MAX_BYTES:,}")


def _inside(archive: Path, place: Path, name: str, plain: bool) -> Path:
    pure = PurePosixPath(name.replace("\\", "/"))
    if not plain or pure.is_absolute() or ".." in pure.parts or ":" in name:
        raise DownloadError(f'{archive}: refused, its entry "{name}" is a link, a device or leads out of the folder')
    return place / pure


def _write(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
