"""The command line in an empty folder, a check of the JSON files that it writes, and a run to use."""

import json
import os
import sys

import pytest

from nasion.cli import main
from nasion.outputs.kinds import json_schema


@pytest.fixture
def nasion(capsys, monkeypatch, tmp_path):
    """Return a function that runs a command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["nasion", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, error = capsys.readouterr()
        return code, out, error

    return run


@pytest.fixture
def read_json(tmp_path):
    """Return a function that reads a JSON file and validates it against the schema of its kind, if one can."""
    try:
        from jsonschema import validate
    except ImportError:
        validate = None

    def read(name, kind):
        document = json.loads((tmp_path / name).read_text("utf-8"), parse_constant=lambda word: pytest.fail(word))
        if validate is not None:
            validate(document, json_schema(kind))
        return document

    return read


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a nose run of two epochs on synthetic faces."""
    pytest.importorskip("pytorch_lightning")
    from nasion.train import config
    from nasion.train.jobs import train_job
    from nasion.train.loop import time_budget

    os.environ["OMP_NUM_THREADS"] = "1"
    time_budget.CALIBRATION_SECONDS = 0.0
    folder = tmp_path_factory.mktemp("runs") / "nose"
    train_job(config.load("nose", ["schedule.epochs=2"], ["synthetic:24"]), folder, "nasion train nose")
    return folder
