"""The models that a server offers, each loaded at its first use."""

from collections.abc import Callable

from nasion.errors import ConfigError, suggest
from nasion.predict import model_zoo
from nasion.predict.predictor import Predictor
from nasion.studio.server.schemas import ModelInfo, SkeletonInfo

__all__ = ["LoadedModels"]


class LoadedModels:
    """The models of a server and their predictors.

    Args:
        make: returns the predictor of a packaged model, an .onnx file or a run folder.
        extra: names and sources of models that come before the packaged ones; a source is a packaged model's name,
            an .onnx file or a run folder.
    """

    def __init__(self, make: Callable[[str], Predictor], extra: dict[str, str]) -> None:
        self._make = make
        self._sources = extra | {name: name for name in model_zoo.available() if name not in extra}
        self._predictors: dict[str, Predictor] = {}

    @property
    def names(self) -> list[str]:
        """Names of all models: extra ones, packaged ones, added ones. The first is the default."""
        return list(self._sources)

    def add(self, name: str, source: str) -> None:
        """Add a model to the end; do nothing if the name is in use."""
        self._sources.setdefault(name, source)

    def remove(self, name: str) -> None:
        """Remove a model; do nothing if there is no such model."""
        self._sources.pop(name, None)
        self._predictors.pop(name, None)

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
        """Return a model's skeleton, and its card if it is a packaged model.

        Raises:
            ConfigError: there is no such model.
            ModelError: its file is damaged or missing.
        """
        skeleton = SkeletonInfo.of(self.predictor(name).skeleton)
        is_packaged = self.source(name) == name and name in model_zoo.available()
        return ModelInfo(name=name, skeleton=skeleton, card=model_zoo.card(name) if is_packaged else {})
