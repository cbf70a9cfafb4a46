"""The models of a server, each loaded when it is first asked for."""

from collections.abc import Callable
from typing import Any

from nasion.errors import ConfigError, nearest
from nasion.predict import model_zoo as models
from nasion.predict.predictor import Predictor
from nasion.skeleton import Skeleton

__all__ = ["LoadedModels"]


class LoadedModels:
    """The predictors of a server, each made when it is first asked for."""

    def __init__(self, make: Callable[[str], Predictor], extra: dict[str, str]) -> None:
        self.make = make
        self.places = extra | {name: name for name in models.available() if name not in extra}
        self.made: dict[str, Predictor] = {}

    @property
    def names(self) -> list[str]:
        """The models that can be asked for: those that the server was started with, the package's, and added ones."""
        return list(self.places)

    def add(self, name: str, place: str) -> None:
        """Add a model after the others, unless it is there."""
        self.places.setdefault(name, place)

    def remove(self, name: str) -> None:
        """Take an added model away, if it is there."""
        self.places.pop(name, None)
        self.made.pop(name, None)

    def place(self, name: str) -> str:
        """Return where a model lies: its file, its folder, or its name in the package.

        Raises:
            ConfigError: there is none of that name; a request names no file.
        """
        if name not in self.places:
            raise ConfigError(f'no model "{name[:80]}" here; {nearest(name[:80], self.names)}')
        return self.places[name]

    def predictor(self, name: str) -> Predictor:
        """Return the predictor of a model.

        Raises:
            ConfigError: there is none of that name.
            ModelError: it is damaged, or gone.
        """
        place = self.place(name)
        if name not in self.made:
            self.made[name] = self.make(place)
        return self.made[name]

    def described(self, name: str) -> dict[str, Any]:
        """Return a model as JSON has it: its points, and its card if it is the package's."""
        card = models.card(name) if self.places[name] == name and name in models.available() else {}
        return {"name": name, "skeleton": self.skeleton_table(self.predictor(name).skeleton), "card": card}

    @staticmethod
    def skeleton_table(points: Skeleton) -> dict[str, Any]:
        """Return what a page needs to draw points."""
        return {
            "name": points.name,
            "count": points.count,
            "names": points.names,
            "lines": [list(line) for line in points.lines],
            "regions": {name: list(indices) for name, indices in points.regions.items()},
            "flip": points.flip,
        }
