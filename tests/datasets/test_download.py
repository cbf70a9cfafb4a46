"""Downloads against a server of our own: whole, interrupted, hostile, and not there at all."""

import dataclasses
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from rich.console import Console

from made_files import make_imm, shape
from nasion.datasets import download as fetch
from nasion.errors import DownloadError

QUIET = Console(quiet=True)


class Files(BaseHTTPRequestHandler):
    """Serves `content` by path, with ranges; `cut` ends an answer early, once."""

    content: ClassVar[dict[str, bytes]] = {}
    cut: ClassVar[int] = 0
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        data = self.content.get(self.path)
        if data is None:
            self.send_error(404)
            return
        span = self.headers.get("Range", "")
        self.asked.append(span)
        first = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        if first >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        end = len(data)
        if type(self).cut:
            end, type(self).cut = type(self).cut, 0
        self.wfile.write(data[first:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Files.content, Files.cut, Files.asked = {}, 0, []
    running = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def faces(tmp_path):
    """Two faces in IMM's format, and the source that expects just them."""
    folder = tmp_path / "original" / "imm_face_db"
    make_imm(folder, shape(58))
    files = sorted(folder.iterdir())
    source = dataclasses.replace(fetch.SOURCES["imm"], faces=1, fingerprint=fetch.flat_fingerprint(files))
    return files, source


@pytest.fixture
def known(faces, monkeypatch):
    monkeypatch.setitem(fetch.SOURCES, "imm", faces[1])
    return faces[0]


def tarball(entries):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            if isinstance(data, tuple):
                info.type, info.linkname = data
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def zipped(entries):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return packed.getvalue()


def whole(known, pack=tarball):
    return pack([(f"imm_face_db/{path.name}", path.read_bytes()) for path in known])


def left(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("pack", [tarball, zipped])
def test_a_set_is_fetched_unpacked_and_proved(server, known, tmp_path, pack):
    Files.content["/faces.x"] = whole(known, pack)
    folder = tmp_path / "imm"
    said = Console(file=io.StringIO(), width=200)
    assert fetch.get("imm", folder, said, [f"{server}/faces.x"]) == f"imm:{folder}"
    assert left(folder) == [f"imm_face_db/{path.name}" for path in known]
    text = said.file.getvalue()
    assert "education and research" in text
    assert "Nordstr" in text
    assert "proved by its fingerprint" in text


def test_a_set_that_is_there_is_only_proved(known, tmp_path):
    assert fetch.get("imm", known[0].parent, QUIET, ["http://127.0.0.1:1/none"]) == f"imm:{known[0].parent}"


def test_the_second_address_is_tried(server, known, tmp_path):
    Files.content["/b.tar.gz"] = whole(known)
    fetch.get("imm", tmp_path / "imm", QUIET, [f"{server}/a.tar.gz", f"{server}/b.tar.gz"])


def test_an_interrupted_download_goes_on(server, known, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "CHUNK_BYTES", 16)
    Files.content["/a.tar.gz"] = data = whole(known)
    Files.cut = len(data) // 2
    folder = tmp_path / "imm"
    with pytest.raises(DownloadError, match=r"cut off after .* the same command goes on"):
        fetch.get("imm", folder, QUIET, [f"{server}/a.tar.gz"])
    fetch.get("imm", folder, QUIET, [f"{server}/a.tar.gz"])
    assert Files.asked[0] == ""
    assert len(data) // 2 - 16 < int(Files.asked[1][6:-1]) <= len(data) // 2
    assert left(folder) == [f"imm_face_db/{path.name}" for path in known]


def test_offline_says_where_to_get_it(tmp_path):
    with pytest.raises(DownloadError, match=r"no connection.*get it by hand from http.* --archive") as caught:
        fetch.get("imm", tmp_path / "imm", QUIET, ["http://127.0.0.1:1/faces.tar.gz"])
    assert "\n" not in str(caught.value)


def test_a_file_got_by_hand(known, tmp_path):
    (tmp_path / "mine.tar.gz").write_bytes(whole(known))
    fetch.get("imm", tmp_path / "imm", QUIET, archive=tmp_path / "mine.tar.gz")
    assert (tmp_path / "mine.tar.gz").exists()


@pytest.mark.parametrize(
    "entries",
    [
        [("../out.jpg", b"x")],
        [("/tmp/out.jpg", b"x")],
        [("a/../../out.jpg", b"x")],
        [("..\\out.jpg", b"x")],
        [("C:/out.jpg", b"x")],
        [("link.jpg", (tarfile.SYMTYPE, "/etc/passwd"))],
        [("hard.jpg", (tarfile.LNKTYPE, "good.jpg"))],
        [("pipe", (tarfile.FIFOTYPE, ""))],
    ],
)
def test_an_archive_that_leads_out_is_refused_whole(server, known, tmp_path, entries):
    Files.content["/a.tar.gz"] = tarball([("good.jpg", b"x"), *entries])
    with pytest.raises(DownloadError, match="refused, its entry"):
        fetch.get("imm", tmp_path / "imm", QUIET, [f"{server}/a.tar.gz"])
    assert left(tmp_path / "imm") == ["a.tar.gz"]
    assert not (tmp_path / "out.jpg").exists()


def test_a_zip_with_a_link_is_refused(tmp_path):
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = 0o120777 << 16
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    (tmp_path / "to").mkdir()
    with pytest.raises(DownloadError, match="refused"):
        fetch.unpack(packed, tmp_path / "to")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"<html>Sign in", "web page"), (b"", "answered 416"), (b"\x1f\x8b broken", "not an archive")],
)
def test_what_is_no_archive_is_said(server, tmp_path, content, message):
    Files.content["/a.tar.gz"] = content
    with pytest.raises(DownloadError, match=message):
        fetch.get("imm", tmp_path / "imm", QUIET, [f"{server}/a.tar.gz"])


def test_a_page_in_an_archives_place_leaves_the_next_address_to_be_tried(server, known, tmp_path):
    Files.content["/a.tar.gz"], Files.content["/b.tar.gz"] = b"<html>Sign in", whole(known)
    fetch.get("imm", tmp_path / "imm", QUIET, [f"{server}/a.tar.gz", f"{server}/b.tar.gz"])
    assert left(tmp_path / "imm") == [f"imm_face_db/{path.name}" for path in known]


def test_other_content_is_not_taken_for_the_set(server, known, tmp_path):
    entries = [(path.name, path.read_bytes()) for path in known]
    entries[0] = (entries[0][0], entries[0][1] + b"\n# touched\n")
    Files.content["/a.tar.gz"] = tarball(entries)
    with pytest.raises(DownloadError, match="another fingerprint"):
        fetch.get("imm", tmp_path / "imm", QUIET, [f"{server}/a.tar.gz"])


def test_unknown_sets_give_the_nearest(tmp_path):
    with pytest.raises(DownloadError, match='did you mean "imm"'):
        fetch.get("im", tmp_path, QUIET)


def test_the_real_set_has_the_known_fingerprint(real):
    files = [path for path in real("imm_face_db").iterdir() if path.suffix in fetch.SOURCES["imm"].suffixes]
    assert fetch.flat_fingerprint(files) == fetch.SOURCES["imm"].fingerprint
