"""Pages of the Python interface: every public name once, in the module nearest to `nasion` that exports it.

The pages contain directives of mkdocstrings, which reads the docstrings when the site is built.
"""

from pathlib import Path

import griffe

SOURCES = Path(__file__).parents[2] / "src"

FURTHER = (
    "nasion.compat.dlib",
    "nasion.compat.face_alignment",
    "nasion.compat.face_recognition",
    "nasion.train.config",
    "nasion.train.jobs",
    "nasion.train.network.interfaces",
)
"""Public modules inside of packages; all modules directly in nasion are public, too."""

LEFT_OUT = ("nasion.__main__", "nasion.cli")
"""Modules that programs do not import; the page of the commands describes what they do."""

INTRODUCTION = """# Python

`import nasion` takes 0.01 s; a module is loaded when one of its names is first used. Coordinates are (x, y),
0-based, and (0, 0) is the center of the top-left pixel; sizes are (height, width), boxes x0, y0, x1, y1. Every
error of an input is a [`NasionError`][nasion.NasionError].

The names on this page are those of `import nasion`. These modules have further public names:

"""


def public_names(package: griffe.Module) -> dict[str, list[str]]:
    """Return {public module: its public names}, without those that an earlier one exports, too; `nasion` comes first.

    Args:
        package: the package nasion.
    """
    paths = [module.path for module in package.modules.values() if module.path not in LEFT_OUT]
    seen: set[str] = set()
    names: dict[str, list[str]] = {}
    for path in (package.path, *sorted([*paths, *FURTHER])):
        module = package[path.partition(".")[2]] if path != package.path else package
        exported = [str(name) for name in module.exports or ()]
        names[path] = [name for name in exported if module[name].canonical_path not in seen]
        seen.update(module[name].canonical_path for name in names[path])
    return {path: each for path, each in names.items() if each}


def chapter(path: str) -> str:
    """Return the module directly in nasion that contains a module.

    >>> chapter("nasion.measure.pose"), chapter("nasion")
    ('nasion.measure', 'nasion')
    """
    return ".".join(path.split(".")[:2])


def _directive(module: str, names: list[str], level: int) -> str:
    blocks = [f"::: {module}.{name}\n    options:\n      heading_level: {level}\n" for name in names]
    return "\n".join(blocks)


def pages() -> dict[str, str]:
    """Return a page of `nasion` and one of each module directly in it."""
    package = griffe.load("nasion", search_paths=[str(SOURCES)])
    assert isinstance(package, griffe.Module)
    names = public_names(package)
    chapters = sorted({chapter(module) for module in names} - {"nasion"})
    rows = [f"- [{each}]({each}.md): {_first_line(package, each)}" for each in chapters]
    written = {
        "reference/python/index.md": INTRODUCTION + "\n".join(rows) + "\n\n" + _directive("nasion", names["nasion"], 2)
    }
    for each in chapters:
        parts = [f"# {each}\n\n{_first_line(package, each)}\n"]
        for module in (module for module in names if chapter(module) == each):
            heading = "" if module == each else f"## {module}\n\n{_first_line(package, module)}\n\n"
            parts.append(heading + _directive(module, names[module], 2 if module == each else 3))
        written[f"reference/python/{each}.md"] = "\n".join(parts)
    return written


def _first_line(package: griffe.Module, path: str) -> str:
    docstring = package[path.removeprefix("nasion.")].docstring
    return docstring.value.partition("\n")[0] if docstring else ""
