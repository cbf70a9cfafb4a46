"""Nothing leaves the machine: packets, name queries and connections of all that nasion does are counted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.isolated_network import NOT_PERMITTED

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"

WAIT_S = 60
"""How long packets are counted after the last action."""

CONTROL_S = 20
"""The same without the switches: ONNX Runtime 1.32 looks up its server after less than 10 s."""

NOTHING = {"names": [], "packets": 0, "connections": 0}

CONNECT = "import urllib.request; urllib.request.urlopen('https://example.org', timeout=2)"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CONNECT!r}])"

USE_ONNX_RUNTIME = """
import sys, time
import onnxruntime
onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def newest(tmp_path_factory):
    """Return a folder with the newest ONNX Runtime, which precedes that of the environment."""
    folder = tmp_path_factory.mktemp("newest")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", folder]
    done = subprocess.run([*pip, "onnxruntime"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def counted(newest, tmp_path):
    """Return a function that runs Python in an isolated network; it returns what left, and the output.

    The environment is empty except for paths: ONNX Runtime sends nothing if variables show that it is tested.
    """
    missing = [name for name in ("unshare", "ip", "mount") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not found; install util-linux and iproute2")
    environment = {
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(newest), str(SOURCE)]),
    }

    def run(*words):
        isolated = ["unshare", "--map-root-user", "--net", "--mount", sys.executable, HERE / "isolated_network.py"]
        done = subprocess.run(
            [*isolated, sys.executable, *map(str, words)], capture_output=True, text=True, cwd=tmp_path, env=environment
        )
        if done.returncode == NOT_PERMITTED or done.stderr.startswith("unshare:"):
            pytest.skip(f"network namespaces are not permitted here: {done.stderr.strip()}")
        output, counts = done.stdout.rstrip().rpartition("\n")[::2]
        return json.loads(counts), output, done

    return run


def test_connection_of_a_child_process_is_counted(counted):
    counts, _, _ = counted("-c", CHILD)
    assert set(counts["names"]) == {"example.org"}
    assert counts["connections"] >= 1
    assert counts["packets"] >= counts["connections"]


def test_loopback_is_not_counted(counted):
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    assert counted("-c", code)[0] == NOTHING


def test_telemetry_is_counted_where_it_is_on(counted, tmp_path):
    model = SOURCE / "nasion" / "weights" / "tiny.onnx"
    counts, _, _ = counted("-c", USE_ONNX_RUNTIME, model, CONTROL_S)
    if counts == NOTHING:
        pytest.skip("this version of ONNX Runtime sends nothing")
    assert counts["connections"] >= 1
    assert list(tmp_path.rglob("deviceid"))


def test_nothing_leaves_the_machine(counted, newest, request, tmp_path):
    try:
        detector = [request.getfixturevalue("yunet_file").resolve()]
    except pytest.skip.Exception:
        detector = []
    counts, output, done = counted(HERE / "network_actions.py", WAIT_S, *detector)
    assert done.returncode == 0, done.stderr
    assert counts == NOTHING
    assert output.splitlines()[-1].startswith(str(newest))
    assert (tmp_path / "predictions" / "keypoints.json").is_file()
    assert (tmp_path / "clip-points.mp4").is_file() == bool(detector)
    assert not list(tmp_path.rglob("deviceid"))  # ONNX Runtime's identifier of the machine
