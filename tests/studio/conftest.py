"""What the tests of the studio share: run folders."""

import json
import zipfile

import pytest

from nasion.skeleton import load_skeleton


@pytest.fixture(scope="session")
def write_run():
    """Return a function that writes a run folder without a network."""

    def write(folder, start="default", skeleton="ibug-68"):
        """Write a run folder: what is read of it to list its model."""
        (folder / "checkpoints").mkdir(parents=True)
        found = load_skeleton(str(skeleton))
        points = {"name": found.name, **found.to_table()}
        table = {"format_version": 2, "config": {"init": {"model": str(start)}}, "skeleton": points}
        (folder / "run.json").write_text(json.dumps(table))
        with zipfile.ZipFile(folder / "checkpoints" / "best.pt", "w") as archive:
            archive.writestr("data.pkl", b"")
        return folder

    return write
