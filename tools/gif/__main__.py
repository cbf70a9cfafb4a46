"""Record docs/studio.gif, or another file: python tools/gif [FILE].

The studio finds the points of a face, a point is corrected, and a model is trained and compared with the old one. It
needs Chromium: the environment variable CHROMIUM is its path; by default, it is searched for. The GIF skips the time of
the training. The images are NASA's astronaut, which is in the public domain, and drawn faces.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from faces import COUNT, MODEL, UNLABELED, screen_position, write_faces, write_unlabeled
from nasion.geometry import FloatArray
from recorder import VIEWPORT, ZOOM, Recorder, save_gif

ROOT = Path(__file__).parents[2]
ASTRONAUT = ROOT / "src" / "nasion" / "studio" / "pages" / "examples" / "astronaut.jpg"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MINUTES = "4"
NAME = "mine"
TIMEOUT_MS = 240_000
EPOCH_MS, TRAINING_S = 250, 1800

MAKE_FILES = """async ([content, name]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(content)], name, { type: "image/jpeg" }));
  return files;
}"""


def chromium() -> str:
    """Return the path of Chromium: the environment variable CHROMIUM, or the first browser that is found."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        sys.exit(f"found none of {', '.join(BROWSERS)}; install Chromium or set CHROMIUM to its path")
    return found


@contextmanager
def studio(folder: Path) -> Iterator[str]:
    """Run `nasion serve` on a folder and yield its address."""
    command = [sys.executable, "-u", "-m", "nasion", "serve", str(folder), "--model", MODEL, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("studio: ")), "")
            if not line:
                sys.exit("the studio did not start; try: nasion serve")
            yield line.split()[1]
        finally:
            process.terminate()


def open_unlabeled(page: Page, address: str) -> FloatArray:
    """Open the image without labels in the tab Correct, and return to Try.

    Returns: the points that are shown (68, 2), image px.
    """
    page.goto(address)
    page.get_by_text("Ready.").wait_for()
    page.locator("#tab-correct").click()
    page.locator("#sort").select_option("name")
    page.locator("#status", has_text=".png: ").wait_for()  # the first image is open
    with page.expect_response(lambda answer: "/v1/album/images/" in answer.url and "model=" in answer.url) as waiting:
        page.get_by_role("button", name=UNLABELED).click()
    page.get_by_text(f"{UNLABELED}: not labeled yet").wait_for()
    page.locator("#tab-try").click()
    return np.array(waiting.value.json()["faces"][0]["keypoints"], np.float64)


def show_prediction(recorder: Recorder) -> None:
    """Drop an image on the tab Try, and click the face that is found."""
    page = recorder.page
    recorder.caption = "Drop an image: everything stays on your machine"
    recorder.hold(1300)
    files = page.evaluate_handle(MAKE_FILES, [list(ASTRONAUT.read_bytes()), ASTRONAUT.name])
    recorder.pointer = (VIEWPORT["width"] - 60, VIEWPORT["height"] - 10)
    recorder.carried = Image.open(ASTRONAUT).convert("RGB").resize((72, 72))
    area = page.locator("#drop-area")
    area.dispatch_event("dragenter", {"dataTransfer": files})
    recorder.move(400, 250, steps=9)
    recorder.hold(250)
    recorder.carried = None
    area.dispatch_event("drop", {"dataTransfer": files})
    page.locator("#status", has_text=f"{ASTRONAUT.name}: 1 face").wait_for()
    recorder.caption = "68 points on every face"
    recorder.hold(1300)
    recorder.click("#faces button")
    recorder.hold(1300)


def show_correction(recorder: Recorder, shown: FloatArray, point: int, target: FloatArray) -> None:
    """Drag the worst point of the image without labels to its place, and accept the image."""
    page = recorder.page
    recorder.caption = "Correct: drag a point to where it belongs"
    recorder.click("#tab-correct")
    page.locator("#correct-canvas").wait_for()
    page.get_by_role("heading", name=UNLABELED).wait_for()
    recorder.hold(900)
    canvas = recorder.box("#correct-canvas")
    recorder.move(*screen_position(shown[point], shown, canvas))
    recorder.hold(400)
    recorder.drag(*screen_position(target, shown, canvas))
    page.wait_for_function("() => document.getElementById('image-state').innerText.endsWith('· saved')")
    recorder.hold(900)


def show_training(recorder: Recorder) -> None:
    """Train on the folder; each epoch is a frame, however long it takes."""
    page = recorder.page
    recorder.caption = "Train on your labels"
    recorder.click("#tab-train")
    page.get_by_text(f"{COUNT + 1} labeled").wait_for()
    page.locator("#minutes").fill(MINUTES)
    recorder.click("#train-name")
    page.keyboard.type(NAME)
    recorder.hold(500)
    recorder.click("#train-start")
    recorder.caption = "The error on held-out faces falls"
    page.locator("#curve line.initial").wait_for(state="attached", timeout=TIMEOUT_MS)
    seen, end = "", time.monotonic() + TRAINING_S
    while not page.locator("#train-state", has_text="is trained").count():
        if time.monotonic() > end or page.locator("#train-state", has_text="has failed").count():
            sys.exit(f"the training has not finished: {page.locator('#train-error').inner_text()}")
        progress = page.locator("#train-time").inner_text().partition(" · ")[0]  # such as: Epoch 3 of 20
        if progress != seen:
            seen = progress
            recorder.hold(EPOCH_MS)
        page.wait_for_timeout(200)


def show_result(recorder: Recorder) -> None:
    """Show the held-out faces before and after the training."""
    page = recorder.page
    page.locator("#train-errors tbody tr").nth(1).wait_for(timeout=TIMEOUT_MS)
    page.locator("#train-samples figcaption", has_text="after:").first.wait_for()
    page.wait_for_function("() => [...document.querySelectorAll('#train-samples img')].every((each) => each.complete)")
    recorder.hold(900)
    recorder.caption = "Better? Compare before and after on held-out faces"
    result = page.locator("#train-result")
    for share in (0.25, 0.5, 0.75, 1):
        result.evaluate("(card, share) => card.parentElement.scrollTo(0, share * (card.offsetTop - 32))", share)
        recorder.hold(80)
    recorder.durations[-1] = 3000


def record(address: str, point: int, target: FloatArray) -> Recorder:
    """Return the recorded frames of all steps."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport=VIEWPORT, device_scale_factor=ZOOM, color_scheme="light")
        page.set_default_timeout(TIMEOUT_MS)
        recorder = Recorder(page)
        shown = open_unlabeled(page, address)
        show_prediction(recorder)
        show_correction(recorder, shown, point, target)
        show_training(recorder)
        show_result(recorder)
        browser.close()
    return recorder


def main(path: Path) -> None:
    """Record the animation."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "faces"
        write_faces(folder)
        point, target = write_unlabeled(folder)
        with studio(folder) as address:
            recorder = record(address, point, target)
    save_gif(path, recorder.frames, recorder.durations)
    seconds = sum(recorder.durations) / 1000
    print(f"{path}: {len(recorder.frames)} frames, {seconds:.1f} s, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "studio.gif")
