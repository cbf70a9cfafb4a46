"""Measure the studio: startup, a large photo, drawing and dragging many faces, a large folder, many requests, memory.

python bench/studio.py [--quick]

The page is measured in Chromium (Playwright). `--quick` leaves out the thousand requests.
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data

AT_ONCE, IN_A_ROW = 20, 1000
"""Numbers of simultaneous and of consecutive requests."""

ROWS, COLUMNS = 4, 6
"""Faces in the image with many faces."""

REPEATED = 5
"""How often short measurements are repeated; the median is printed."""

SETTLED_MS = 1000
"""Time in which a page finishes loading, ms."""

DRAG_STEPS = 120

MANY_IMAGES = 5000

WINDOW = {"width": 1280, "height": 800}

COUNT_FRAMES = """() => {
  window.frames_ = [];
  const next = (time) => { frames_.push([time, 0]); requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""
"""Records the time of each frame of the browser from now on."""

DRAW = """async () => {
  const box = document.getElementById('show-lines');
  const began = performance.now();
  box.click();
  const handled = performance.now() - began;
  // the page's own callback for the next frame, in which it may draw, was registered first and has run by then
  const drawn = await new Promise((done) => requestAnimationFrame((frame) => done(performance.now() - frame)));
  return handled + drawn;
}"""
"""Redraws the faces, and returns how long the page was busy with it, ms."""


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="leave out the thousand requests")
    quick = parser.parse_args().quick
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory() as folder, chromium() as page:
        root = Path(folder)
        measure_start(page)
        with serving() as (address, server):
            measure_requests(address, server.pid, quick)
        crowd = root / "crowd" / "crowd.png"
        write_crowd(crowd)
        with serving(str(crowd.parent)) as (address, _):
            measure_large_photo(page, address, root)
            measure_crowd(page, address, crowd)
        write_many(root / "many")
        with serving("--root", folder) as (address, _):
            measure_large_folder(page, address)


# ------------------------------------------------------------------------------------------------ servers and browsers


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server, and yield its address and process when it answers."""
    address, server = start(*arguments)
    try:
        while not answers(address):
            time.sleep(0.02)
        yield address, server
    finally:
        server.terminate()
        server.wait()


def start(*arguments: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "nasion", "serve", *arguments, "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"http://127.0.0.1:{port}", server


def listens(address: str) -> bool:
    """Return whether a server accepts connections."""
    host, port = address.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True


def answers(address: str) -> bool:
    """Return whether a server answers."""
    try:
        return httpx.get(f"{address}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def chromium() -> Iterator[Page]:
    """Yield a page of the installed Chromium."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(viewport=WINDOW)  # pyright: ignore[reportArgumentType]
        browser.close()


def wait_for_status(page: Page, text: str) -> None:
    """Wait until the status bar shows a text.

    It is checked in every frame. `Locator.wait_for` checks less and less often: after 0.3 s, only twice a second.
    """
    page.wait_for_function("(text) => document.getElementById('status')?.textContent.includes(text)", arg=text)


def report(what: str, values: list[float], unit: str, target: str) -> None:
    """Print the median of some measurements, and their range."""
    middle, low, high = np.median(values), min(values), max(values)
    spread = f" ({low:.3g} to {high:.3g})" if len(values) > 1 else ""
    print(f"{what}: {middle:.3g} {unit}{spread}; target {target}", flush=True)


# -------------------------------------------------------------------------------------------------------- measurements


def measure_start(page: Page) -> None:
    """Measure from the start of the server until the page can be used, in a browser that is open.

    An example is clicked at once: its points also need the model, which the server loads meanwhile.
    """
    usable: list[float] = []
    first_points: list[float] = []
    for _ in range(REPEATED):
        began = time.perf_counter()
        address, server = start()
        try:
            while not listens(address):
                time.sleep(0.005)
            page.goto(address, wait_until="commit")
            wait_for_status(page, "Ready.")
            usable.append(time.perf_counter() - began)
            page.locator("#examples button").first.click()
            wait_for_status(page, "1 face")
            first_points.append(time.perf_counter() - began)
        finally:
            server.terminate()
            server.wait()
    report("page usable after the start", usable, "s", "1 s")
    report("points of an example, clicked at once, on the screen after the start", first_points, "s", "none")


def measure_large_photo(page: Page, address: str, folder: Path) -> None:
    """Measure from the choice of a 12-megapixel photo until its points are on the screen.

    One photo is chosen as soon as the page can be used, while it still loads its other tabs, and one later.
    """
    seconds: dict[str, list[float]] = {"chosen at once": [], "chosen later": []}
    content = jpeg(Image.fromarray(data.astronaut()).resize((4000, 3000)))
    for _ in range(REPEATED):
        page.goto(address)
        wait_for_status(page, "Ready.")
        for number, times in enumerate(seconds.values()):
            path = folder / f"large-{number}.jpg"
            path.write_bytes(content)
            began = time.perf_counter()
            page.locator("#files").set_input_files(str(path))
            wait_for_status(page, f"{path.name}: 1 face")
            times.append(time.perf_counter() - began)
            page.wait_for_timeout(SETTLED_MS)
    for when, times in seconds.items():
        report(f"points of a 12-megapixel photo on the screen, {when}", times, "s", "0.5 s")


def measure_crowd(page: Page, address: str, crowd: Path) -> None:
    """Measure drawing and dragging with many faces."""
    count = ROWS * COLUMNS
    page.goto(address)
    wait_for_status(page, "Ready.")
    page.locator("#files").set_input_files(str(crowd))
    wait_for_status(page, f"{count} faces")
    times = [float(page.evaluate(DRAW)) for _ in range(4 * REPEATED)]
    report(f"{count} faces drawn", times, "ms", "50 ms")
    drag(page, "#try-canvas", 0.5, 0.5)
    report_frames(page, f"moving the image with {count} faces")

    page.locator("#tab-correct").click()
    page.wait_for_function(f"() => document.querySelectorAll('#face-rows > *').length >= {count}")
    page.wait_for_timeout(500)
    x, y = point_position(page)
    drag(page, "#correct-canvas", x, y)
    report_frames(page, f"dragging a point with {count} faces")


def point_position(page: Page) -> tuple[float, float]:
    """Select a point of the open image, and return its position on the canvas, as shares of its size."""
    page.locator("#correct-canvas").focus()
    page.keyboard.press("n")
    page.wait_for_timeout(200)
    ring = page.evaluate("""() => {
      const canvas = document.getElementById('correct-canvas');
      const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const found = [];
      for (let k = 0; k < data.length; k += 4) {
        if (data[k] + data[k + 1] + data[k + 2] < 8 && data[k + 3] === 255) found.push(k / 4);
      }
      const xs = found.map((k) => k % width), ys = found.map((k) => Math.floor(k / width));
      return [(Math.min(...xs) + Math.max(...xs)) / 2 / width, (Math.min(...ys) + Math.max(...ys)) / 2 / height];
    }""")
    return ring[0], ring[1]


def drag(page: Page, canvas: str, x: float, y: float) -> None:
    """Drag from a place on a canvas, shares of its size, in a circle, while frames are counted."""
    box: Any = page.locator(canvas).bounding_box()
    start = np.array([box["x"] + x * box["width"], box["y"] + y * box["height"]])
    page.mouse.move(*start)
    page.mouse.down()
    page.evaluate(COUNT_FRAMES)
    for angle in np.linspace(0, 4 * np.pi, DRAG_STEPS):
        page.mouse.move(*(start + 30 * np.array([np.sin(angle), 1 - np.cos(angle)])))
    page.mouse.up()


def report_frames(page: Page, what: str) -> None:
    """Print the rate of the frames since `drag` began to count them."""
    times = np.array(page.evaluate("frames_.map(([time]) => time)"))
    gaps = np.diff(times)
    rate, slow = 1000 * len(gaps) / (times[-1] - times[0]), np.quantile(gaps, 0.95)
    print(f"{what}: {rate:.0f} frames/s, 95 % of the frames within {slow:.0f} ms; target 60 frames/s", flush=True)


def measure_large_folder(page: Page, address: str) -> None:
    """Measure from the wish to open a folder of many images until its list is on the screen."""
    began = time.perf_counter()
    httpx.get(f"{address}/v1/album?folder=many", timeout=60).raise_for_status()
    report(f"{MANY_IMAGES} images opened by the server", [time.perf_counter() - began], "s", "2 s")
    page.goto(address)
    wait_for_status(page, "Ready.")
    began = time.perf_counter()
    page.locator("#tab-correct").click()
    page.wait_for_function("() => document.querySelector('#album button img')?.complete")
    report(f"{MANY_IMAGES} images in the list, with thumbnails", [time.perf_counter() - began], "s", "2 s")


def measure_requests(address: str, process: int, quick: bool) -> None:
    """Send a large image, many requests at once, and many in a row."""
    face = Image.fromarray(data.astronaut())
    small, large = jpeg(face), jpeg(face.resize((4000, 3000)))
    with httpx.Client(base_url=address, timeout=60) as client:
        began = time.perf_counter()
        client.post("/v1/predict", content=large).raise_for_status()
        report("first request, a 12-megapixel photo", [time.perf_counter() - began], "s", "0.5 s")
        seconds: list[float] = []
        for _ in range(REPEATED):
            began = time.perf_counter()
            client.post("/v1/predict", content=large).raise_for_status()
            seconds.append(time.perf_counter() - began)
        report("later requests, a 12-megapixel photo", seconds, "s", "0.5 s")

        def request(_number: int) -> int:
            return httpx.post(f"{address}/v1/predict", content=small, timeout=60).status_code

        with ThreadPoolExecutor(AT_ONCE) as pool:
            codes = list(pool.map(request, range(AT_ONCE)))
        print(f"{AT_ONCE} requests at once: {codes.count(200)} answered")
        if quick:
            return
        sizes: list[float] = []
        for number in range(1, IN_A_ROW + 1):
            client.post("/v1/predict", content=small).raise_for_status()
            if number in (IN_A_ROW // 10, IN_A_ROW):
                sizes.append(memory_mb(process))
        first, last = sizes
        print(f"memory after {IN_A_ROW // 10} and {IN_A_ROW} images: {first:.0f}, {last:.0f} MB; target: flat")


# --------------------------------------------------------------------------------------------------------------- files


def write_crowd(path: Path) -> None:
    """Write an image with `ROWS` x `COLUMNS` faces."""
    path.parent.mkdir()
    Image.fromarray(np.tile(data.astronaut(), (ROWS, COLUMNS, 1))).save(path)


def write_many(folder: Path) -> None:
    """Write a folder of `MANY_IMAGES` photos of half a megapixel."""
    folder.mkdir()
    content = jpeg(Image.fromarray(data.astronaut()).resize((800, 600)))
    for number in range(MANY_IMAGES):
        (folder / f"{number:05d}.jpg").write_bytes(content)


def jpeg(image: Image.Image) -> bytes:
    """Return the image as the content of a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def memory_mb(process: int) -> float:
    """Return the resident memory of a process, MB."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    main()
