"""Which images are done, have no face, or were changed by hand: a JSON file beside the labels."""

import json
from pathlib import Path
from typing import Literal

from nasion.atomic import write_text
from nasion.documents import read_json
from nasion.errors import ConfigError

__all__ = ["Progress", "State"]

State = Literal["todo", "done", "no_face"]
"""State of an image; "no_face" is the user's statement that it shows no face."""

KINDS = ("done", "no_face", "changed")
"""Keys of the file; each holds names of images."""

MAX_BYTES = 100_000_000


class Progress:
    """The names of images that are done, have no face, or whose labels the user has changed.

    Args:
        path: the file. A damaged one counts as empty, because it can be made again.

    Attributes:
        path: the file.
        done: names of the images whose labels the user has confirmed.
        no_face: names of the images that the user has marked as having no face.
        changed: names of the images whose labels the user has drawn or moved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done, self.no_face, self.changed = self._read()

    def refresh(self) -> None:
        """Take over what another server on this folder has written."""
        self.done, self.no_face, self.changed = self._read()

    def set(self, name: str, state: State, is_changed: bool) -> None:
        """Store an image's state and whether its labels were changed by hand.

        Raises:
            OutputError: the file cannot be written.
        """
        before = (self.done, self.no_face, self.changed)
        self.done = _with(self.done, name, state == "done")
        self.no_face = _with(self.no_face, name, state == "no_face")
        self.changed = _with(self.changed, name, is_changed)
        if (self.done, self.no_face, self.changed) == before:
            return
        lists = {kind: sorted(getattr(self, kind)) for kind in KINDS}
        content = {kind: names for kind, names in lists.items() if names or kind == "done"}
        try:
            write_text(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        except BaseException:
            self.done, self.no_face, self.changed = before
            raise

    def state(self, name: str) -> State:
        """Return an image's state."""
        return "no_face" if name in self.no_face else "done" if name in self.done else "todo"

    def _read(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        try:
            document = read_json(self.path, "the list of finished images", ConfigError, MAX_BYTES)
            done, no_face, changed = (
                frozenset(name for name in document.get(kind, []) if isinstance(name, str)) for kind in KINDS
            )
        except (ConfigError, AttributeError, TypeError):
            return frozenset(), frozenset(), frozenset()
        return done, no_face, changed


def _with(names: frozenset[str], name: str, is_in: bool) -> frozenset[str]:
    return names | {name} if is_in else names - {name}
