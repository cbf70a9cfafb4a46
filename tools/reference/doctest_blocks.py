"""An extension of griffe: the examples of docstrings, which are doctests, become code blocks."""

import re
from typing import Any

import griffe

FLAGS = re.compile(r"\s*# doctest:.*")
"""Options of a doctest, which readers do not need."""


def fenced(text: str) -> str:
    r"""Return a docstring whose paragraphs that start with >>> are code blocks.

    >>> print(fenced("Return x.\n\n>>> f()  # doctest: +SKIP\n3"))
    Return x.
    <BLANKLINE>
    ```pycon
    >>> f()
    3
    ```
    """
    parts = text.split("\n\n")
    return "\n\n".join(f"```pycon\n{FLAGS.sub('', part)}\n```" if part.startswith(">>>") else part for part in parts)


class DoctestBlocks(griffe.Extension):
    """Fences the doctests of a package when it is loaded."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Change the docstrings of all objects of a package."""
        self._change(pkg)

    def _change(self, item: griffe.Object) -> None:
        if item.docstring:
            item.docstring.value = fenced(item.docstring.value)
        for member in item.members.values():
            if isinstance(member, griffe.Object):
                self._change(member)
