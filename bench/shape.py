"""Print the figures of the source tree's structure: `make shape`, or `python bench/shape.py [ROOT]`.

How each row is counted, over the .py files of ROOT/src/nasion (tests: ROOT/tests):

modules directly in src/nasion    files in the package's own folder, without __init__.py and __main__.py
import cycles                     strongly connected groups of two or more modules; every import statement counts, also
                                  those inside functions; `from a import b` is an import of a.b if that is a module
functions over 50 / 30 lines      lines from `def` to the last line, without the docstring
tests-to-source ratio             lines of all test files / lines of all source files
array functions: shape            of the public functions and methods that take or return an array (by annotation), the
                                  share whose docstring, or whose class's docstring for __call__, states a shape in
                                  parentheses, such as (K, 2), (B, C, H, W) or (...)
array functions: unit or frame    of the same functions, the share whose docstring names a unit or frame (see UNITS)
type ignores                      comments `pyright: ignore` and `type: ignore`
duplicated runs                   pairs of places, in sources and tests, that share six or more consecutive lines,
                                  without blank lines, comments and lines of punctuation; lines of a parenthesized
                                  import count, single imports do not; a pair of files counts once
make test                         wall time of the last `make test` in this checkout
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ARRAYS = re.compile(r"\b(FloatArray|NDArray|ndarray|ArrayLike|Image|Tensor)\b")
"""Annotations that stand for arrays."""

SHAPE = re.compile(r"\((\.\.\.|…|[A-Za-z0-9]\w*( [/+*] \w+)*)?(, ?([A-Za-z0-9]\w*( [/+*] \w+)*|\.\.\.))*,?\)")
"""A shape: sizes in parentheses."""

UNITS = re.compile(
    r"\b(px|cm|pixels?|normalized|degrees|radians|deg|shares?|fractions?|uint8|RGB|no unit|seconds|image frame|"
    r"in spreads|spreads|0 to 1|log prob\w+|boolean|bool|indices|in their (unit|frame)|any (unit|frame)|same frame|"
    r"gray levels)\b"
)
"""Words that name a unit or a coordinate frame."""

MIN_RUN = 6
"""Lines from which a repetition counts as duplicated."""


class Function(NamedTuple):
    """A function with the file and the class that it is in."""

    path: Path
    node: ast.FunctionDef | ast.AsyncFunctionDef
    owner: ast.ClassDef | None

    @property
    def name(self) -> str:
        """The name with its class."""
        return f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name

    @property
    def lines(self) -> int:
        """Number of lines without the docstring."""
        body = self.node.body
        total = (self.node.end_lineno or 0) - self.node.lineno + 1
        if ast.get_docstring(self.node) is None:
            return total
        return total - ((body[0].end_lineno or 0) - body[0].lineno + 1)

    @property
    def is_public(self) -> bool:
        """Whether users and other modules may call it."""
        names = [self.node.name, *([self.owner.name] if self.owner else [])]
        return all(not name.startswith("_") or name == "__call__" for name in names)

    @property
    def is_overload(self) -> bool:
        """Whether it only declares types."""
        return any(isinstance(each, ast.Name) and each.id == "overload" for each in self.node.decorator_list)

    @property
    def has_arrays(self) -> bool:
        """Whether it takes or returns an array, by its annotations."""
        arguments = self.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        notes = [each.annotation for each in every if each is not None] + [self.node.returns]
        return any(note is not None and ARRAYS.search(ast.unparse(note)) for note in notes)

    @property
    def text(self) -> str:
        """The docstring; for __call__, with that of its class."""
        own = ast.get_docstring(self.node) or ""
        if self.owner is None or self.node.name != "__call__":
            return own
        return own + (ast.get_docstring(self.owner) or "")


def python_files(root: Path) -> list[Path]:
    """Return all .py files below a folder."""
    return sorted(root.rglob("*.py"))


def functions(files: Sequence[Path]) -> Iterator[Function]:
    """Yield all functions and methods, also nested ones."""
    for path in files:
        stack: list[tuple[ast.AST, ast.ClassDef | None]] = [(ast.parse(path.read_text("utf-8")), None)]
        while stack:
            node, owner = stack.pop()
            for child in ast.iter_child_nodes(node):
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield Function(path, child, owner)
                stack.append((child, child if isinstance(child, ast.ClassDef) else None))


def array_functions(package: Path) -> list[Function]:
    """Return the public functions and methods that take or return arrays, without those nested in functions."""
    found: list[Function] = []
    for path in python_files(package):
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            owner = node if isinstance(node, ast.ClassDef) else None
            for each in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    found.append(Function(path, each, owner))
    return [each for each in found if each.is_public and each.has_arrays and not each.is_overload]


def states_shape(function: Function) -> bool:
    """Return whether a function's docstring states a shape."""
    return any(match.group() for match in SHAPE.finditer(function.text))


def states_unit(function: Function) -> bool:
    """Return whether a function's docstring names a unit or frame."""
    return UNITS.search(function.text) is not None


def import_graph(package: Path) -> dict[str, set[str]]:
    """Return the modules that each module imports."""
    modules = {_module_name(path, package): path for path in python_files(package)}
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        found: set[str] = set()
        for node in _run_nodes(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                targets = [f"{node.module}.{each.name}" for each in node.names]
                found |= {target if target in modules else node.module for target in targets}
            elif isinstance(node, ast.Import):
                found |= {each.name for each in node.names}
        graph[name] = {each for each in found if each in modules and each != name}
    return graph


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a module without imports for type checkers, which are not run."""
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from _run_nodes(child)


def _module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of two or more modules that import each other, directly or through others.

    >>> cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}})
    [['b', 'c']]
    """
    reach = {name: _reachable(name, graph) for name in graph}
    groups = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in graph}
    return sorted(list(group) for group in groups if len(group) > 1)


def _reachable(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    seen, stack = set[str](), [start]
    while stack:
        for target in graph[stack.pop()] - seen:
            seen.add(target)
            stack.append(target)
    return seen


def duplicates(files: Sequence[Path]) -> list[tuple[Path, int, Path, int, int]]:
    """Return the longest shared run of each pair of files: path, line, path, line, number of lines."""
    content = {path: _significant(path) for path in files}
    places: dict[tuple[str, ...], list[tuple[Path, int]]] = defaultdict(list)
    for path, lines in content.items():
        for k in range(len(lines) - MIN_RUN + 1):
            places[tuple(text for _, text in lines[k : k + MIN_RUN])].append((path, k))
    longest: dict[tuple[Path, Path], tuple[Path, int, Path, int, int]] = {}
    for found in places.values():
        for i, (a, k) in enumerate(found):
            for b, m in found[i + 1 :]:
                run = _run_length(content[a], k, content[b], m)
                if (a != b or abs(k - m) >= run) and run > longest.get((a, b), (a, 0, b, 0, 0))[4]:
                    longest[a, b] = (a, content[a][k][0], b, content[b][m][0], run)
    return sorted(longest.values(), key=lambda pair: -pair[4])


def _run_length(a: list[tuple[int, str]], k: int, b: list[tuple[int, str]], m: int) -> int:
    length = 0
    while k + length < len(a) and m + length < len(b) and a[k + length][1] == b[m + length][1]:
        length += 1
    return length


def _significant(path: Path) -> list[tuple[int, str]]:
    """Return the lines that count, with their numbers."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        text = line.strip()
        if text and not text.startswith(("#", "from ", "import ")) and re.search(r"\w", text):
            lines.append((number, text))
    return lines


def rows(root: Path) -> list[tuple[str, str]]:
    """Return the rows of the table."""
    package, tests = root / "src" / "nasion", root / "tests"
    sources, test_files = python_files(package), python_files(tests)
    lengths = [each.lines for each in functions(sources)]
    found = cycles(import_graph(package))
    arrays = array_functions(package)
    ignores = sum(len(re.findall(r"#.*\b(?:pyright|type): ignore", path.read_text("utf-8"))) for path in sources)
    ratio = _lines(test_files) / _lines(sources)
    seconds = root / ".test-seconds"
    sizes = f"{len(found)} ({', '.join(str(len(group)) for group in found) or 'no'} files)"
    top = [path for path in package.glob("*.py") if not path.stem.startswith("__")]
    return [
        ("modules directly in src/nasion", str(len(top))),
        ("import cycles, counting local imports", sizes),
        ("functions over 50 lines / over 30", f"{_over(lengths, 50)} / {_over(lengths, 30)}"),
        ("tests-to-source ratio, lines", f"{ratio:.2f}"),
        ("array functions stating shape / unit or frame", f"{_share(arrays)} ({len(arrays)} functions)"),
        ("type ignores", str(ignores)),
        ("duplicated runs of six or more lines", str(len(duplicates([*sources, *test_files])))),
        ("make test", f"{float(seconds.read_text()) / 60:.1f} min" if seconds.is_file() else "not run here yet"),
    ]


def _over(lengths: Sequence[int], limit: int) -> int:
    return sum(length > limit for length in lengths)


def _share(arrays: Sequence[Function]) -> str:
    counts = (sum(map(rule, arrays)) for rule in (states_shape, states_unit))
    return " / ".join(f"{100 * count / len(arrays):.0f}" for count in counts) + " %"


def _lines(files: Sequence[Path]) -> int:
    return sum(len(path.read_text("utf-8").splitlines()) for path in files)


def main() -> None:
    """Print the table; with --list, also the places behind the figures."""
    words = [word for word in sys.argv[1:] if word != "--list"]
    root = Path(words[0]) if words else Path(__file__).parents[1]
    for name, value in rows(root):
        print(f"{name:<48}{value}")
    if "--list" in sys.argv:
        _list(root / "src" / "nasion")


def _list(package: Path) -> None:
    for each in sorted(functions(python_files(package)), key=lambda each: -each.lines):
        if each.lines > 30:
            print(f"{each.lines} lines: {each.path.relative_to(package)}:{each.node.lineno} {each.name}")
    for group in cycles(import_graph(package)):
        print("cycle:", ", ".join(group))
    for each in array_functions(package):
        missing = [word for word, rule in (("shape", states_shape), ("unit", states_unit)) if not rule(each)]
        if missing:
            print(f"no {' and no '.join(missing)}: {each.path.relative_to(package)}:{each.node.lineno} {each.name}")
    root = package.parents[1]
    for a, line, b, other, length in duplicates([*python_files(package), *python_files(root / "tests")]):
        print(f"{length} lines: {a.relative_to(root)}:{line} ~ {b.relative_to(root)}:{other}")


if __name__ == "__main__":
    main()
