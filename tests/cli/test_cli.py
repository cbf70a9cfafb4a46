"""The command line as a whole: every mistake is one line and exit code 2, and nothing is half-written."""

import re
import shlex
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import typer

from nasion import cli, images
from nasion.cli.help import help_and_examples
from nasion.datasets.drawn import render_face

FACES = "synthetic:6?skeleton=ibug-68"

BAD = {
    "no such command": ("predcit a.png", 'did you mean "predict"'),
    "a file as a command": ("notes.txt", "nasion predict notes.txt"),
    "a folder as a command": ("empty", "nasion predict empty"),
    "no images": ("predict", "nasion predict --help"),
    "misspelled option": ("predict a.png --modle tiny", "--model"),
    "option without a value": ("predict a.png --out", "--out"),
    "unknown output format": ("predict a.png --format xml", "csv-long"),
    "similar output format": ("predict a.png --format cvs", 'did you mean "csv"'),
    "unknown device": ("predict a.png --device gpu", "cuda"),
    "score above 1": ("predict a.png --min-score 3", "nasion predict --help"),
    "score that is not a number": ("predict a.png --min-score high", "nasion predict --help"),
    "boxes and scores": ("predict a.png --box 1,2,3,4 --min-score 0.5", "--min-score"),
    "malformed box": ("predict a.png --box 1,2,3", "x0,y0,x1,y1"),
    "missing file of boxes": ("predict a.png --box gone.csv", "no such file"),
    "other columns of boxes": ("predict a.png --box other.csv", "image,x0,y0,x1,y1"),
    "missing points in .pts": ("predict a.png --format pts --max-spread 0.1", "such as json or csv"),
    "no such model": ("predict a.png --model defualt", 'did you mean "default"'),
    "an image as a model": ("predict a.png --model a.png", "name another .onnx file"),
    "a folder that is not a run": ("predict a.png --model empty", "nasion train"),
    "pattern without a match": ("predict *.jpeg", "check the pattern"),
    "folder without images": ("predict empty", "name another one"),
    "images in deeper folders": ("predict deep", "--recursive"),
    "missing image": ("predict gone.png --box image", "check the path"),
    "a video": ("predict clip.mp4 --box image", "nasion video clip.mp4"),
    "missing detector": ("predict a.png --detector-weights gone.onnx", "gone.onnx"),
    "an image as a video": ("video a.png", "nasion predict a.png"),
    "unknown smoothing": ("video clip.mp4 --smooth much", "strong"),
    "one image to match": ("match a.png", "two images"),
    "missing images to match": ("match b.png c.png --box image", "check the path"),
    "malformed face numbers": ("match a.png a.png --face x", "0,2"),
    "unknown morph": ("match a.png a.png --morph avi", "gif"),
    "unknown template": ("crop a.png --as arcfcae", 'did you mean "arcface"'),
    "unknown border": ("crop a.png --border white", "reflect"),
    "known length without mm": ("measure a.png --known pupils", "pupils=63"),
    "missing definitions": ("measure a.png --definitions gone.toml", "check the path"),
    "table with another suffix": ("measure a.png --out a.txt", ".csv"),
    "port that is not a number": ("serve --port web", "--port"),
    "port out of range": ("serve --port 70000", "65535"),
    "crops that are too large": ("crop a.png --size 9000", "1 to 8192 px"),
    "data without a format": ("doctor faces", "imm:DIR"),
    "missing folder of data": ("doctor imm:nowhere", "nowhere"),
    "unknown data format": ("doctor inm:x", 'did you mean "imm"'),
    "unknown data option": ("doctor synthetic:6?skelton=ibug-68", 'did you mean "skeleton"'),
    "unknown data set": ("get imn x", "imm"),
    "missing archive": ("get imm x --archive gone.zip", "gone.zip: no such file; check the path"),
    "offline": ("get imm x --url http://127.0.0.1:1/x.zip", "--archive"),
    "unknown suffix of an image": ("show synthetic:6 --out a.xyz", ".png"),
    "too many faces": ("show synthetic:6 --count 1000", "200"),
    "format that cannot be written": ("convert synthetic:6 synthetic:x", "these can"),
    "unknown skeleton": ("convert synthetic:6 csv:x.csv --skeleton nose", "nose-1"),
    "unknown kind of file": ("new skelton a.toml", 'did you mean "skeleton"'),
    "existing skeleton": ("new skeleton mine.toml", "choose another name"),
    "names that repeat": ("new skeleton a.toml --names eye,eye", "same name"),
    "skeleton without suffix": ("new skeleton mine", ".toml"),
    "start from an unknown recipe": ("new recipe a.toml --from nsoe", 'did you mean "nose"'),
    "unknown split": ("evaluate default synthetic:6 --split tset", 'did you mean "test"'),
    "unknown split to audit": (f"audit default {FACES} --split tset", 'did you mean "test"'),
    "unknown point": (f"evaluate default {FACES} --point 68", "0 to 67"),
    "unknown boxes": (f"evaluate default {FACES} --boxes guesses", "detector"),
    "a folder to evaluate that is not a run": ("evaluate empty synthetic:6", "nasion train"),
}
"""Wrong commands, and a part of the error message that names the remedy."""

BAD_TRAINING = {
    "no recipe": ("train", "default"),
    "unknown recipe": ("train nsoe --data synthetic:6", 'did you mean "nose"'),
    "no data": ("train nose", "--data"),
    "minutes that are not a number": ("train nose --data synthetic:6 --minutes long", "--minutes"),
    "unknown section": ("train nose --data synthetic:6 --set optimzer.lr=1", 'did you mean "optimizer"'),
    "unknown key": ("train nose --data synthetic:6 --set optimizer.rate=1", "lr"),
    "setting without a value": ("train nose --data synthetic:6 --set optimizer.lr", "optimizer.lr=1e-4"),
    "too small a crop": ("train danes --data synthetic:24 --set crop.height=16", "crop"),
    "nodes without a folder": ("train nose --data synthetic:24 --nodes 2", "--out"),
    "wrong skeleton": ("train danes --data synthetic:6?skeleton=ibug-68", "imm-58"),
    "missing init": ("train finetune --data synthetic:12 --init nowhere", "nowhere"),
    "resume nothing": ("train --resume nowhere", "nowhere"),
    "resume and change": ("train nose --resume nowhere", "omit"),
    "nothing to sweep": ("sweep nose --data synthetic:6", "--set optimizer.lr=1e-5,1e-4,1e-3"),
    "missing run to export": ("export nowhere net.onnx", "nowhere"),
    "unknown precision": ("export nowhere net.onnx --precision double", "int8"),
    "unknown recipe to list": ("settings nsoe", 'did you mean "nose"'),
    "unknown section to list": ("settings nose augmnt", 'did you mean "augment"'),
}
"""The same for commands that need torch."""

BAD_STUDIO = {"missing folder to correct": ("serve gone", "check the path")}
"""The same for the studio."""


@pytest.fixture
def mistaken(nasion, tmp_path):
    """Return a function that runs a command where some files exist, and checks that it writes none."""
    images.write(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    images.write(tmp_path / "deep" / "er" / "a.png", np.zeros((9, 9, 3), np.uint8))
    for name, text in (("notes.txt", ""), ("clip.mp4", "no video"), ("other.csv", "image,x\n"), ("mine.toml", "")):
        (tmp_path / name).write_text(text)
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))

    def run(words):
        result = nasion(*words.split())
        assert sorted(tmp_path.rglob("*")) == before
        return result

    return run


@pytest.mark.parametrize("case", BAD | BAD_TRAINING | BAD_STUDIO)
def test_a_mistake_is_one_line_with_the_remedy(mistaken, case):
    if case in BAD_TRAINING:
        pytest.importorskip("pytorch_lightning")
    if case in BAD_STUDIO:
        pytest.importorskip("uvicorn")
    words, remedy = (BAD | BAD_TRAINING | BAD_STUDIO)[case]
    code, _, error = mistaken(words)
    assert code == 2
    assert error.startswith("nasion: ")
    assert error.count("\n") == 1
    assert remedy in error
    assert "Traceback" not in error


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


def test_command_line_imports_what_a_command_needs_only_when_it_runs():
    heavy = (
        "numpy",
        "cv2",
        "PIL",
        "onnxruntime",
        "rich",
        "torch",
        "matplotlib",
        "fastapi",
        "nasion.datasets",
        "nasion.sample",
    )
    code = f"import sys, nasion.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


COMMANDS = [*((name,) for name in cli.COMMANDS), *(("new", name) for name in cli.NEW)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_text_that_ends_with_examples(nasion, words):
    function = cli.NEW[words[1]] if words[0] == "new" else cli.COMMANDS[words[0]]
    text, examples = help_and_examples(function)
    code, out, error = nasion(*words, "--help")
    assert (code, error) == (0, "")
    assert text.splitlines()[0] in " ".join(out.split())
    assert out.rstrip().endswith("\n".join(["Examples:", *(f"    {line}" for line in examples.splitlines())]))
    assert examples.startswith(f"nasion {' '.join(words)}") or words == ("predict",)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_names_its_value(nasion, words):
    """Without a metavar, typer shows the type of the value in angle brackets."""
    assert not re.search(r"<\w+>", nasion(*words, "--help")[1])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_examples_are_accepted(words):
    function = cli.NEW[words[1]] if words[0] == "new" else cli.COMMANDS[words[0]]
    for line in help_and_examples(function)[1].splitlines():
        given = shlex.split(line.rpartition("nasion ")[2])
        command = typer.main.get_command(cli.app)
        while hasattr(command, "commands"):
            command, given = command.commands[given[0]], given[1:]
        command.make_context("nasion", given)


def test_help_fits_80_columns(nasion, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = nasion("--help")
    assert max(map(len, out.splitlines())) <= 80
    for name, command in cli.COMMANDS.items():
        (line,) = (line for line in out.splitlines() if line.startswith(f"  {name} "))
        assert line.split(maxsplit=1)[1] == help_and_examples(command)[0].splitlines()[0]
    assert "..." not in out.replace("[ARGS]...", "")


def test_help_lists_every_command_in_its_panel(nasion):
    _, out, _ = nasion("--help")
    panels = [line.rstrip(":") for line in out.splitlines() if line and line[0] != " "]
    assert panels[1:] == ["Options", "Use", "Label", "Train", "Data"]
    places = [out.index(f"\n  {name} ") for panel in cli.PANELS.values() for name in panel]
    assert places == sorted(places)
    assert out.index("\nLabel:") < out.index("\n  new ") < out.index("\nTrain:")


def test_without_a_command_the_help_text_is_printed(nasion):
    assert nasion() == nasion("--help")


def test_version_is_printed(nasion):
    assert nasion("--version") == (0, f"nasion {metadata.version('nasion')}\n", "")


def test_quiet_prints_only_what_needs_attention(nasion):
    assert nasion("show", "synthetic:6", "--quiet") == (0, "", "")
    assert nasion("doctor", "synthetic:6", "--quiet")[:2] == (0, "")
    assert "show.png" in nasion("show", "synthetic:6")[1]
    code, out, error = nasion("doctor", "csv:nowhere.csv", "-q")
    assert (code, out) == (2, "")
    assert "nowhere.csv" in error


@pytest.mark.parametrize(
    ("words", "found", "other"),
    [
        ("nasion pre", "predict", "video"),
        ("nasion predict a.jpg --format cs", "csv-long", "json"),
        ("nasion predict a.jpg --model ti", "tiny", "default"),
        ("nasion train no", "nose", "danes"),
        ("nasion doctor label", "labelme", "imm"),
        ("nasion get i", "imm", "300w"),
    ],
)
def test_the_shell_completes_words(nasion, monkeypatch, words, found, other):
    monkeypatch.setenv("_NASION_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
    code, out, _ = nasion()
    assert code == 0
    assert found in out
    assert other not in out


def test_os_errors_are_one_line(nasion, monkeypatch):
    def fails(*_, **__):
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr(cli, "app", fails)
    code, _, error = nasion("formats")
    assert (code, error) == (2, "nasion: /somewhere: Input/output error\n")


def test_ctrl_c_is_exit_code_130(nasion, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    assert nasion("formats")[0] == 130


def test_other_errors_keep_their_traceback(nasion, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ZeroDivisionError):
        nasion("formats")
