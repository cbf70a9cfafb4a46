"""Requests to the studio, as bytes over a connection to its server."""

import io
import json
import os
import shutil
import socket
import threading
from pathlib import Path
from random import Random

import numpy as np
import uvicorn
from PIL import Image as PillowImage

from doubles import FixedDetector
from fuzz.mutations import NUMBERS, WORDS, change_bytes, change_json
from fuzz.workers import Kind
from made_files import make_ibug, shape
from nasion.predict.backends.onnx_backend import OnnxBackend
from nasion.predict.model_zoo import resolve
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import ServerSettings, build, open_album
from nasion.studio.connections import bounded_protocol

LIMIT_S = 0.5
"""Time in which a request must arrive, s."""

PATHS = (
    *("/", "/healthz", "/docs", "/openapi.json", "/v1/studio", "/v1/models", "/v1/album", "/v1/folders", "/v1/formats"),
    *("/v1/album/images/0", "/v1/album/images/1", "/v1/album/images/0/history", "/v1/album/images/0/place"),
    *("/v1/album/images/0/thumbnail", "/v1/album/images/0/accept", "/v1/album/import", "/v1/album/export"),
    *("/v1/album/skeleton", "/v1/album/pairs", "/v1/album/project", "/v1/album/images/0/landmarks"),
    *(
        "/v1/album/images/0/picture",
        "/v1/predict",
        "/v1/predict",
        "/v1/match",
        "/v1/match/gif",
        "/v1/export/zip",
        "/v1/video",
        "/v1/video/x/frame",
        "/v1/train",
        "/v1/train/report",
        "/v1/train/stop",
    ),
    *(
        "/pages/main.js",
        "/../etc/passwd",
        "/%2e%2e/x",
        "//x",
        "/v1/album/images/-1",
        "/v1/album/images/99999999999999999999",
        "/\xff",
        "/%00",
    ),
)
FACE = {
    "face": 0,
    "score": 0.9,
    "box": [1, 2, 30, 40],
    "keypoints": [[k, k + 0.5] for k in range(68)],
    "spread_px": [1.5] * 68,
    "ellipses": None,
}
PREDICTED = {"images": [{"image": "a.jpg", "width": 64, "height": 48, "faces": [FACE, FACE]}]}
METHODS = ("GET", "GET", "GET", "POST", "POST", "PUT", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE", "PATCH", "X", "get")


class _Served:
    """A server that starts in the process of the first request."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.process, self.port = folder, 0, 0
        buffer = io.BytesIO()
        PillowImage.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(
            buffer, "JPEG"
        )
        self.image = buffer.getvalue()

    def start(self) -> int:
        """Return the port of the server in this process."""
        if self.process == os.getpid():
            return self.port
        self.process = os.getpid()
        folder = self.folder / str(self.process)
        make_ibug(folder, shape(68))
        album = open_album(str(folder), load_skeleton("ibug-68"))
        model = OnnxBackend(resolve("tiny"), threads=1)
        detector = FixedDetector([5, 5, 40, 40])
        settings = ServerSettings(largest_body=300_000, largest_pixels=1_000_000, timeout_s=20)
        app = build(settings, lambda _name: Predictor(model, detector), {}, album)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(app, http=bounded_protocol(LIMIT_S), ws="none", log_level="error", access_log=False)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
        return self.port


def _form(random: Random, image: bytes) -> tuple[str, bytes]:
    mark = random.choice(("xxx", "", "x" * 100, "é"))
    names = random.choice((("image",), ("a", "b"), ("a", "b", "c"), ("x",) * 300))
    parts = b"".join(_part(random, image, name, mark) for name in names)
    return f"multipart/form-data; boundary={mark}", parts + f"--{mark}--\r\n".encode()


def _part(random: Random, image: bytes, name: str, mark: str) -> bytes:
    file = random.choice((*WORDS, "a.jpg"))
    head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'
    return head.encode("utf-8", "replace") + (image if random.random() < 0.8 else random.randbytes(50)) + b"\r\n"


def _body(random: Random, image: bytes) -> tuple[str, bytes]:
    kind = random.random()
    if kind < 0.2:
        return "", b""
    if kind < 0.4:
        return "image/jpeg", image if random.random() < 0.3 else change_bytes(random, image, [image])
    if kind < 0.6:
        return _form(random, image)
    if kind < 0.95:
        points = [[k, k + 0.5] for k in range(68)]
        update = {"name": "0.png", "faces": [{"keypoints": points, "origin": 0}], "seen": "new", "state": "todo"}
        update |= {"box": [5, 5, 40, 40], "names": ["a"], "keypoints": points[:1], "flip": [0]}
        return "application/json", change_json(random, update).encode("utf-8", "replace")
    return random.choice(("text/plain", "application/json", "multipart/form-data", "x")), random.randbytes(400_000)


def _query(random: Random) -> str:
    names = ("box", "model", "frames", "face_a", "smooth", "minutes", "token", "folder", "path", "format", "since", "x")
    values = (*NUMBERS, *WORDS, "5,5,40,40", "0,0,1e308,1e308", "tiny", "default", "coco", "..", "3")
    pairs = [
        f"{random.choice(names)}={random.choice(values)[:3000]}" for _ in range(random.choice((0, 0, 1, 1, 3, 200)))
    ]
    return "&".join(pairs).translate({ord(each): "%20" for each in " \r\n\t\0"})


def _request(random: Random, image: bytes, port: int) -> bytes:
    method, path = random.choice(METHODS), random.choice(PATHS)
    if path in ("/v1/predict", "/v1/match", "/v1/match/gif", "/v1/video") and random.random() < 0.7:
        method = "POST"
    if "album/" in path and random.random() < 0.5:
        method = "PUT"
    if path == "/v1/train" and method == "POST":  # it would start a training
        method = "GET"
    kind, body = _body(random, image)
    if "export" in path and random.random() < 0.7:
        method, kind, body = "POST", "application/json", change_json(random, PREDICTED).encode("utf-8", "replace")
    hosts = (f"127.0.0.1:{port}",) * 12 + ("", "evil", "[::1", "127.0.0.1", "localhost:1", "a" * 3000)
    headers = [f"Host: {random.choice(hosts)}"]
    if kind:
        headers.append(f"Content-Type: {kind}")
    if random.random() < 0.15:
        name = random.choice(("Origin", "Cookie", "Authorization", "Sec-Fetch-Site", "Upgrade", "Expect", "Range", "X"))
        headers.append(f"{name}: {random.choice((*WORDS, 'http://[', 'websocket', '100-continue'))}")
    length = len(body) if random.random() < 0.93 else random.choice((-1, 0, 5, 10**10, len(body) + 5))
    if random.random() < 0.05:
        headers.append("Transfer-Encoding: chunked")
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    else:
        headers.append(f"Content-Length: {length}")
    query = _query(random)
    line = f"{method} {path}{'?' if query else ''}{query} HTTP/{random.choice(('1.1',) * 9 + ('1.0', '2', 'x'))}"
    return "\r\n".join([line, *headers, "", ""]).encode("utf-8", "replace") + body


def _run(served: object, random: Random, folder: Path) -> None:
    port = served.start()
    content = _request(random, served.image, port)
    if random.random() < 0.15:
        content = change_bytes(random, content[:20_000], [content])
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        try:
            client.sendall(content)
            client.shutdown(socket.SHUT_WR) if random.random() < 0.5 else None
            while part := client.recv(65_536):
                answer += part
                if _is_complete(answer):
                    break
        except OSError:  # the server has closed the connection
            pass
    words = answer.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else 0
    assert status < 500, answer[:300]
    head, _, body = answer.partition(b"\r\n\r\n")
    if status >= 400 and b"application/json" in head and len(body) == _length(head) > 0:
        error = json.loads(body)["error"]
        assert error, answer
        assert "\n" not in error, error


def _is_complete(answer: bytes) -> bool:
    head, gap, body = answer.partition(b"\r\n\r\n")
    return bool(gap) and (len(body) >= _length(head) >= 0 or body.endswith(b"0\r\n\r\n"))


def _length(head: bytes) -> int:
    """Return the length that an answer's headers state; -1 if they do not."""
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in lines if name == b"content-length"), -1)


def _prepare(folder: Path) -> object:
    shutil.rmtree(folder, ignore_errors=True)
    return _Served(folder)


KINDS = [Kind("requests", 1.0, _prepare, _run)]
