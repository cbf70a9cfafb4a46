"""get, doctor, show, convert and formats."""

import hashlib

import platformdirs
import pytest
from skimage import data

from local_server import serving
from made_files import make_imm, shape
from nasion import datasets, images
from nasion.predict import model_zoo
from nasion.skeleton import load_skeleton


def test_doctor_prints_findings_and_draws_unusual_faces(nasion, tmp_path):
    code, out, error = nasion("doctor", "synthetic:24", "--out", "deep/found")
    assert (code, error) == (0, "")
    assert "verdict" in out
    assert "24 faces in 24 images of 4 subjects" in " ".join(out.split())
    assert "the faces: deep/found/findings.png; every file: deep/found/findings.csv" in " ".join(out.split())
    assert (tmp_path / "deep" / "found" / "findings.png").exists()
    assert (tmp_path / "deep" / "found" / "findings.csv").exists()


def test_doctor_without_a_model_writes_its_findings_as_json(nasion, read_json):
    code, _, error = nasion("doctor", "synthetic:24", "--model", "none", "--json", "found.json")
    assert (code, error) == (0, "")
    content = read_json("found.json", "findings")
    assert content["skeleton"] == "imm-58"
    opinion = next(each for each in content["findings"] if each["check"] == "second opinion")
    assert (opinion["verdict"], opinion["faces"]) == ("unknown", [])


def test_doctor_with_an_unknown_model_fails_before_it_reads(nasion):
    code, _, error = nasion("doctor", "imm:nowhere", "--model", "nose")
    assert code == 2
    assert 'no model "nose"' in error


def test_show_draws_labeled_faces(nasion, tmp_path):
    code, out, error = nasion("show", "synthetic:24", "--count", 5)
    assert (code, error) == (0, "")
    assert "5 of 24 faces → show.png" in out
    assert images.read(tmp_path / "show.png").shape[1] > 1000


def test_show_draws_the_crops_of_a_recipe(nasion, tmp_path):
    pytest.importorskip("torch")
    words = ("--recipe", "danes-heatmap", "--count", 2, "--out", "crops.png", "--set", "augment.rotation_deg=5")
    code, out, error = nasion("show", "synthetic:24", *words)
    assert (code, error) == (0, "")
    assert "2 of 24 faces → crops.png" in out
    assert images.read(tmp_path / "crops.png").shape[1] > 1000


def test_every_format_is_listed_with_its_options(nasion):
    out = nasion("formats")[1]
    for name in datasets.available():
        assert datasets.module(name).DESCRIPTION in out
    assert "?eyes=" in out


def test_download_from_an_archive_is_verified(nasion, tmp_path):
    import zipfile

    make_imm(tmp_path / "source", shape(58))
    with zipfile.ZipFile(tmp_path / "imm.zip", "w") as packed:
        for path in (tmp_path / "source").iterdir():
            packed.write(path, path.name)
    code, out, error = nasion("get", "imm", "data", "--archive", "imm.zip")
    assert code == 2
    assert "IMM Face Database" in out
    assert "education and research" in out
    assert "fingerprint" in error


@pytest.fixture
def small_model(tmp_path, monkeypatch):
    """Serve a copy of the model tiny as the downloadable model "small" on this machine."""
    content = model_zoo.resolve("tiny").read_bytes()
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(model_zoo, "_folder", lambda: folder)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: tmp_path / "cache" / name)
    with serving(content) as served:
        sha256, url = hashlib.sha256(content).hexdigest(), f"{served.address}/models/small.onnx"
        (folder / "small.toml").write_text(f'sha256 = "{sha256}"\nterms = "research only"\nurl = "{url}"\n')
        yield


def test_model_is_downloaded_once_and_then_predicts(nasion, small_model, tmp_path):
    images.write(tmp_path / "a.png", data.astronaut())
    code, _, error = nasion("predict", "a.png", "--model", "small", "--box", "170,70,280,200")
    assert (code, error) == (
        2,
        'nasion: the model "small" is not in the package; download it once with `nasion get small`\n',
    )
    assert "small (not in the package; download it with: nasion get small)" in nasion("models")[1]
    code, out, error = nasion("get", "small")
    assert (code, error) == (0, "")
    assert out.splitlines()[0] == "terms: research only"
    assert "small (0.8 MB) → " in out
    code, out, error = nasion("predict", "a.png", "--model", "small", "--box", "170,70,280,200")
    assert code == 0, error
    assert "not in the package" not in nasion("models")[1]


def test_wrong_ways_to_get_something_are_one_line(nasion, small_model, tmp_path):
    for words, message in (
        (("get", "small", "folder"), "models are downloaded into the cache; omit folder"),
        (("get", "imm"), "name the folder for the dataset, such as: nasion get imm data/imm"),
        (("get", "smal"), 'no data set or model "smal" to get; did you mean "small"?'),
        (("get", "small", "--url", "http://127.0.0.1:9/x"), "cannot download the model small (no connection)"),
        (("get", "small", "--archive", "nowhere.onnx"), "nowhere.onnx: cannot be read"),
    ):
        code, _, error = nasion(*words)
        assert (code, error.count("\n")) == (2, 1), (words, error)
        assert message in error
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("words", [("doctor", "imm:nowhere"), ("show", "csv:nowhere.csv"), ("get", "imn", "x")])
def test_missing_data_is_one_line(nasion, words, tmp_path):
    code, _, error = nasion(*words)
    assert code == 2
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_huge_image_is_skipped_and_named(nasion, tmp_path):
    from test_images import huge_png

    make_imm(tmp_path / "imm", shape(58))
    text = (tmp_path / "imm" / "07-3m.asf").read_text()
    (tmp_path / "imm" / "08-1m.asf").write_text(text.replace("07-3m", "08-1m"))
    huge_png(tmp_path / "imm" / "08-1m.jpg")
    code, out, _ = nasion("doctor", "imm:imm")
    assert code == 0
    assert "08-1m.asf" in out
    assert "too large" in out


def test_convert_says_what_is_lost(nasion, tmp_path):
    make_imm(tmp_path / "imm", shape(58))
    code, out, error = nasion("convert", "imm:imm", "coco:a/faces.json")
    assert (code, error) == (0, "nasion: created the folder a\n")
    assert out.split("\n")[-3:] == ["not stored in coco: splits", "1 face in 1 image → coco:a/faces.json", ""]
    assert datasets.load("coco:a/faces.json").skeleton.name == "imm-58"
    code, _, error = nasion("convert", "imm:imm", "ibug:faces", "--strict")
    assert code == 2
    assert error == "nasion: not stored in ibug: splits; nothing was written because of --strict\n"
    assert not (tmp_path / "faces").exists()


def test_convert_replaces_only_on_request(nasion, tmp_path):
    make_imm(tmp_path / "imm", shape(58))
    (tmp_path / "faces.csv").write_text("by hand")
    code, _, error = nasion("convert", "imm:imm", "csv:faces.csv")
    assert (code, error) == (2, "nasion: faces.csv exists; choose another name, or replace it with --overwrite\n")
    assert (tmp_path / "faces.csv").read_text() == "by hand"
    assert nasion("convert", "imm:imm", "csv:faces.csv", "--overwrite")[0] == 0
    assert len(datasets.load("csv:faces.csv")) == 1


def test_convert_chooses_points(nasion, tmp_path):
    make_imm(tmp_path / "imm", shape(58))
    assert nasion("convert", "imm:imm", "csv:a.csv", "--skeleton", "nose-1")[0] == 0
    assert datasets.load("csv:a.csv").skeleton.name == "nose-1"
    (tmp_path / "m.toml").write_text('to = "nose-1"\npoints = "50+54"\n')
    assert nasion("convert", "imm:imm", "csv:b.csv", "--mapping", "m.toml")[0] == 0
    (tmp_path / "imm" / "07-4m.asf").write_text("a diary")
    code, out, _ = nasion("convert", "imm:imm", "csv:c.csv")
    assert code == 0
    assert "skipped 1 face that cannot be read; nasion doctor imm:imm lists the reasons" in out


def test_a_new_skeleton_is_written_once(nasion, tmp_path):
    code, out, _ = nasion("new", "skeleton", "mine.toml", "--names", "left_eye, right_eye,nose")
    assert (code, out) == (0, "→ mine.toml\nnext: nasion doctor 'csv:FACES.csv?skeleton=mine.toml'\n")
    found = load_skeleton(str(tmp_path / "mine.toml"))
    assert found.names == ("left_eye", "right_eye", "nose")
    assert nasion("new", "skeleton", "mine.toml")[0] == 2
    assert load_skeleton(str(tmp_path / "mine.toml")) is found


def test_heads_are_rendered_and_resumed(nasion, real):
    pytest.importorskip("numba", reason="rendered heads need numba; pip install 'nasion[render]'")
    words = ("heads", "out", "--assets", str(real("ict_facekit.npz")), "--size", "48")
    code, out, _ = nasion(*words, "--count", "1")
    assert code == 0
    assert "1 head → out/keypoints.json" in out
    code, out, _ = nasion(*words, "--count", "2")
    assert code == 0
    assert "1 of 2 heads: present" in out
    code, _, error = nasion(*words, "--count", "2", "--seed", "1")
    assert code == 2
    assert "out holds heads with other settings (seed)" in error
    assert error.count("\n") == 1


def test_heads_without_the_head_model_are_one_line(nasion, tmp_path):
    pytest.importorskip("numba", reason="rendered heads need numba; pip install 'nasion[render]'")
    code, _, error = nasion("heads", "out", "--count", "1", "--assets", "nowhere.npz")
    assert code == 2
    assert "nowhere.npz: no such file with the head model; `nasion get ict-facekit" in error
    assert not (tmp_path / "out").exists()
