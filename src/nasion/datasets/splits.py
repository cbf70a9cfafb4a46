"""Who trains, who validates, who tests: whole groups, never single faces."""

from dataclasses import replace

import numpy as np

from nasion.errors import ConfigError
from nasion.sample import DataSet

__all__ = ["with_validation"]


def with_validation(faces: DataSet, share: float) -> DataSet:
    """Return the set with about `share` of its training groups as "val", evenly spread over their sorted names.

    A group is a person or a photograph (`Annotation.subject`). Faces without a split train. Splits that the
    data itself calls "val" stay, and then nothing else is taken. The choice depends on the names alone, so it
    is the same in every run, and adding a learning rate to a sweep does not change who validates.

    Raises:
        ConfigError: no group is left to train on.
    """
    named = [replace(a, split=a.split or "train") for a in faces.annotations]
    groups = sorted({a.subject for a in named if a.split == "train"})
    if share > 0 and not any(a.split == "val" for a in named):
        count = max(1, round(share * len(groups)))
        if len(groups) < 2:
            raise ConfigError(
                f"{faces.name}: {len(groups)} training group cannot give validation faces; "
                "use --set data.validation_share=0"
            )
        places = np.linspace(0, len(groups), count, endpoint=False) + len(groups) / count / 2
        chosen = {groups[int(place)] for place in places}
        named = [replace(a, split="val") if a.split == "train" and a.subject in chosen else a for a in named]
    return faces.subset(named)
