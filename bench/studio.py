"""Measure the studio: startup, a large photo, twenty simultaneous requests, and memory over a thousand requests.

python bench/studio.py
"""

import io
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from PIL import Image
from skimage import data

AT_ONCE, IN_A_ROW = 20, 1000
"""Numbers of simultaneous and of consecutive requests."""


def main() -> None:
    """Start a server, send requests, and print the measurements."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "nasion", "serve", "--port", address.rpartition(":")[2]]
    began = time.perf_counter()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=address, timeout=60) as client:
            wait(client)
            print(f"page usable after {time.perf_counter() - began:.2f} s (target: 2 s)")
            measure(client, address, server.pid)
    finally:
        server.terminate()
        server.wait()


def wait(client: httpx.Client) -> None:
    """Return as soon as the server has delivered the page and the list of models."""
    while True:
        try:
            client.get("/")
            client.get("/v1/models")
            return
        except httpx.TransportError:
            time.sleep(0.02)


def measure(client: httpx.Client, address: str, process: int) -> None:
    """Send a large image, many requests at once, and many in a row."""
    face = Image.fromarray(data.astronaut())
    small, large = jpeg(face), jpeg(face.resize((4000, 3000)))
    began = time.perf_counter()
    client.post("/v1/predict", content=large).raise_for_status()
    print(f"first request, a 12-megapixel photo: {time.perf_counter() - began:.2f} s (target: 1 s)")

    def request(_number: int) -> int:
        return httpx.post(f"{address}/v1/predict", content=small, timeout=60).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(request, range(AT_ONCE)))
    print(f"{AT_ONCE} requests at once: {answers.count(200)} answered")
    sizes = []
    for number in range(1, IN_A_ROW + 1):
        client.post("/v1/predict", content=small).raise_for_status()
        if number in (IN_A_ROW // 10, IN_A_ROW):
            sizes.append(memory_mb(process))
    print(f"memory after {IN_A_ROW // 10} and {IN_A_ROW} images: {sizes[0]:.0f}, {sizes[1]:.0f} MB (target: flat)")


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
