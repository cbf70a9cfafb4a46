"""The public surface of the package: complete, lazy, and the same in all three places."""

import ast
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

import nasion

TREE = ast.parse(Path(nasion.__file__).read_text("utf-8"))


def type_checking_imports():
    """Return {name: module} of the imports in the `if TYPE_CHECKING` block."""
    (block,) = (node for node in TREE.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    imports = (node for node in block.body if isinstance(node, ast.ImportFrom))
    return {alias.name: node.module for node in imports for alias in node.names}


def assigned(name):
    (value,) = (
        node.value for node in TREE.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return ast.literal_eval(value)


def test_the_three_lists_of_names_agree():
    homes = {name: f"nasion.{home}" for home, names in assigned("_HOMES").items() for name in names}
    assert homes == type_checking_imports()
    assert sorted(homes) == sorted(assigned("__all__"))


def test_no_name_has_two_homes():
    names = [name for names in assigned("_HOMES").values() for name in names]
    assert len(names) == len(set(names))


def test_all_is_sorted():
    assert assigned("__all__") == sorted(assigned("__all__"))


@pytest.mark.parametrize("name", nasion.__all__)
def test_every_name_is_the_object_of_its_home_and_is_exported_there(name):
    home = next(f"nasion.{home}" for home, names in assigned("_HOMES").items() if name in names)
    value = getattr(nasion, name)
    assert value is getattr(sys.modules[home], name)
    assert name in sys.modules[home].__all__


def test_nothing_else_is_public():
    for name in nasion.__all__:
        getattr(nasion, name)
    public = {name for name, value in vars(nasion).items() if not name.startswith("_") and not _is_ours(value)}
    assert public - {"TYPE_CHECKING"} == set(nasion.__all__)


def _is_ours(value):
    return isinstance(value, ModuleType) and value.__name__.startswith("nasion.")


def test_dir_lists_the_public_names_and_the_version():
    assert dir(nasion) == sorted([*nasion.__all__, "__version__"])


def test_the_version_is_that_of_the_installed_package():
    assert nasion.__version__ == metadata.version("nasion")


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nasion' has no attribute 'lode'"):
        getattr(nasion, "lode")  # noqa: B009
    assert not hasattr(nasion, "lode")


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, nasion; print([m for m in ('numpy', 'cv2', 'PIL', 'torch', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_name_is_looked_up_once(monkeypatch):
    monkeypatch.delitem(vars(nasion), "NasionError", raising=False)
    first = nasion.NasionError
    assert vars(nasion)["NasionError"] is first


def test_a_star_import_binds_the_public_names_only():
    names = {}
    exec("from nasion import *", names)
    assert names.keys() - {"__builtins__"} == set(nasion.__all__)


SWITCHES = {"ORT_DISABLE_TELEMETRY": "1", "RAY_USAGE_STATS_ENABLED": "0", "WANDB_ERROR_REPORTING": "false"}


def after_import(code, tmp_path, onnxruntime="1.29.0", **environment):
    """Run code with an `onnxruntime` of a version, and print the switches; return what it prints, and its warnings."""
    (tmp_path / "onnxruntime.py").write_text(f"__version__ = {onnxruntime!r}")
    source = [str(Path(nasion.__file__).parents[1]), str(tmp_path)]
    environment = {"PYTHONPATH": os.pathsep.join(source), "PATH": os.environ["PATH"], **environment}
    code = f"import os; {code}; print({{name: os.environ.get(name) for name in {[*SWITCHES]}}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return ast.literal_eval(done.stdout), done.stderr


def test_telemetry_of_other_packages_is_switched_off(tmp_path):
    assert after_import("import nasion", tmp_path) == (SWITCHES, "")
    assert after_import("import nasion.geometry, onnxruntime", tmp_path) == (SWITCHES, "")


def test_switches_of_the_user_are_kept(tmp_path):
    own = {"ORT_DISABLE_TELEMETRY": "0", "RAY_USAGE_STATS_ENABLED": "1"}
    assert after_import("import onnxruntime, nasion", tmp_path, **own) == (SWITCHES | own, "")


def test_an_earlier_import_of_onnxruntime_is_one_warning(tmp_path):
    switches, warning = after_import(
        "import onnxruntime, nasion; import nasion.geometry, importlib; importlib.reload(nasion)", tmp_path
    )
    assert switches == SWITCHES
    assert warning.count("Warning") == 1
    assert "onnxruntime 1.29.0 was imported before nasion" in warning
    assert "ORT_DISABLE_TELEMETRY=1" in warning


@pytest.mark.parametrize("version", ["1.28.1", "1.9.0"])
def test_earlier_versions_of_onnxruntime_have_no_telemetry(version, tmp_path):
    assert after_import("import onnxruntime, nasion", tmp_path, version) == (SWITCHES, "")
