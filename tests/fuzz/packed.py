"""Archives of data sets."""

import bz2
import gzip
import io
import lzma
import tarfile
import warnings
import zipfile
from pathlib import Path
from random import Random

from archives import tarball, zipped
from fuzz.mutations import WORDS, change_bytes
from fuzz.workers import Kind
from nasion.datasets.unpack import is_archive, unpack
from nasion.errors import DownloadError

FILES = [
    ("set/a.pts", b"version: 1\nn_points: 1\n{\n1 2\n}\n"),
    ("set/b/a.png", bytes(range(256))),
    ("c.txt", b"x" * 3000),
]

COMPRESSORS = (gzip.compress, bz2.compress, lzma.compress, lambda data: lzma.compress(data, lzma.FORMAT_ALONE))


def _prepare(folder: Path) -> object:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", b"x" * 500)
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES:
            archive.writestr(name, data)
    return [
        *(tarball(FILES, mode) for mode in ("w", "w:gz", "w:bz2", "w:xz")),
        *(zipped(FILES), deflated.getvalue(), packed.getvalue()),
    ]


def _hostile_tar(random: Random) -> bytes:
    packed = io.BytesIO()
    form = random.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT))
    with tarfile.open(fileobj=packed, mode="w", format=form) as tar:
        for _ in range(random.choice((1, 3, 200))):
            name = random.choice((*WORDS, "a", "a/b", "a", "x" * 300))
            info = tarfile.TarInfo(name.replace("\0", "") or "a")
            info.type = random.choice(
                (tarfile.REGTYPE,) * 5
                + (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, b"S", b"9")
            )
            info.linkname = random.choice(("", "a", "/etc/passwd"))
            info.pax_headers = (
                {
                    random.choice(("size", "path", "mtime", "GNU.sparse.map", "x")): random.choice(
                        ("x", "-1", "9" * 40, "1,2")
                    )
                }
                if random.random() < 0.3
                else {}
            )
            info.mode = random.choice((0o644, 0, 0o7777))
            data = random.randbytes(random.choice((0, 1, 600)))
            info.size = len(data)
            try:
                tar.addfile(info, io.BytesIO(data))
            except (ValueError, UnicodeError):
                continue
    return packed.getvalue()


def _lying_tar(random: Random) -> bytes:
    """Return a tar file whose headers have hostile sizes and a correct checksum."""
    content = bytearray(_hostile_tar(random) if random.random() < 0.5 else tarball(FILES, "w"))
    for start in range(0, len(content) - 512, 512):
        if content[start + 257 : start + 262] == b"ustar" and random.random() < 0.5:
            sizes = (
                b"77777777777\0",
                b"\xff" * 12,
                b"\x80" + b"\0" * 3 + b"\xff" * 8,
                b"-0000000001\0",
                b"xxxxxxxxxxxx",
                b"\0" * 12,
            )
            content[start + 124 : start + 136] = random.choice(sizes)
            content[start + 156] = random.choice(b"0000xgLKSV5217")
            content[start + 148 : start + 156] = b" " * 8
            content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
    return bytes(content)


def _hostile_zip(random: Random) -> bytes:
    packed = io.BytesIO()
    method = random.choice((0, 8, 8, 12, 14))
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", method) as archive:
        warnings.simplefilter("ignore")  # of two files of the same name
        for _ in range(random.choice((1, 3, 50))):
            info = zipfile.ZipInfo(random.choice((*WORDS, "a", "a/", "b/c")).replace("\udcff", "é"))
            info.external_attr = random.choice((0, 0o100644, 0o120777, 0o010644)) << 16
            archive.writestr(info, random.randbytes(random.choice((0, 1, 600))) * random.choice((1, 1, 1000)))
    return packed.getvalue()


def _run(contents: object, random: Random, folder: Path) -> None:
    kind = random.random()
    if kind < 0.35:
        content = change_bytes(random, random.choice(contents), contents)
    elif kind < 0.5:
        content = _hostile_zip(random)
    elif kind < 0.65:
        content = _hostile_tar(random)
    else:
        content = _lying_tar(random)
    if 0.45 < kind < 0.8 and random.random() < 0.6:
        content = random.choice(COMPRESSORS)(content + bytes(random.choice((0, 10_000, 30_000_000))))
    if random.random() < 0.2:
        content = change_bytes(random, content[:1_000_000], contents)
    (folder / "a.bin").write_bytes(content)
    (folder / "to").mkdir()
    is_archive(folder / "a.bin")
    try:
        unpack(folder / "a.bin", folder / "to")
    except DownloadError:
        assert not list((folder / "to").iterdir()), "something was left"
        raise
    finally:
        assert {path.name for path in folder.iterdir()} == {"a.bin", "to"}, "something was written outside"


KINDS = [Kind("archives", 1.0, _prepare, _run)]
