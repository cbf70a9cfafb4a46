"""The page of the models, from their cards."""

from typing import Any

from nasion.predict.model_zoo import DEFAULT, card, names
from tables import table

HEAD = """# Model cards

`nasion models` prints these cards; the SHA-256 of a file is verified whenever it is loaded.

"""


def _lines(value: Any) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def _section(name: str) -> str:
    values = card(name)
    commands = "\n".join(_lines(values["command"]))
    data = "\n".join(f"- {each}" for each in _lines(values["data"]))
    scores = [
        (
            f"`{key}`",
            ", ".join(
                f"{each:.4g}" if isinstance(each, float) else str(each)
                for each in (value if isinstance(value, list) else [value])
            ),
        )
        for key, value in values["scores"].items()
    ]
    source = f" `nasion get {name}` downloads it from {values['url']}." if "url" in values else ""
    note = f"\nNote: {values['note']}.\n" if "note" in values else ""
    return f"""## {name}

{values["about"][:1].upper()}{values["about"][1:]}.

**Terms**: {values["terms"]}.

Trained on

{data}

with

```sh
{commands}
```
{note}
{table(("score", "value"), scores)}
Skeleton: `{values["skeleton"]}`. To cite: {values["cite"]}. SHA-256: `{values["sha256"]}`.{source}
"""


def pages() -> dict[str, str]:
    """Return the page; the default model comes first."""
    listed = sorted(names(), key=lambda name: name != DEFAULT)
    return {"results/models.md": HEAD + "\n".join(_section(name) for name in listed)}
