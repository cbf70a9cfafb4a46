"""The models in the package: each is the file of its card, and the card states what users must know."""

import hashlib
import json
import re
from pathlib import Path

import platformdirs
import pytest

import nasion
from local_server import serving
from nasion.errors import DownloadError, ModelError
from nasion.predict import model_zoo
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import DEFAULT, available, card, download, downloadable, is_run, names, resolve

LARGEST_MB = 8


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Replace the package's models by a folder, which is returned: one model, "one"."""
    folder = tmp_path / "weights"
    folder.mkdir()
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc"
    (folder / "one.toml").write_text(f'sha256 = "{sha256}"\nabout = "a test"\n')
    (folder / "one.onnx").write_bytes(b"abc")
    monkeypatch.setattr(model_zoo, "_folder", lambda: folder)
    return folder


@pytest.mark.parametrize("name", available())
def test_every_model_is_that_of_its_card(name):
    path, text = resolve(name), card(name)
    assert path.stat().st_size <= LARGEST_MB * 1e6
    assert OnnxBackend(path).skeleton.name == text["skeleton"]
    assert {"about", "data", "terms", "command", "scores"} <= text.keys()


@pytest.mark.parametrize("name", available())
def test_every_file_states_how_it_was_trained_but_not_where(name):
    header = OnnxBackend(resolve(name)).header
    assert header.config["model"]["name"]
    assert header.card["weights_sha256"]
    text = json.dumps([header.config, header.card])
    assert not re.search(r"[^\w](/|~/|\w:\\)\w", text)  # a path from a root, a home or a drive
    assert 0 < header.max_relative_spread < 1


def test_default_model_is_in_the_package():
    assert DEFAULT in available()


def test_models_are_listed_by_their_cards_in_order(package):
    (package / "another.toml").write_text("")
    (package / "without-card.onnx").write_bytes(b"")
    assert names() == available() == ["another", "one"]
    assert card("one")["about"] == "a test"


def test_file_that_matches_its_card_is_returned(package):
    assert resolve("one") == package / "one.onnx"


def test_file_that_differs_from_its_card_is_rejected(package):
    (package / "one.onnx").write_bytes(b"abd")
    with pytest.raises(ModelError, match=r"one\.onnx: its SHA-256 differs from its card; reinstall nasion"):
        resolve("one")


def test_missing_file_of_a_card_is_rejected(package):
    (package / "one.onnx").unlink()
    with pytest.raises(ModelError, match='the model "one" is missing from this installation'):
        resolve("one")


@pytest.fixture
def two(package, tmp_path, monkeypatch):
    """Add the downloadable model "two" to the models; returns its file, which is not in the cache."""
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: tmp_path / "cache" / name)
    sha256 = hashlib.sha256(b"weights").hexdigest()
    (package / "two.toml").write_text(f'sha256 = "{sha256}"\nurl = "http://127.0.0.1:9/models/two.onnx"\n')
    file = tmp_path / "downloads" / "file"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    return file


def test_downloadable_model_is_not_available_before_its_download(two):
    assert (names(), available(), downloadable()) == (["one", "two"], ["one"], ["two"])
    with pytest.raises(ModelError, match='"two" is not in the package; download it once with `nasion get two`'):
        resolve("two")


def test_downloaded_model_is_found_in_the_cache(two, tmp_path):
    path = download("two", file=two)
    assert path == resolve("two") == tmp_path / "cache" / "nasion" / "two.onnx"
    assert (available(), downloadable()) == (["one", "two"], ["two"])
    assert download("two") == path  # without a connection, because the file is in the cache


def test_damaged_file_in_the_cache_is_rejected(two):
    download("two", file=two).write_bytes(b"damaged")
    with pytest.raises(ModelError, match="its SHA-256 differs from its card; run `nasion get two`"):
        resolve("two")


def test_failed_download_of_a_model_names_the_remedies(two):
    with pytest.raises(
        DownloadError, match=r"cannot download the model two \(no connection\); .* --url, .* --archive$"
    ):
        download("two")


def test_another_file_is_not_accepted_as_the_model(two, tmp_path):
    two.write_bytes(b"other weights")
    with pytest.raises(DownloadError, match="file: not the model two, or incomplete; its SHA-256 differs"):
        download("two", file=two)
    with pytest.raises(DownloadError, match=r"nowhere: cannot be read \(No such file"):
        download("two", file=tmp_path / "nowhere")
    assert not (tmp_path / "cache").exists()


def test_unknown_name_is_rejected_with_a_suggestion():
    with pytest.raises(ModelError, match='no model "defualt"; did you mean "default"'):
        card("defualt")
    with pytest.raises(ModelError, match=r'no model "defualt"; did you mean "default".*or give an \.onnx file'):
        resolve("defualt")


def test_path_of_a_file_is_returned_without_a_check(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"anything")
    assert resolve(str(tmp_path / "mine.onnx")) == tmp_path / "mine.onnx"
    assert resolve(tmp_path / "mine.onnx") == tmp_path / "mine.onnx"


def test_folder_is_not_a_file(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        resolve(tmp_path)


def test_folder_is_a_run_unless_it_has_the_name_of_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("")
    assert not is_run("default")
    assert not is_run(Path("default"))
    assert is_run("mine")
    assert is_run(tmp_path / "default")
    assert not is_run("file")
    assert not is_run("missing")
    assert resolve("default").name == "default.onnx"


# The models of the repository that are not in the package

MODELS = Path(__file__).resolve().parents[2] / "models"


def test_every_downloadable_model_is_in_the_repository():
    assert sorted(file.stem for file in MODELS.glob("*.onnx")) == downloadable() == ["large"]


def test_the_file_of_large_is_downloaded_verified_and_predicts(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda folder: tmp_path / folder)
    content = (MODELS / "large.onnx").read_bytes()
    assert len(content) < 8_000_000
    with serving(content) as server:
        file = download("large", f"{server.address}/large.onnx")
        assert download("large", f"{server.address}/large.onnx") == file  # from the cache
        assert server.requests == 1
    assert resolve("large") == file
    measured = nasion.evaluate("large", "synthetic:3?skeleton=ibug-68", "points")
    assert measured.scores()["nme/inter_ocular"] < 0.08
