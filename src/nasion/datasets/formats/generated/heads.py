"""Rendered heads with exact keypoints: `heads:COUNT?assets=ict_facekit.npz&seed=0&skeleton=ibug-68`.

Head n of a seed is the same for every COUNT. `nasion get ict-facekit` downloads the head model, and
`nasion.datasets.rendered` renders the images; this module makes a data set of them. It needs numba
(`pip install 'nasion[render]'`).
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from nasion.datasets.formats import _reading as reading
from nasion.datasets.head_model import FILE
from nasion.errors import ConfigError
from nasion.sample import Annotation, DataSet, Image, Problem
from nasion.skeleton import load_skeleton

DESCRIPTION = "heads:COUNT       rendered heads with exact points; needs the head model of nasion get ict-facekit"
OPTIONS = {
    "assets": "the file with the head model (ict_facekit.npz)",
    "seed": "which heads, a whole number (0)",
    "skeleton": f"{reading.SKELETON_HELP} (ibug-68)",
    "size": "height and width of the images, px (256)",
    "backgrounds": "a folder of photographs that show no faces (invented backgrounds)",
}

MAX_COUNT = 100_000
"""Largest number of heads in a set."""

SIZES = (32, 1024)
"""Smallest and largest size of an image, px."""


@dataclass(frozen=True)
class _Opener:
    """Renders the image of a face; it can be sent to other processes."""

    assets: Path
    seed: int
    size: int
    photographs: tuple[Path, ...]

    def __call__(self, face: Annotation) -> Image:
        """Return the image (H, W, 3), uint8 RGB, of the head that the name of `face.image` numbers."""
        rendered = _rendered()
        assets = rendered.load_assets(self.assets)
        index = int(face.image.stem.rpartition("-")[2])
        head = rendered.sample_head(assets, self.seed, index, self.size)
        return rendered.render(assets, head, self.seed, index, self.photographs).image


def read(source: str, options: dict[str, str]) -> DataSet:
    """Return `source` rendered heads; whether their points are visible is found by drawing each head without color."""
    rendered = _rendered()
    count = whole_number("the count of heads", source, 1, MAX_COUNT)
    seed = whole_number("the seed", options.get("seed", "0"), 0, 2**31)
    size = whole_number("the size", options.get("size", "256"), *SIZES)
    skeleton = load_skeleton(options.get("skeleton", "ibug-68"))
    path = Path(options.get("assets", FILE))
    assets = rendered.load_assets(path)
    photographs, broken = rendered.background_files(options.get("backgrounds"))
    faces = tuple(
        rendered.annotate(assets, seed, index, size, skeleton, Path(f"heads-{seed}-{index:06d}.png")).annotation
        for index in range(count)
    )
    problems = tuple(Problem(each.name, "cannot be read as a background") for each in broken)
    opener = _Opener(path, seed, size, photographs)
    return DataSet(f"heads:{count}", skeleton, faces, opener, problems, note="points exact by construction")


def _rendered() -> ModuleType:
    """Return the renderer.

    Raises:
        ConfigError: numba is not installed.
    """
    try:
        from nasion.datasets import rendered
    except ImportError as error:
        raise ConfigError(f"rendered heads need numba ({error}); pip install 'nasion[render]'") from None
    return rendered


def whole_number(meaning: str, text: str, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`.

    Raises:
        ConfigError: the text is none; `meaning` starts the message.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high):
        raise ConfigError(f'heads: {meaning} is a whole number from {low} to {high:,}, not "{text}"')
    return int(text)
