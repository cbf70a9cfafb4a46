"""A local S3 server, and a proxy in front of it that can be slow, fail, disappear and refuse credentials."""

import http.client
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread

KEY, WRONG_KEY = "right", "wrong"
"""Access keys that the proxy accepts and refuses."""

REFUSAL = b"<Error><Code>InvalidAccessKeyId</Code><Message>The key does not exist.</Message></Error>"
OVERLOAD = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
NOT_FORWARDED = {"connection", "transfer-encoding", "keep-alive"}
"""Headers that concern one connection."""


@dataclass
class Faults:
    """How the proxy behaves.

    Attributes:
        delay_s: time added to each request, seconds.
        fail_every: every so many-th request fails; 0 for none.
        gone: whether requests are cut off without an answer.
    """

    delay_s: float = 0.0
    fail_every: int = 0
    gone: bool = False


@contextmanager
def storage(port: int) -> Iterator[tuple[str, Faults]]:
    """Run a server on `port` + 1 and a proxy on `port`; yield the proxy's address and its faults."""
    server = subprocess.Popen(
        [sys.executable, "-c", "from moto.server import main; main()", "-p", str(port + 1), "-H", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    faults = Faults()
    proxy = ThreadingHTTPServer(("127.0.0.1", port), _handler(port + 1, faults))
    try:
        _wait_for(f"http://127.0.0.1:{port + 1}/")
        Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{port}", faults
    finally:
        proxy.shutdown()
        proxy.server_close()
        server.kill()
        server.wait()


def environment(address: str, key: str = KEY) -> dict[str, str]:
    """Return the environment variables with which S3 clients use the proxy."""
    names = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": key}
    return {**names, "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1"}


def _wait_for(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"no server at {address}")


def _handler(port: int, faults: Faults) -> type[BaseHTTPRequestHandler]:
    numbers = count(1)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
            """Print nothing."""

        def _forward(self) -> None:
            body = self._body()
            time.sleep(faults.delay_s)
            if faults.gone:
                self.close_connection = True
                return
            if f"Credential={WRONG_KEY}/" in self.headers.get("Authorization", ""):
                self._answer(403, REFUSAL)
            elif faults.fail_every and next(numbers) % faults.fail_every == 0:
                self._answer(503, OVERLOAD)
            else:
                self._pass_on(body)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _pass_on(self, body: bytes) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_FORWARDED}
            headers["Content-Length"] = str(len(body))
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            self._answer(response.status, response.read(), response.getheaders())
            connection.close()

        def _answer(self, status: int, content: bytes, headers: list[tuple[str, str]] | None = None) -> None:
            self.send_response_only(status)
            kept = list(headers or [("Content-Type", "application/xml")])
            has_length = self.command == "HEAD" and any(name.lower() == "content-length" for name, _ in kept)
            for name, value in kept:
                if name.lower() not in NOT_FORWARDED and (has_length or name.lower() != "content-length"):
                    self.send_header(name, value)
            if not has_length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815  # names of http.server

    return Proxy
