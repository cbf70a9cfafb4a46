"""Sections of a configuration: frozen, and strict about what they do not know."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from nasion.errors import nearest

__all__ = ["Settings", "explain"]


class Settings(BaseModel):
    """A frozen section that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first fault of a configuration of `model` as one line, with the nearest known keys."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f'unknown key "{place}"; {nearest(str(fault["loc"][-1]), _fields(model, fault["loc"][:-1]))}'
    if fault["type"] == "missing":
        return f'the key "{place}" is missing'
    return f"{place} = {fault['input']!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _fields(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    for part in path:
        inner = model.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
