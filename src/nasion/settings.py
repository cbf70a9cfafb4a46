"""Sections of a configuration: frozen, and strict about unknown keys."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from nasion.errors import suggest

__all__ = ["Settings", "explain"]


MAX_SHOWN = 200
"""Largest number of characters of a value in a message."""


class Settings(BaseModel):
    """Base of the sections: frozen, rejects unknown keys, infinities and NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first error of a configuration as one line, with similar keys if a key is unknown.

    Args:
        error: what pydantic raised.
        model: the class that was validated.
    """
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _fields(model, first["loc"][:-1])
        return f'unknown key "{key}"' + (f"; {suggest(str(first['loc'][-1]), known)}" if known else "")
    if first["type"] == "missing":
        return f'the key "{key}" is missing'
    value = repr(first["input"])
    shown = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…"
    return f"{key[:MAX_SHOWN]} = {shown}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _fields(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Return the keys of the section at `path` inside `model`; empty if it is not a plain section."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)
