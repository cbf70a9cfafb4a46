"""The page of the recipes and of every setting, from the pydantic models that check them."""

from typing import Any

from pydantic import BaseModel

from nasion.train.config import RunConfig, available, recipe_text
from nasion.train.network import registry
from nasion.train.reference import Setting, section_settings
from tables import table

HEAD = """# Recipes

A recipe is a TOML file of differences from the defaults. `nasion train NAME` takes one of the package, `nasion
train my.toml` yours, and `--set key=value` changes single keys: `--set optimizer.lr=3e-4 --set
augment.rotation_deg=20`. `nasion settings NAME` lists all keys with the values of a recipe, and `nasion new recipe
my.toml --from NAME` copies one. Unknown keys are errors that name similar ones.

"""

PARTS: dict[registry.Kind, str] = {
    "models": '## Networks\n\n`model = { name = "unet", … }`; all other keys are options of the network.',
    "codecs": '## Codecs\n\n`codec = { name = "softargmax", … }`: how a network\'s output becomes points.',
    "losses": '## Losses\n\n`loss = { name = "map_l1", … }`',
}


def _rows(settings: list[Setting]) -> list[list[str]]:
    return [
        [
            f"`{each.key}`",
            "required" if each.default is None else f"`{each.default}`" if each.default else "",
            each.meaning,
        ]
        for each in settings
    ]


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _sections(section: type[BaseModel], prefix: str = "") -> list[str]:
    """Return the tables of a section and of the sections in it."""
    title = f"### {prefix.rstrip('.')}" if prefix else "### Without a section"
    parts = [
        f"{title}\n\n{_first_line(section)}\n\n"
        + table(("key", "default", "meaning"), _rows(section_settings(section, prefix)))
    ]
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and name not in ("model", "codec", "loss"):
            parts += _sections(inner, f"{prefix}{name}.")
    return parts


def pages() -> dict[str, str]:
    """Return the page."""
    recipes = [f"### {name}\n\n```toml\n{recipe_text(name).strip()}\n```\n" for name in available()]
    parts = []
    for kind, title in PARTS.items():
        parts.append(title + "\n")
        for name in registry.available(kind):
            module = registry.find(kind, name)
            rows = _rows(section_settings(module.Options))
            options = table(("option", "default", "meaning"), rows) if rows else "No options.\n"
            parts.append(f"### {name}\n\n{_first_line(module)}\n\n{options}")
    text = "\n".join(["## Settings\n", *_sections(RunConfig), *parts, "## The recipes of the package\n", *recipes])
    return {"reference/recipes.md": HEAD + text}
