"""Count how many small faults the tests notice: `python bench/mutants.py [--count 100] [--seed 0] [MODULE ...]`.

A mutant is a module with one change: a comparison, an arithmetic or boolean operator, a number, a condition, or a
statement that is left out. A sample over all modules is tested, each with the module's own test file in a copy of the
repository; a mutant is killed if a test fails or does not end in time. Survivors are listed. Docstrings, annotations,
`__all__` and error messages are not changed.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

MODULES = (
    "datasets/splits",
    "evaluation/report",
    "evaluation/plots",
    "train/loop/module",
    "train/runs/run_folder",
    "train/runs/folded_weights",
    "train/export/int8",
    "train/loop/time_budget",
    "train/loop/hardware",
    "studio/server/access",
)
"""Modules that are mutated by default."""

COMPARISONS = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


class Mutant(NamedTuple):
    """A changed module: its path without suffix, the line, what changed, and the new text."""

    module: str
    line: int
    change: str
    text: str


def mutants(module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse((ROOT / "src" / "nasion" / f"{module}.py").read_text("utf-8"))
    nodes = list(ast.walk(tree))
    skipped = _skipped(tree)
    for index, node in enumerate(nodes):
        if id(node) in skipped:
            continue
        for number, change in enumerate(_changes(node)):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[index]
            _apply(changed, target, number)
            yield Mutant(module, getattr(node, "lineno", 0), change, ast.unparse(ast.fix_missing_locations(changed)))


def _skipped(tree: ast.Module) -> set[int]:
    """Return the nodes that are not changed: docstrings, annotations, `__all__`, raised errors, and type checks."""
    fixed = (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr)
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, fixed) or _is_all(node):
            roots.append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            roots += [each for each in (node.returns,) if each]
            roots += [arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg) and arg.annotation]
        elif isinstance(node, ast.AnnAssign):
            roots.append(node.annotation)
    return {id(each) for root in roots for each in ast.walk(root)}


def _is_all(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)


def _changes(node: ast.AST) -> list[str]:
    """Return what can be changed at a node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        return [f"{type(node.ops[0]).__name__} → {COMPARISONS[type(node.ops[0])].__name__}"]
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return [f"{type(node.op).__name__} → {OPERATORS[type(node.op)].__name__}"]
    if isinstance(node, ast.BoolOp):
        return ["and ↔ or"]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return [f"{node.value} → {not node.value}"]
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return [f"{node.value} → {node.value + 1}"]
    if isinstance(node, (ast.If, ast.IfExp)):
        return ["condition negated"]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        return [f"{type(node.op).__name__} removed"]
    if isinstance(node, (ast.AugAssign, ast.Expr)):
        return ["statement removed"]
    if isinstance(node, ast.Return) and node.value is not None:
        return ["return None"]
    return []


def _apply(tree: ast.AST, node: ast.AST, _number: int) -> None:
    """Change a node of the tree, in place."""
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        node.value += 1
    elif isinstance(node, (ast.If, ast.IfExp)):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(None)
    else:
        _replace(tree, node, ast.Pass())


def _replace(tree: ast.AST, old: ast.AST, new: ast.stmt) -> None:
    for parent in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, None)
            if isinstance(block, list) and old in block:
                block[block.index(old)] = new
                return


def survives(mutant: Mutant, place: Path, seconds: float) -> bool:
    """Return whether the module's tests pass with a mutant, in a copy of the repository."""
    source = place / "src" / "nasion" / f"{mutant.module}.py"
    original = source.read_text("utf-8")
    source.write_text(mutant.text, "utf-8")
    test = Path(mutant.module)
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    words.append(f"tests/{test.parent}/test_{test.name.strip('_')}.py")
    environment = os.environ | {
        "PYTHONPATH": str(place / "src"),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(words, cwd=place, env=environment, capture_output=True, timeout=seconds, check=False)
        return done.returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        source.write_text(original, "utf-8")


def main() -> None:
    """Test a sample of mutants and print the survivors and the share that was killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=180.0, help="time limit of one mutant")
    options = parser.parse_args()
    everything = [each for module in options.modules for each in mutants(module)]
    chosen = random.Random(options.seed).sample(everything, min(options.count, len(everything)))
    places: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.workers):
            place = Path(folder) / str(number)
            for part in ("src", "tests", "bench"):
                shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(ROOT / "pyproject.toml", place)
            places.put(place)

        def check(mutant: Mutant) -> bool:
            place = places.get()
            try:
                alive = survives(mutant, place, options.seconds)
            finally:
                places.put(place)
            if alive:
                print(f"survived: {mutant.module}.py:{mutant.line} {mutant.change}", flush=True)
            return alive

        with ThreadPoolExecutor(options.workers) as pool:
            alive = sum(pool.map(check, chosen))
    print(f"{len(chosen) - alive} of {len(chosen)} mutants killed ({len(everything)} possible)")


if __name__ == "__main__":
    main()
