"""The choice of a detector: YuNet from a file or its download, otherwise nasion's own."""

from pathlib import Path

import numpy as np
import pytest

from nasion.detect import PACKAGED, PeakDetector, YuNet, best_detector, detector, yunet
from nasion.errors import DownloadError, ModelError


@pytest.fixture
def download(monkeypatch):
    """Replace download and YuNet by recorders; a download fails with `download.error` if it is set."""

    class Download:
        error = None
        asked, opened = (), ()

        def get(self, *given):
            self.asked = given
            if self.error:
                raise self.error
            return "cached file"

        def open(self, path):
            self.opened = (path,)
            return "yunet"

    recorder = Download()
    monkeypatch.setattr(detector, "download_cached", recorder.get)
    monkeypatch.setattr(yunet, "YuNet", recorder.open)
    return recorder


def test_yunet_is_downloaded_by_default(download):
    notices = []
    assert best_detector(notice=notices.append) == "yunet"
    url, sha256, title, remedy = download.asked
    assert (url, sha256, title) == (yunet.YUNET_URL, yunet.YUNET_SHA256, "the face detector")
    assert "--detector-weights" in remedy
    assert download.opened == ("cached file",)
    assert notices == []


def test_given_weights_are_used_without_a_download(download, tmp_path):
    assert best_detector(tmp_path / "mine.onnx") == "yunet"
    assert download.opened == (tmp_path / "mine.onnx",)
    assert download.asked == ()


def test_nasions_own_replaces_yunet_without_a_download(download):
    download.error = DownloadError("cannot download it (no connection)")
    notices = []
    assert isinstance(best_detector(notice=notices.append), PeakDetector)
    assert notices == ["cannot download it (no connection); using nasion's detector instead"]
    assert isinstance(best_detector(), PeakDetector)  # a notice is optional


@pytest.mark.parametrize("name", [PACKAGED, Path(PACKAGED)])
def test_nasions_own_has_a_name(download, name):
    assert isinstance(best_detector(name), PeakDetector)
    assert download.asked == ()


def test_other_errors_of_the_download_are_not_hidden(download):
    download.error = ModelError("damaged")
    with pytest.raises(ModelError, match="damaged"):
        best_detector()


def test_nasions_own_is_used_when_no_server_answers():
    notices = []
    assert best_detector(notice=notices.append).name == "nasion's detector"
    assert len(notices) == 1
    assert "no connection" in notices[0]


@pytest.mark.parametrize("content", [None, b"", b"<html>", b"\x08\x01" * 400])
def test_weights_that_are_not_yunet_are_rejected(tmp_path, content):
    path = tmp_path / "yunet.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"yunet\.onnx"):
        best_detector(path)


def test_yunet_file_is_opened(yunet_file):
    found = best_detector(yunet_file)
    assert isinstance(found, YuNet)
    assert found(np.full((64, 64, 3), 90, np.uint8)) == []
