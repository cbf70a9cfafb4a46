"""The wheel in a fresh environment: it works without torch, has a model, and is as small as the documentation says."""

import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from nasion import images

ROOT = Path(__file__).parents[1]

SMALL = "pip install --constraint constraints/small.txt ."

TOLERANCE = 0.05
"""How much larger than stated the install may be: the constraints leave the versions of the small packages open."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the folder of an environment with the wheel and its dependencies; both packages are checked."""
    folder = tmp_path_factory.mktemp("install")
    build = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    check = [sys.executable, "-m", "twine", "check", "--strict", *folder.glob("nasion-*")]
    assert subprocess.run(check, capture_output=True).returncode == 0
    venv.create(folder / "venv", with_pip=True)
    (wheel,) = folder.glob("*.whl")
    pip = [folder / "venv/bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*pip, *SMALL.split()[2:4], wheel], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder / "venv"


def run(installed, *words, cwd):
    return subprocess.run([installed / "bin" / words[0], *words[1:]], capture_output=True, text=True, cwd=cwd)


def test_the_version_has_one_value():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {project['version']}\n" in citation
    assert f"version = {{{project['version']}}}" in (ROOT / "docs" / "about" / "citation.md").read_text("utf-8")
    sources = [path for path in (ROOT / "src").rglob("*.py") if f'"{project["version"]}"' in path.read_text("utf-8")]
    assert not sources


def test_the_wheel_predicts_a_face_without_torch(installed, tmp_path):
    images.write(tmp_path / "astronaut.png", data.astronaut())
    torch = run(installed, "python", "-c", "import torch", cwd=tmp_path)
    assert "No module named 'torch'" in torch.stderr
    done = run(installed, "python", "-m", "nasion", "predict", "astronaut.png", "--box", "176,95,275,180", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (face,) = json.loads((tmp_path / "predictions" / "keypoints.json").read_text())["images"][0]["faces"]
    points = np.array(face["keypoints"])
    assert points.shape == (68, 2)
    assert np.linalg.norm(points[30] - [225, 127]) < 6
    assert ((points > [165, 85]) & (points < [290, 195])).all()


def test_commands_that_need_torch_name_the_extra(installed, tmp_path):
    for words in (("train", "nose", "--data", "synthetic:6"), ("export", "run", "x.onnx")):
        done = run(installed, "nasion", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert "pip install 'nasion[train]'" in done.stderr
        assert done.stderr.count("\n") == 1
    assert run(installed, "nasion", "models", cwd=tmp_path).returncode == 0
    done = run(installed, "nasion", "evaluate", "default", "synthetic:2?skeleton=ibug-68", cwd=tmp_path)
    assert done.returncode == 0
    assert "nme/inter_ocular" in done.stdout


def test_the_install_is_as_small_as_the_documentation_says(installed):
    stated = re.search(
        rf"(\d+) MB with `{re.escape(SMALL)}`", " ".join((ROOT / "docs" / "index.md").read_text("utf-8").split())
    )
    (packages,) = installed.glob("lib/python*/site-packages")
    excluded = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    files = [
        path
        for path in packages.rglob("*")
        if path.is_file() and not path.relative_to(packages).parts[0].startswith(excluded)
    ]
    assert sum(path.stat().st_size for path in files) / 1e6 < (1 + TOLERANCE) * int(stated[1])
