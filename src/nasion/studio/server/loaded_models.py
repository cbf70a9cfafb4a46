"""The models that a server offers, each loaded at its first use."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

from nasion.errors import ConfigError, suggest
from nasion.predict import model_zoo
from nasion.predict.predictor import Predictor
from nasion.studio.server.schemas import ModelInfo, SkeletonInfo
from nasion.studio.trained_models import read_trained_model

__all__ = ["LoadedModels"]


class LoadedModels:
    """The models of a server and their predictors.

    Args:
        make: returns the predictor of a packaged model, an .onnx file or a run folder.
        extra: names and sources of models that come before the packaged ones; a source is a packaged model's name,
            an .onnx file or a run folder.

    Attributes:
        problems: why other models that were trained in the studio cannot be loaded, in one line each, by name.
    """

    def __init__(self, make: Callable[[str], Predictor], extra: dict[str, str]) -> None:
        self._make = make
        self._sources = extra | {name: name for name in model_zoo.available() if name not in extra}
        self._predictors: dict[str, Predictor] = {}
        self._trained: dict[str, Path] = {}
        self.problems: dict[str, str] = {}

    @property
    def names(self) -> list[str]:
        """Names of all models: extra ones, packaged ones, added ones. The first is the default."""
        return list(self._sources)

    def add(self, run: Path, inside: Path) -> str:
        """Add the model of a run folder to the end, unless it is listed already, and return its name.

        Args:
            run: the run folder. Its name is the model's, with a number if another model has this name.
            inside: the folder outside which no run is read for the model's terms.
        """
        source = str(run.resolve())
        listed = [name for name in self._trained if self._sources[name] == source]
        names = (run.name if number == 1 else f"{run.name} {number}" for number in count(1))
        name = listed[0] if listed else next(each for each in names if each not in self._sources)
        self._sources[name], self._trained[name] = source, inside
        self.problems.pop(name, None)
        return name

    def remove(self, run: Path) -> None:
        """Remove the model of a run folder; do nothing if it is not listed."""
        for name in [name for name in self._trained if self._sources[name] == str(run.resolve())]:
            for table in (self._sources, self._predictors, self._trained):
                table.pop(name, None)

    def source(self, name: str = "") -> str:
        """Return what a model is loaded from: a packaged model's name, a file or a folder.

        Args:
            name: one of `names`, never a path; "" is the default model.

        Raises:
            ConfigError: there is no such model.
        """
        name = name or self.names[0]
        if name not in self._sources:
            raise ConfigError(f'no model "{name[:80]}" here; {suggest(name[:80], self.names)}')
        return self._sources[name]

    def predictor(self, name: str = "") -> Predictor:
        """Return the predictor of a model; it is loaded at the first call.

        Args:
            name: one of `names`; "" is the default model.

        Raises:
            ConfigError: there is no such model.
            ModelError: its file is damaged or missing.
        """
        name = name or self.names[0]
        source = self.source(name)
        if name not in self._predictors:
            self._predictors[name] = self._make(source)
        return self._predictors[name]

    def fresh(self, name: str = "") -> Predictor:
        """Return a predictor that nothing else uses, for work beside the queue.

        Raises:
            ConfigError: there is no such model.
            ModelError: its file is damaged or missing.
        """
        return self._make(self.source(name))

    def describe(self, name: str) -> ModelInfo:
        """Return a model's skeleton and terms, and its card if it is a packaged model.

        Models that were added are not loaded for this.

        Raises:
            ConfigError: there is no such model.
            ModelError: its file is damaged or missing.
        """
        source = self.source(name)
        if name in self._trained:
            skeleton, terms = read_trained_model(Path(source), self._trained[name])
            return ModelInfo(name=name, skeleton=SkeletonInfo.of(skeleton), card={}, terms=terms)
        skeleton = SkeletonInfo.of(self.predictor(name).skeleton)
        card = model_zoo.card(name) if source == name and name in model_zoo.available() else {}
        return ModelInfo(name=name, skeleton=skeleton, card=card, terms=str(card.get("terms", "")))
