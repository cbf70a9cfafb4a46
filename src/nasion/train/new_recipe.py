"""The file of a new recipe, which starts as a copy of another."""

from nasion.train.config import recipe_text

__all__ = ["copied_recipe"]


def copied_recipe(recipe: str, file: str) -> str:
    """Return the text of a recipe that starts as a copy of another.

    Args:
        recipe: the other's name, or the path of a .toml file.
        file: the name of the file that will hold the text, for the command in its first lines.

    Raises:
        ConfigError: there is no such recipe.
    """
    lines = recipe_text(recipe).splitlines()
    length = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    command = next((line for line in lines[:length] if line.startswith("# nasion train ")), f"# nasion train {recipe}")
    header = [
        f"# Started from the recipe {recipe}; only differences from the defaults are listed",
        command.replace(f"nasion train {recipe}", f"nasion train {file}", 1),
        f"# nasion settings {file} lists every setting with its default and meaning",
    ]
    return "\n".join([*header, *lines[length:]]) + "\n"
