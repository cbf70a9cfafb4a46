"""Archives: unpacked completely or not at all, and never outside their folder."""

import gzip
import io
import tarfile
import zipfile
from contextlib import suppress

import pytest

from archives import files_in, tarball, zipped
from nasion.datasets import unpack as unpack_module
from nasion.datasets.unpack import describe_suffix, is_archive, unpack
from nasion.errors import DownloadError


def unpacked(tmp_path, content, name="a.bin"):
    """Unpack bytes into a folder, and return the folder."""
    (tmp_path / name).write_bytes(content)
    folder = tmp_path / "to"
    folder.mkdir(exist_ok=True)
    unpack(tmp_path / name, folder)
    return folder


@pytest.mark.parametrize(
    "pack",
    [tarball, zipped, lambda entries: tarball(entries, "w"), lambda entries: tarball(entries, "w:xz")],
    ids=["tar.gz", "zip", "tar", "tar.xz"],
)
def test_files_and_folders_are_unpacked(tmp_path, pack):
    folder = unpacked(tmp_path, pack([("a.txt", b"one"), ("x/y/b.txt", b"two"), ("x\\c.txt", b"three"), ("e", b"")]))
    assert files_in(folder) == ["a.txt", "e", "x/c.txt", "x/y/b.txt"]
    assert (folder / "x" / "y" / "b.txt").read_bytes() == b"two"
    assert (folder / "x" / "c.txt").read_bytes() == b"three"
    assert not list(folder.glob(".unpacking-*"))


def test_folder_entries_are_accepted(tmp_path):
    content = tarball([("x", (tarfile.DIRTYPE, "")), ("x/a.txt", b"one")])
    assert files_in(unpacked(tmp_path, content)) == ["x/a.txt"]
    zip_content = zipped([("x/", b""), ("x/b.txt", b"two")])
    assert files_in(unpacked(tmp_path, zip_content)) == ["x/a.txt", "x/b.txt"]


def test_existing_files_of_a_folder_are_kept(tmp_path):
    (tmp_path / "to" / "x").mkdir(parents=True)
    (tmp_path / "to" / "x" / "mine.txt").write_text("mine")
    (tmp_path / "to" / "x" / "a.txt").write_text("old")
    folder = unpacked(tmp_path, tarball([("x/a.txt", b"new"), ("x/b.txt", b"new")]))
    assert files_in(folder) == ["x/a.txt", "x/b.txt", "x/mine.txt"]
    assert (folder / "x" / "a.txt").read_text() == "new"


HOSTILE = [
    ("../out.jpg", b"x"),
    ("/tmp/out.jpg", b"x"),
    ("a/../../out.jpg", b"x"),
    ("a/../b.jpg", b"x"),
    ("..\\out.jpg", b"x"),
    ("C:/out.jpg", b"x"),
]
LINKS = [
    ("link.jpg", (tarfile.SYMTYPE, "/etc/passwd")),
    ("link.jpg", (tarfile.SYMTYPE, "good.jpg")),
    ("hard.jpg", (tarfile.LNKTYPE, "good.jpg")),
    ("pipe", (tarfile.FIFOTYPE, "")),
    ("device", (tarfile.CHRTYPE, "")),
]


@pytest.mark.parametrize("entry", [*HOSTILE, *LINKS])
def test_tar_with_a_hostile_entry_is_rejected_before_anything_is_written(tmp_path, entry):
    with pytest.raises(DownloadError, match=r"rejected, its entry .* is a link, a device or outside the folder"):
        unpacked(tmp_path, tarball([("good.jpg", b"x"), entry]))
    assert files_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("entry", HOSTILE)
def test_zip_with_a_hostile_entry_is_rejected_before_anything_is_written(tmp_path, entry):
    with pytest.raises(DownloadError, match="rejected, its entry"):
        unpacked(tmp_path, zipped([("good.jpg", b"x"), entry]))
    assert files_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(("mode", "accepted"), [(0o120777, False), (0o010644, False), (0o100644, True), (0, True)])
def test_zip_entries_must_be_regular_files(tmp_path, mode, accepted):
    info = zipfile.ZipInfo("entry.jpg")
    info.external_attr = mode << 16
    if accepted:
        assert files_in(unpacked(tmp_path, zipped([(info, b"x")]))) == ["entry.jpg"]
    else:
        with pytest.raises(DownloadError, match=r'rejected, its entry "entry\.jpg"'):
            unpacked(tmp_path, zipped([(info, b"/etc/passwd")]))


@pytest.mark.parametrize("pack", [tarball, zipped])
def test_archive_that_unpacks_to_too_much_is_rejected(tmp_path, monkeypatch, pack):
    content = pack([("a.txt", b"x" * 600), ("b.txt", b"x" * 400)])
    monkeypatch.setattr(unpack_module, "MAX_BYTES", 999)
    with pytest.raises(DownloadError, match="rejected, it would unpack to 1,000 bytes, more than 999"):
        unpacked(tmp_path, content)
    assert files_in(tmp_path) == ["a.bin"]
    monkeypatch.setattr(unpack_module, "MAX_BYTES", 1000)
    assert files_in(unpacked(tmp_path, content)) == ["a.txt", "b.txt"]


def test_damaged_archive_leaves_nothing(tmp_path):
    """The second file's data is cut off."""
    content = tarball([("a.txt", b"x" * 5000), ("b.txt", bytes(range(256)) * 50)], mode="w")
    with pytest.raises(DownloadError, match=r"a\.bin: not an archive, or damaged .*delete it and download it again"):
        unpacked(tmp_path, content[:10_000])
    assert files_in(tmp_path) == ["a.bin"]


def test_file_that_is_not_an_archive_is_one_line(tmp_path):
    with pytest.raises(DownloadError, match="not an archive") as caught:
        unpacked(tmp_path, b"plain text")
    assert "\n" not in str(caught.value)
    assert files_in(tmp_path) == ["a.bin"]


def test_damaged_zip_leaves_nothing(tmp_path):
    content = bytearray(zipped([("a.txt", b"x" * 50), ("b.txt", b"y" * 50)]))
    content[content.index(b"yyy")] ^= 1
    with pytest.raises(DownloadError, match="damaged"):
        unpacked(tmp_path, bytes(content))
    assert files_in(tmp_path) == ["a.bin"]


def rejected(tmp_path, content):
    """Return the message with which an archive is rejected; it is one line, and nothing is left."""
    with pytest.raises(DownloadError) as caught:
        unpacked(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert files_in(tmp_path) == ["a.bin"]
    return str(caught.value)


def tar_entry(size=0, name="a", kind=tarfile.REGTYPE, pax=None):
    """Return the header of an entry, which may lie about its size."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def test_an_entry_without_a_name_is_rejected(tmp_path):
    content = zipped([("a", b"x")])
    rejected(tmp_path, content.replace(b"\x01\x00\x00\x00a", b"\x00\x00\x00\x00"))
    packed = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 26), (b"PK\x01\x02", 28)):
        packed[packed.index(signature) + offset] = 0
    rejected(tmp_path, bytes(packed))


@pytest.mark.parametrize("name", ["a\x1b[31m.jpg", "a\n.jpg", ""])
def test_names_that_cannot_be_shown_are_rejected(tmp_path, name):
    message = rejected(tmp_path, tarball([(name, b"x")], "w"))
    assert message.isprintable()


def test_a_name_that_is_not_text_is_rejected(tmp_path):
    content = bytearray(zipped([("é.jpg", b"x")]))
    rejected(tmp_path, bytes(content).replace("é".encode(), b"\xff\xfe"))


def test_damaged_xz_is_rejected(tmp_path):
    content = bytearray(tarball([("a.txt", bytes(range(256)) * 9)], "w:xz"))
    content[len(content) // 2] ^= 255
    rejected(tmp_path, bytes(content))


def test_lzma_in_a_zip_is_rejected(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", b"x" * 100)
    assert "not compressed with deflate or bzip2" in rejected(tmp_path, packed.getvalue())


def test_a_bad_number_in_a_pax_header_is_ignored_or_rejected(tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("a.txt")
        info.pax_headers = {"size": "x"}
        tar.addfile(info, io.BytesIO(b""))
    with suppress(DownloadError):  # some versions of Python ignore such a number
        unpacked(tmp_path, packed.getvalue())


@pytest.mark.parametrize("size", [10**10, 8**11 - 1])
def test_an_entry_that_lies_about_its_size_is_rejected_at_once(tmp_path, size):
    message = rejected(tmp_path, gzip.compress(tar_entry(size) + bytes(1 << 20)))
    assert "rejected, it would unpack to" in message


def test_an_entry_of_negative_size_does_not_end_in_a_loop(tmp_path):
    header = bytearray(tar_entry(5))
    header[124:136] = b"\xff" * 11 + b"\x00"
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    rejected(tmp_path, bytes(header) + bytes(2048))


def test_a_long_name_that_would_fill_the_memory_is_rejected(tmp_path):
    content = gzip.compress(tar_entry(8 * 10**9, "././@LongLink", tarfile.GNUTYPE_LONGNAME) + bytes(1 << 20))
    assert "would unpack to" in rejected(tmp_path, content)


def test_a_small_archive_that_unpacks_to_much_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack_module, "FREE_BYTES", 1000)
    assert "rejected, it would unpack to 1,000,000 bytes" in rejected(tmp_path, tarball([("a.txt", bytes(10**6))]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", bytes(10**6))
    assert "rejected, it would unpack to 1,000,000 bytes" in rejected(tmp_path, packed.getvalue())


def test_too_many_entries_are_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack_module, "MAX_ENTRIES", 3)
    assert "too many" in rejected(tmp_path, tarball([(f"{k}.txt", b"") for k in range(4)]))


def test_archives_are_recognized(tmp_path):
    for content, expected in ((zipped([("a", b"x")]), True), (tarball([("a", b"x")]), True), (b"<html>", False)):
        (tmp_path / "a.bin").write_bytes(content)
        assert is_archive(tmp_path / "a.bin") is expected
    assert describe_suffix(tmp_path / "a.bin") == "it is a web page"
    assert describe_suffix(tmp_path / "none.zip") == ".zip"
