"""The structure of the repository: tests mirror sources, docstrings state shapes and units, folders stay small."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "nasion"

spec = importlib.util.spec_from_file_location("shape", ROOT / "bench" / "shape.py")
shape = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shape)

MAX_FILES = 12
"""Modules in one folder; more are hard to survey."""


def defines_something(path):
    """Whether a module defines functions or classes, rather than only importing them."""
    tree = ast.parse(path.read_text("utf-8"))
    return any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in tree.body)


def test_file_of(path):
    """The test file of a module: a/b.py → tests/a/test_b.py, a/__init__.py → tests/a/test_a.py."""
    folder = ROOT / "tests" / path.relative_to(PACKAGE).parent
    name = path.stem.strip("_")
    if name == "init":
        name = path.parent.name if path.parent != PACKAGE else "init"
    return folder / f"test_{name}.py"


test_file_of.__test__ = False

MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if defines_something(path)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_has_its_test_file(path):
    expected = test_file_of(path)
    assert expected.is_file(), f"{path.relative_to(ROOT)} has no {expected.relative_to(ROOT)}"
    assert "def test_" in expected.read_text("utf-8")


def test_every_test_file_has_its_module():
    extra = {ROOT / "tests" / name for name in ("test_structure.py", "test_install.py", "test_errors.py")}
    known = {test_file_of(path) for path in PACKAGE.rglob("*.py")} | extra
    others = {
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if path not in known and "contracts" not in path.parts and path.parent != ROOT / "tests" / "studio" / "pages"
    }
    assert not others, sorted(str(path.relative_to(ROOT)) for path in others)


def test_no_folder_has_too_many_modules():
    folders = [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]
    crowded = {str(each): len(list(each.glob("*.py"))) for each in folders if len(list(each.glob("*.py"))) > MAX_FILES}
    assert not crowded


def test_no_imports_run_in_a_circle():
    assert shape.cycles(shape.import_graph(PACKAGE)) == []


@pytest.mark.parametrize("function", shape.array_functions(PACKAGE), ids=lambda f: f"{f.path.stem}.{f.name}")
def test_array_functions_state_shape_and_unit(function):
    place = f"{function.path.relative_to(ROOT)}:{function.node.lineno} {function.name}"
    assert shape.states_shape(function), f"{place}: state the shape in parentheses, such as (K, 2)"
    assert shape.states_unit(function), f"{place}: name the unit or frame, such as image px"


def test_functions_and_modules_stay_short():
    long = [
        f"{each.path}:{each.node.lineno}" for each in shape.functions(shape.python_files(PACKAGE)) if each.lines > 50
    ]
    assert not long
    large = [str(path) for path in shape.python_files(PACKAGE) if len(path.read_text("utf-8").splitlines()) > 400]
    assert not large


class TestShapeScript:
    """The rules of `make shape` on small examples."""

    @pytest.mark.parametrize(
        ("text", "states"),
        [
            ("Return points (K, 2).", True),
            ("Return (B, C, H, W) crops.", True),
            ("Return values (...), px.", True),
            ("Return maps (B, F, H / stride, W / stride).", True),
            ("Return the loss ().", True),
            ("Return points (see the paper for more).", False),
            ("Return points, image px.", False),
        ],
    )
    def test_shapes_are_recognized(self, text, states):
        node = ast.parse(f'def f(x):\n    """{text}"""\n').body[0]
        assert shape.states_shape(shape.Function(Path(), node, None)) is states

    def test_length_excludes_the_docstring(self):
        node = ast.parse('def f(x):\n    """One.\n\n    Two.\n    """\n    y = x\n    return y\n').body[0]
        assert shape.Function(Path(), node, None).lines == 3

    def test_local_imports_close_a_cycle(self, tmp_path):
        package = tmp_path / "nasion"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "a.py").write_text("from nasion import b\n")
        (package / "b.py").write_text("def f():\n    from nasion.a import x\n")
        assert shape.cycles(shape.import_graph(package)) == [["nasion.a", "nasion.b"]]

    def test_six_shared_lines_are_a_duplicate_and_five_are_not(self, tmp_path):
        lines = [f"value_{k} = {k}" for k in range(6)]
        (tmp_path / "a.py").write_text("\n".join(["first = 1", *lines]))
        (tmp_path / "b.py").write_text("\n".join([*lines[:3], "", "# a comment", *lines[3:], "last = 2"]))
        (tmp_path / "c.py").write_text("\n".join(lines[:5]))
        found = shape.duplicates(sorted(tmp_path.glob("*.py")))
        assert [(a.name, b.name, length) for a, _, b, _, length in found] == [("a.py", "b.py", 6)]
