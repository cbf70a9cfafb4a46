"""Public data sets: their terms, their download, and the check that they are complete."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pooch
import requests

from nasion import datasets
from nasion.atomic import ensure_writable, fingerprint
from nasion.datasets import head_model
from nasion.datasets.folders import files_below
from nasion.datasets.unpack import describe_suffix, is_archive, unpack
from nasion.errors import DownloadError, NasionError, one_line, suggest
from nasion.progress import SILENT, Reporter

__all__ = ["SOURCES", "Source", "get"]


@dataclass(frozen=True)
class Source:
    """A data set that can be downloaded.

    Attributes:
        title, terms, cite: what users must know before they use it.
        urls: addresses, tried in this order.
        home: the web page for a manual download.
        form: the format that reads it.
        faces: the number of faces in the complete set.
        suffixes: suffixes of the files that belong to the set.
        fingerprint: `atomic.fingerprint` of those files as one flat folder; empty if it is not known.
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


FIRST_HEADS = 64
"""Number of heads in the name of a set of rendered heads."""

SOURCES = {
    "imm": Source(
        title="IMM Face Database: 40 people x 6 views, 58 manually labeled points",
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
    "ict-facekit": Source(
        title="ICT-FaceKit Light: the head model of `heads:COUNT`, 100 shapes and 57 expressions",
        terms="MIT license, with reference to:",
        cite='R. Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR, 2020; '
        "USC Institute for Creative Technologies",
        urls=(
            "https://github.com/ICT-VGL/ICT-FaceKit/archive/refs/heads/master.zip",
            "https://github.com/ICT-VGL/ICT-FaceKit/archive/refs/heads/main.zip",
        ),
        home="https://github.com/ICT-VGL/ICT-FaceKit",
        form="heads",
        faces=FIRST_HEADS,
        suffixes=(".npz",),
    ),
}

CHUNK_BYTES = 1 << 16
"""Number of bytes that are received at a time."""

TIMEOUT_SECONDS = 30
"""Longest wait for a server to answer, s."""


def get(
    name: str,
    folder: Path,
    reporter: Reporter = SILENT,
    urls: Sequence[str] | None = None,
    archive: Path | None = None,
) -> str:
    """Download a data set into `folder`, check that it is complete, and return its name for `load`: "imm:DIR".

    Args:
        name: one of `SOURCES`.
        folder: where the files go; if the set is already there, it is only checked.
        reporter: receives the terms, the progress and the result of the check.
        urls: addresses to use instead of the known ones.
        archive: a manually downloaded file to use instead of the network.

    Raises:
        DownloadError: the name is unknown, the set cannot be downloaded, or its content is not as expected.
        OutputError: the folder is read-only or full.
    """
    if name not in SOURCES:
        raise DownloadError(f'no data set "{name}" to get; {suggest(name, SOURCES)}')
    source = SOURCES[name]
    for line in (source.title, f"terms: {source.terms}", f"  {source.cite}"):
        reporter.line(line)
    ensure_writable(folder)
    model = folder / head_model.FILE if source.form == "heads" else None
    if not (_is_present(folder, source) if model is None else model.is_file()):
        packed = archive or _download(source, urls or source.urls, folder, reporter)
        if model is None:
            unpack(packed, folder)
        else:
            _unpack_head_model(packed, model)
        if archive is None:
            packed.unlink()
    if model is None:
        reporter.line(_check_content(source, folder))
        return f"{source.form}:{folder}"
    reporter.line(head_model.check_content(model))
    return f"{source.form}:{source.faces}?assets={model}"


def _unpack_head_model(archive: Path, model: Path) -> None:
    """Write the head model that an archive of ICT-FaceKit's repository holds."""
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=model.parent) as place:
        unpack(archive, Path(place))
        head_model.pack(Path(place), model)


def _is_present(folder: Path, source: Source) -> bool:
    return any(path.suffix == source.suffixes[0] for path in files_below(folder))


def _check_content(source: Source, folder: Path) -> str:
    """Return a line with the result of the check.

    Raises:
        DownloadError: the folder does not hold the complete set.
    """
    try:
        faces = len(datasets.load(f"{source.form}:{folder}"))
    except NasionError as error:
        raise DownloadError(f"{folder} does not hold this data set: {error}") from None
    files = [path for path in files_below(folder) if path.suffix in source.suffixes]
    if source.fingerprint and flat_fingerprint(files) != source.fingerprint:
        raise DownloadError(
            f"{folder} is not the known set: its {faces} readable faces ({source.faces} expected) have another "
            f"fingerprint; check them with `nasion doctor {source.form}:{folder}`, or empty the folder and download "
            "the set again"
        )
    if faces != source.faces:
        raise DownloadError(
            f"{folder} holds {faces} readable faces, {source.faces} are expected; empty the folder and download the "
            "set again"
        )
    if source.fingerprint:
        return f"{faces} faces, content verified by its fingerprint"
    return f"{faces} faces, as many as expected; no fingerprint is known"


def flat_fingerprint(files: Sequence[Path]) -> str:
    """Return the fingerprint of files as if they were in one folder, because archives nest them differently."""
    with tempfile.TemporaryDirectory() as place:
        links = [Path(place, path.name) for path in files]
        for link, path in zip(links, files, strict=True):
            with suppress(FileExistsError):
                link.symlink_to(path.resolve())
        return fingerprint(set(links), Path(place))


def _download(source: Source, urls: Sequence[str], folder: Path, reporter: Reporter) -> Path:
    """Return the archive from the first address that has one; an interrupted download is resumed."""
    pooch.get_logger().setLevel("ERROR")  # it would recommend hashes to the user
    reasons: list[str] = []
    for url in urls:
        downloader = _ResumingDownloader(folder, reporter)
        try:
            fetched = pooch.retrieve(
                url, known_hash=None, fname=PurePosixPath(url).name, path=folder, downloader=downloader
            )
        except (requests.RequestException, OSError, ValueError) as error:
            reasons.append(f"{url}: {_one_line(error)}")
            continue
        if is_archive(Path(fetched)):
            return Path(fetched)
        reasons.append(f"{url}: not an archive ({describe_suffix(Path(fetched))})")  # such as a login page
        Path(fetched).unlink()
    raise DownloadError(
        f"could not be downloaded ({'; '.join(reasons)}); download it manually from {source.home} "
        "and pass the file with --archive"
    )


def _one_line(error: Exception) -> str:
    """Return an error as one short line; tarfile and requests have errors of several lines."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return one_line(error)[:120]


class _ResumingDownloader:
    """A downloader for pooch that resumes from the file NAME.part of an interrupted call."""

    def __init__(self, folder: Path, reporter: Reporter) -> None:
        self.folder, self.reporter = folder, reporter

    def __call__(self, fname: str, action: Any, pooch: Any, *, check_only: bool | None = None) -> None:
        """Download the address `fname` into the file `action`; pooch sets these names."""
        url, output_file = fname, action
        part = self.folder / f"{PurePosixPath(url).name}.part"
        present = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={present}-"} if present else {}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            if present and answer.status_code == requests.codes.requested_range_not_satisfiable:  # it is complete
                part.replace(output_file)
                return
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                present = 0  # the server sends the whole file again
            rest = int(answer.headers.get("Content-Length", 0))
            self._save(answer, part, present, rest)
        size, expected = part.stat().st_size, present + rest
        if rest and size < expected:
            raise OSError(f"cut off after {size:,} of {expected:,} bytes; run the same command again to resume")
        part.replace(output_file)

    def _save(self, answer: requests.Response, part: Path, present: int, rest: int) -> None:
        """Append the answer to what is present; `rest` is its size in bytes, 0 if the server does not state it."""
        title, total = part.name.removesuffix(".part"), present + rest if rest else None
        with part.open("ab" if present else "wb") as file, self.reporter.task(title, total, unit="bytes") as task:
            if present:
                task.update(present, total)
            with suppress(requests.exceptions.ChunkedEncodingError):  # the caller compares the sizes
                for chunk in answer.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    task.advance(len(chunk))
