"""Predict keypoints with the packaged model, on scikit-image's astronaut and on your own images.

make demo                              .venv/bin/python examples/demo.py
make demo IMAGE=me.jpg                 .venv/bin/python examples/demo.py me.jpg friends/
"""

import subprocess
import sys
from pathlib import Path

from skimage import data

from nasion import images

FOLDER = Path("demo")


def main() -> None:
    """Write the astronaut's image, run `nasion predict`, and print which files to open."""
    images.write(FOLDER / "astronaut.png", data.astronaut())
    words = ["predict", str(FOLDER / "astronaut.png"), *sys.argv[1:], "--out", str(FOLDER / "found")]
    print("$ nasion " + " ".join(words), flush=True)
    if code := subprocess.run([sys.executable, "-m", "nasion", *words]).returncode:
        sys.exit(code)
    print(f"""
Open   {FOLDER / "found" / "astronaut-points.jpg"}    68 points on her face
       {FOLDER / "found" / "keypoints.json"}          the points and their uncertainty, px

Next   .venv/bin/nasion predict YOUR.jpg
       .venv/bin/nasion match ONE.jpg OTHER.jpg
       .venv/bin/nasion models              the packaged models, their terms and scores
       make train-demo                      train your own model on synthetic faces in about a minute""")


if __name__ == "__main__":
    main()
