"""Boxes as text, as numbers and as tables, each used for a prediction."""

from pathlib import Path
from random import Random

import numpy as np

from doubles import BrightSpot
from fuzz.mutations import NUMBERS, WORDS, change_bytes, change_text, encode
from fuzz.workers import Kind
from nasion import draw
from nasion.errors import ImageError
from nasion.predict.boxes import boxes_from
from nasion.predict.predictor import Predictor

TABLE = "image,x0,y0,x1,y1\na.png,10,10,90,80\nb.png,1,2,3,4\na.png,20,20,60,60\n"


def _prepare(folder: Path) -> object:
    return Predictor(BrightSpot((0, 0), refine=1))


def _run(predictor: object, random: Random, folder: Path) -> None:
    image = np.full((90, 120, 3), 200, np.uint8)
    kind = random.random()
    if kind < 0.4:
        numbers = [
            random.choice((*NUMBERS, *("10", "20", "90", "80", "1e-3", "1e6", "-1e6") * 6))
            for _ in range(random.choice((4, 4, 4, 3, 5)))
        ]
        found = boxes_from(",".join(numbers))(Path("a.png"))
    elif kind < 0.5:
        found = boxes_from(change_text(random, random.choice(("10,10,90,80", *WORDS))))(Path("a.png"))
    elif kind < 0.75:
        text = change_text(random, TABLE)
        (folder / "a.csv").write_bytes(
            encode(random, text)
            if random.random() < 0.7
            else change_bytes(random, text.encode("utf-8", "replace"), [b"x"])
        )
        try:
            found = boxes_from(str(folder / "a.csv"))(Path(random.choice(("a.png", "c.png"))))
        except ImageError:
            return
    else:
        places = [
            random.choice((0.0, 10, 90, -1e6, 1e6, 1e6 + 1, 1e308, np.nan, np.inf, 1e-300, 45.0, 45.0005))
            for _ in range(4)
        ]
        found = [random.choice((places, np.array(places), [places], None, "x", [None] * 4, places[:3], [10**400] * 4))]
    faces = predictor(image, found)
    draw.draw_predictions(image, faces, with_spread=True)


KINDS = [Kind("boxes", 0.6, _prepare, _run)]
