"""Predicts, follows faces in a video, serves and trains in the working folder, then waits for what is sent later.

    python network_actions.py SECONDS [DETECTOR]

Without the file of a detector, the image has a box, the server uses the trained nose model, which needs no detector,
and there is no video.
"""

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from urllib.request import Request, urlopen

from skimage import data

import nasion
from nasion import images
from nasion.detect import YuNet
from nasion.video.writer import ClipWriter

BOX = "176,95,275,180"
"""The astronaut's face, px."""

FRAMES = 10


def run(*words):
    """Run a command of nasion."""
    subprocess.run([sys.executable, "-m", "nasion", *map(str, words)], check=True)


def main(seconds, detector=None):
    """Do everything; the predictor and the server are alive while this waits for `seconds`."""
    image = data.astronaut()
    images.write("face.png", image)
    with ClipWriter("clip.mp4", image.shape[:2], Fraction(25)) as clip:
        for k in range(FRAMES):
            clip.add_frame(k / 25, image)
    run("train", "nose", "--data", "synthetic:24", "--set", "schedule.epochs=1", "--out", "run")
    finder = ["--detector-weights", detector] if detector else ["--model", "run"]
    server = subprocess.Popen(
        [sys.executable, "-m", "nasion", "serve", "--port", "0", *finder], stdout=subprocess.PIPE, text=True
    )
    try:
        address = server.stdout.readline().split()[1]
        run("predict", "face.png", *(finder if detector else ["--box", BOX]))
        if detector:
            run("video", "clip.mp4", *finder)
        predictor = nasion.Predictor(detector=YuNet(Path(detector)) if detector else None)
        assert predictor(image, None if detector else [[float(edge) for edge in BOX.split(",")]])
        assert urlopen(Request(f"{address}v1/predict", Path("face.png").read_bytes())).status == 200
        assert urlopen(address).status == 200
        time.sleep(float(seconds))
        assert server.poll() is None
        print(sys.modules["onnxruntime"].__file__)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
