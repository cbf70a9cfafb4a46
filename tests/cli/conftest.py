"""The command line in an empty folder, and a run to use."""

import os
import sys

import pytest

from nasion.cli import main


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
