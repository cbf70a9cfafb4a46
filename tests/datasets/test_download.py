"""Downloads from a local server: complete, interrupted, hostile and missing."""

import dataclasses
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

import nasion
from archives import files_in, tarball, zipped
from made_files import make_ibug, make_imm, shape
from nasion.datasets import download
from nasion.detect import YUNET_URL
from nasion.errors import DownloadError, OutputError

NOWHERE = "http://127.0.0.1:1/faces.tar.gz"


class Files(BaseHTTPRequestHandler):
    """Serves `content` by path.

    `cut` ends one answer after that many bytes; `ranges` and `sized` switch off range requests and Content-Length.
    """

    content: ClassVar[dict[str, bytes]] = {}
    cut: ClassVar[int] = 0
    ranges: ClassVar[bool] = True
    sized: ClassVar[bool] = True
    requested: ClassVar[list[str]] = []

    def do_GET(self):
        data = self.content.get(self.path)
        if data is None:
            self.send_error(404)
            return
        span = self.headers.get("Range", "")
        self.requested.append(span)
        first = int(span.removeprefix("bytes=").removesuffix("-")) if span and self.ranges else 0
        if first >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        if self.sized:
            self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        end = len(data)
        if type(self).cut:
            end, type(self).cut = type(self).cut, 0
        self.wfile.write(data[first:end])

    def log_message(self, *_):
        pass


class Recorder:
    """A reporter that keeps what is reported; the tasks as [title, total, unit, steps...]."""

    def __init__(self):
        self.lines, self.tasks = [], []

    def line(self, text):
        self.lines.append(text)

    @contextmanager
    def task(self, title, total, unit=""):
        self.tasks.append([title, total, unit])
        yield self

    def update(self, completed, total=None, text=""):
        self.tasks[-1].append(completed)

    def advance(self, steps=1):
        self.tasks[-1].append(steps)


@pytest.fixture
def server():
    Files.content, Files.cut, Files.ranges, Files.sized, Files.requested = {}, 0, True, True, []
    running = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def known(tmp_path, monkeypatch):
    """Return the files of a set with one face in IMM's format, which `SOURCES` describes in this test."""
    folder = tmp_path / "original" / "imm_face_db"
    make_imm(folder, shape(58))
    files = sorted(folder.iterdir())
    source = dataclasses.replace(download.SOURCES["imm"], faces=1, fingerprint=download.flat_fingerprint(files))
    monkeypatch.setitem(download.SOURCES, "imm", source)
    return files


def packed_set(known, pack=tarball):
    return pack([(f"imm_face_db/{path.name}", path.read_bytes()) for path in known])


# ---------------------------------------------------------------------------------------------------------------- get


@pytest.mark.parametrize("pack", [tarball, zipped])
def test_set_is_downloaded_unpacked_and_verified(server, known, tmp_path, pack):
    Files.content["/faces.x"] = packed_set(known, pack)
    folder, reporter = tmp_path / "imm", Recorder()
    assert download.get("imm", folder, reporter, [f"{server}/faces.x"]) == f"imm:{folder}"
    assert files_in(folder) == [f"imm_face_db/{path.name}" for path in known]
    assert reporter.lines[0].startswith("IMM Face Database")
    assert reporter.lines[1] == "terms: free for education and research, with reference to:"
    assert "Nordstr" in reporter.lines[2]
    assert reporter.lines[3:] == ["1 faces, content verified by its fingerprint"]


def test_download_is_reported_in_bytes(server, known, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "CHUNK_BYTES", 100)
    Files.content["/faces.tgz"] = data = packed_set(known)
    reporter = Recorder()
    download.get("imm", tmp_path / "imm", reporter, [f"{server}/faces.tgz"])
    ((title, total, unit, *steps),) = reporter.tasks
    assert (title, total, unit) == ("faces.tgz", len(data), "bytes")
    assert sum(steps) == len(data)
    assert len(steps) == -(-len(data) // 100)


def test_unknown_size_has_no_total(server, known, tmp_path):
    Files.content["/faces.tgz"], Files.sized = packed_set(known), False
    reporter = Recorder()
    download.get("imm", tmp_path / "imm", reporter, [f"{server}/faces.tgz"])
    assert reporter.tasks[0][1] is None


def test_reporter_is_optional(server, known, tmp_path, capsys):
    Files.content["/faces.tgz"] = packed_set(known)
    download.get("imm", tmp_path / "imm", urls=[f"{server}/faces.tgz"])
    assert capsys.readouterr() == ("", "")


def test_complete_set_is_only_verified(known):
    reporter = Recorder()
    assert download.get("imm", known[0].parent, reporter, [NOWHERE]) == f"imm:{known[0].parent}"
    assert reporter.tasks == []
    assert "verified" in reporter.lines[-1]


def test_manual_download_is_used_and_kept(known, tmp_path):
    (tmp_path / "mine.tar.gz").write_bytes(packed_set(known))
    download.get("imm", tmp_path / "imm", urls=[NOWHERE], archive=tmp_path / "mine.tar.gz")
    assert (tmp_path / "mine.tar.gz").exists()
    assert files_in(tmp_path / "imm") == [f"imm_face_db/{path.name}" for path in known]


def test_unknown_set_suggests_the_nearest(tmp_path):
    with pytest.raises(DownloadError, match='no data set "im" to get; did you mean "imm"'):
        download.get("im", tmp_path)


def test_unwritable_folder_is_reported_before_the_download(server, known, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        download.get("imm", tmp_path / "file", urls=[f"{server}/faces.tgz"])
    assert Files.requested == []


# ---------------------------------------------------------------------------------------------------------- addresses


def test_second_address_is_tried(server, known, tmp_path):
    Files.content["/b.tar.gz"] = packed_set(known)
    download.get("imm", tmp_path / "imm", urls=[f"{server}/a.tar.gz", f"{server}/b.tar.gz"])
    assert files_in(tmp_path / "imm") == [f"imm_face_db/{path.name}" for path in known]


def test_web_page_instead_of_an_archive_is_skipped_and_deleted(server, known, tmp_path):
    Files.content["/a.tar.gz"], Files.content["/b.tar.gz"] = b"<html>Sign in", packed_set(known)
    download.get("imm", tmp_path / "imm", urls=[f"{server}/a.tar.gz", f"{server}/b.tar.gz"])
    assert files_in(tmp_path / "imm") == [f"imm_face_db/{path.name}" for path in known]


def test_every_address_is_named_with_its_reason(server, tmp_path):
    Files.content["/b.tar.gz"] = b"<html>Sign in"
    urls = [f"{server}/a.tar.gz", f"{server}/b.tar.gz", NOWHERE]
    message = (
        r"could not be downloaded \(.*/a\.tar\.gz: the server answered 404; .*/b\.tar\.gz: not an archive "
        r"\(it is a web page\); .*: no connection\); download it manually from http.* --archive"
    )
    with pytest.raises(DownloadError, match=message) as caught:
        download.get("imm", tmp_path / "imm", urls=urls)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>Sign in", "it is a web page"),
        (b"x" * 990 + b"<HTML>", "it is a web page"),
        (b"plain text", r"not an archive \(\.gz\)"),
        (b"\x1f\x8b broken", "not an archive"),
        (b"", "the server answered 416"),
    ],
)
def test_non_archive_is_rejected(server, tmp_path, content, message):
    Files.content["/a.tar.gz"] = content
    with pytest.raises(DownloadError, match=message):
        download.get("imm", tmp_path / "imm", urls=[f"{server}/a.tar.gz"])
    assert [name for name in files_in(tmp_path / "imm") if not name.endswith(".part")] == []


# ------------------------------------------------------------------------------------------------------------- resume


def test_interrupted_download_is_resumed(server, known, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "CHUNK_BYTES", 16)
    Files.content["/a.tar.gz"] = data = packed_set(known)
    Files.cut = len(data) // 2
    folder, reporter = tmp_path / "imm", Recorder()
    with pytest.raises(DownloadError, match=r"cut off after [\d,]+ of [\d,]+ bytes; run the same command again"):
        download.get("imm", folder, urls=[f"{server}/a.tar.gz"])
    assert files_in(folder) == ["a.tar.gz.part"]
    present = (folder / "a.tar.gz.part").stat().st_size
    assert len(data) // 2 - 16 < present <= len(data) // 2
    download.get("imm", folder, reporter, [f"{server}/a.tar.gz"])
    assert Files.requested == ["", f"bytes={present}-"]
    assert reporter.tasks[0][:4] == ["a.tar.gz", len(data), "bytes", present]
    assert sum(reporter.tasks[0][3:]) == len(data)
    assert files_in(folder) == [f"imm_face_db/{path.name}" for path in known]


def test_download_restarts_if_the_server_has_no_ranges(server, known, tmp_path):
    Files.content["/a.tar.gz"], Files.ranges = packed_set(known), False
    folder, reporter = tmp_path / "imm", Recorder()
    folder.mkdir()
    (folder / "a.tar.gz.part").write_bytes(b"something else that is longer than nothing")
    download.get("imm", folder, reporter, [f"{server}/a.tar.gz"])
    assert reporter.tasks[0][1] == sum(reporter.tasks[0][3:]) == len(Files.content["/a.tar.gz"])
    assert files_in(folder) == [f"imm_face_db/{path.name}" for path in known]


def test_complete_part_is_used(server, known, tmp_path):
    Files.content["/a.tar.gz"] = data = packed_set(known)
    folder = tmp_path / "imm"
    folder.mkdir()
    (folder / "a.tar.gz.part").write_bytes(data)
    download.get("imm", folder, urls=[f"{server}/a.tar.gz"])
    assert Files.requested == [f"bytes={len(data)}-"]
    assert files_in(folder) == [f"imm_face_db/{path.name}" for path in known]


# ------------------------------------------------------------------------------------------------------------ content


def test_other_content_is_rejected(server, known, tmp_path):
    entries = [(path.name, path.read_bytes()) for path in known]
    entries[0] = (entries[0][0], entries[0][1] + b"\n# touched\n")
    Files.content["/a.tar.gz"] = tarball(entries)
    with pytest.raises(DownloadError, match=r"its 1 readable faces \(1 expected\) have another fingerprint"):
        download.get("imm", tmp_path / "imm", urls=[f"{server}/a.tar.gz"])


def test_incomplete_set_is_rejected(known, monkeypatch):
    monkeypatch.setitem(download.SOURCES, "imm", dataclasses.replace(download.SOURCES["imm"], faces=3))
    with pytest.raises(DownloadError, match="holds 1 readable faces, 3 are expected; empty the folder"):
        download.get("imm", known[0].parent)


def test_set_without_a_known_fingerprint_is_counted(tmp_path, monkeypatch):
    make_ibug(tmp_path, shape(68))
    monkeypatch.setitem(download.SOURCES, "300w", dataclasses.replace(download.SOURCES["300w"], faces=1))
    reporter = Recorder()
    assert download.get("300w", tmp_path, reporter) == f"ibug:{tmp_path}"
    assert reporter.lines[-1] == "1 faces, as many as expected; no fingerprint is known"


def test_unreadable_set_is_rejected(tmp_path):
    (tmp_path / "a.asf").write_text("nothing")
    with pytest.raises(DownloadError, match=r"does not hold this data set: .*no labeled face could be read"):
        download.get("imm", tmp_path)


def test_fingerprint_ignores_folders_but_not_names_or_content(tmp_path):
    def fingerprint(*paths):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(path.rpartition("/")[2])
        return download.flat_fingerprint([tmp_path / path for path in paths])

    flat = fingerprint("a.asf", "b.jpg")
    assert fingerprint("x/a.asf", "y/z/b.jpg") == flat
    assert fingerprint("b.jpg", "a.asf") == flat
    assert fingerprint("a.asf", "c.jpg") != flat
    (tmp_path / "a.asf").write_text("other")
    assert download.flat_fingerprint([tmp_path / "a.asf", tmp_path / "b.jpg"]) != flat


@pytest.mark.parametrize("name", download.SOURCES)
def test_sources_are_complete(name):
    source = download.SOURCES[name]
    assert source.title
    assert source.terms
    assert source.cite
    assert source.urls
    assert source.faces > 0
    assert source.home.startswith("http")
    assert all(suffix.startswith(".") for suffix in source.suffixes)


def test_the_head_model_is_packed_from_its_archive(tmp_path, monkeypatch):
    vertices = "\n".join(f"v {k} 0 1" for k in range(3))
    mesh = vertices + "\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl M_Face\nf 1/1 2/2 3/3\n"
    names = ("generic_neutral_mesh", "identity000", "jawOpen")
    archive = tmp_path / "master.zip"
    archive.write_bytes(zipped([(f"ICT-FaceKit-master/FaceXModel/{name}.obj", mesh.encode()) for name in names]))
    monkeypatch.setattr(download.head_model, "check_content", lambda path: f"{path.name} verified")
    recorder = Recorder()
    spec = download.get("ict-facekit", tmp_path / "out", recorder, archive=archive)
    assert spec == f"heads:64?assets={tmp_path / 'out' / 'ict_facekit.npz'}"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ict_facekit.npz"]
    assert recorder.lines[-1] == "ict_facekit.npz verified"


def test_an_archive_without_the_head_model_leaves_nothing(tmp_path):
    (tmp_path / "x.zip").write_bytes(zipped([("a.txt", b"1")]))
    with pytest.raises(DownloadError, match=r"the archive holds no FaceXModel/generic_neutral_mesh\.obj"):
        download.get("ict-facekit", tmp_path / "out", archive=tmp_path / "x.zip")
    assert not list((tmp_path / "out").iterdir())


# --------------------------------------------------------------------------------------------------------- real files


def test_real_set_has_the_known_fingerprint(real):
    files = [path for path in real("imm_face_db").iterdir() if path.suffix in download.SOURCES["imm"].suffixes]
    assert download.flat_fingerprint(files) == download.SOURCES["imm"].fingerprint


def test_every_address_and_every_switch_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "about" / "network.md").read_text("utf-8")
    addresses = [url for source in download.SOURCES.values() for url in source.urls]
    for text in (*addresses, YUNET_URL.partition("/raw/")[0], *nasion._TELEMETRY_SWITCHES):
        assert text in page
