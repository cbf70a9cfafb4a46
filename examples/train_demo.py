"""Train a network in about two minutes without any data: on synthetic faces, for the tip of the nose."""

import shutil
import subprocess
import sys
from pathlib import Path

from nasion import images
from nasion.datasets.drawn import render_face

FOLDER = Path("demo")
NEW_PEOPLE = 7
"""Seed of synthetic people that the training does not use."""


def main() -> None:
    """Train, predict on a new face, and print which files to open."""
    run, image = FOLDER / "nose", FOLDER / "new-face.png"
    shutil.rmtree(run, ignore_errors=True)
    images.write(image, render_face(NEW_PEOPLE, person=0, view=1, skeleton="imm-58").image)
    # Shifts and flips keep the network from memorizing so few faces; the recipe omits them to show their effect.
    augmentation = ["--set", "augment.shift=0.1", "--set", "augment.flip=0.5"]
    nasion("train", "nose", "--data", "synthetic:240", "--minutes", "1", *augmentation, "--out", str(run))
    nasion("predict", str(image), "--model", str(run), "--out", str(FOLDER))
    print(f"""
Open   {run / "report.html"}          the training, the worst faces, the first layer
       {FOLDER / "new-face-points.jpg"}    the predicted nose on a new face

Next, with real faces (40 people, 240 images, 58 points):
       .venv/bin/nasion get imm data/imm
       .venv/bin/nasion doctor imm:data/imm
       .venv/bin/nasion train danes-heatmap --data imm:data/imm
With your own: csv:FILE.csv reads a table image,x0,y0,x1,y1,...; `.venv/bin/nasion formats` lists the other formats.""")


def nasion(*words: str) -> None:
    """Print a command and run it; exit if it fails."""
    print("\n$ nasion " + " ".join(words), flush=True)
    done = subprocess.run([sys.executable, "-m", "nasion", *words])
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
