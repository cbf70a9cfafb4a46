"""The command line as a whole: every mistake is one line and exit code 2, and nothing is half-written."""

import subprocess
import sys

import numpy as np
import pytest

from nasion import cli, images
from nasion.datasets.drawn import render_face

BAD = {
    "unknown output format": ("predict", "a.png", "--format", "xml"),
    "too small a crop": ("train", "danes", "--data", "synthetic:24", "--set", "crop.height=16"),
    "nodes without a folder": ("train", "nose", "--data", "synthetic:24", "--nodes", "2"),
    "missing folder": ("doctor", "imm:nowhere"),
    "unknown format": ("doctor", "inm:x"),
    "unknown recipe": ("train", "nsoe", "--data", "synthetic:6"),
    "unknown key": ("train", "nose", "--data", "synthetic:6", "--set", "optimzer.lr=1"),
    "no data": ("train", "nose"),
    "no recipe": ("train",),
    "wrong skeleton": ("train", "danes", "--data", "synthetic:6?skeleton=ibug-68"),
    "unknown point": ("evaluate", "default", "synthetic:6?skeleton=ibug-68", "--point", "68"),
    "boxes and scores": ("predict", "a.png", "--box", "1,2,3,4", "--min-score", "0.5"),
    "no such model": ("predict", "a.png", "--model", "defualt"),
    "pattern without a match": ("predict", "*.jpeg"),
    "missing detector": ("predict", "a.png", "--detector-weights", "nowhere.onnx"),
    "one image to match": ("match", "a.png"),
    "missing images": ("match", "a.png", "b.png"),
    "malformed face numbers": ("match", "a.png", "b.png", "--face", "x"),
    "missing init": ("train", "finetune", "--data", "synthetic:12", "--init", "nowhere"),
    "missing run to export": ("export", "nowhere", "net.onnx"),
    "unknown boxes": ("evaluate", "default", "synthetic:6?skeleton=ibug-68", "--boxes", "guesses"),
    "no model": ("predict", "a.png", "--model", "nowhere"),
    "no run": ("evaluate", ".", "synthetic:6"),
    "resume nothing": ("train", "--resume", "nowhere"),
    "resume and change": ("train", "nose", "--resume", "nowhere"),
    "nothing to sweep": ("sweep", "nose", "--data", "synthetic:6"),
    "unknown set": ("get", "imn", "x"),
    "offline": ("get", "imm", "x", "--url", "http://127.0.0.1:1/x.zip"),
    "unknown suffix": ("show", "synthetic:6", "--out", "a.xyz"),
}


WORDS = {
    "unknown output format": 'unknown format "xml"',
    "too small a crop": "crop",
    "missing folder": "nowhere",
    "unknown format": 'unknown data format "inm"',
    "unknown recipe": "nose",
    "unknown key": "optimizer",
    "no data": "--data",
    "unknown point": "0 to 67",
    "boxes and scores": "--min-score",
    "no such model": "default",
    "missing detector": "nowhere.onnx",
    "one image to match": "two images",
    "malformed face numbers": "--face",
    "missing init": "nowhere",
    "resume nothing": "nowhere",
    "unknown set": "imm",
    "unknown suffix": ".xyz",
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(nasion, case, tmp_path):
    if BAD[case][0] in ("train", "sweep"):
        pytest.importorskip("pytorch_lightning")
    code, _, error = nasion(*BAD[case])
    assert code == 2
    assert error.startswith("nasion: ")
    assert WORDS.get(case, "") in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "5,5,5,9", "nan,0,1,1", "9,9,1,1"])
def test_malformed_box_is_rejected(nasion, trained, tmp_path, box):
    images.write(tmp_path / "a.png", render_face(5, 0, 0, "imm-58").image)
    code, _, error = nasion("predict", "a.png", "--model", trained, "--box", box)
    assert code == 2
    assert error.count("\n") == 1
    assert "x0,y0,x1,y1" in error


@pytest.mark.parametrize("content", [b"a diary", b"", b"\xff\xd8\xff\xe0 broken"])
def test_single_unreadable_image_is_exit_code_2(nasion, trained, tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    code, _, error = nasion("predict", "a.jpg", "--model", trained)
    assert code == 2
    assert "a.jpg" in error
    assert error.count("\n") == 1


def test_one_pixel_is_predicted(nasion, trained, tmp_path):
    images.write(tmp_path / "a.png", np.zeros((1, 1, 3), np.uint8))
    assert nasion("predict", "a.png", "--model", trained)[0] == 0


def test_unwritable_output_is_one_line(nasion, trained, tmp_path):
    images.write(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "taken").write_text("a file")
    for words in [
        ("predict", "a.png", "--model", trained, "--out", "taken"),
        ("train", "nose", "--data", "synthetic:12", "--out", "taken/run"),
    ]:
        code, _, error = nasion(*words)
        assert code == 2
        assert "choose another location" in error


def test_a_full_disk_is_one_line(nasion, trained, monkeypatch, tmp_path):
    from nasion import atomic

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    code, _, error = nasion("show", "synthetic:6")
    assert code == 2
    assert "No space left on device" in error
    assert not list(tmp_path.iterdir())


def test_import_loads_no_heavy_package():
    heavy = ("torch", "pytorch_lightning", "matplotlib", "cv2", "fastapi")
    code = f"import sys, nasion; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_command_line_loads_neither_torch_nor_plots():
    heavy = ("torch", "pytorch_lightning", "matplotlib", "fastapi", "jinja2")
    code = f"import sys, nasion.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_help_text(nasion, name):
    code, out, _ = nasion(name, "--help")
    assert code == 0
    assert cli.COMMANDS[name].__doc__.splitlines()[0].rstrip(".") in " ".join(out.split())


def test_help_lists_every_command(nasion):
    _, out, _ = nasion("--help")
    for name in cli.COMMANDS:
        assert f"  {name} " in out


def test_os_errors_are_one_line(nasion, monkeypatch):
    def fails(*_):
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr(cli, "app", fails)
    code, _, error = nasion("formats")
    assert (code, error) == (2, "nasion: /somewhere: Input/output error\n")


def test_ctrl_c_is_exit_code_130(nasion, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    assert nasion("formats")[0] == 130


def test_other_errors_keep_their_traceback(nasion, monkeypatch):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ZeroDivisionError):
        nasion("formats")
