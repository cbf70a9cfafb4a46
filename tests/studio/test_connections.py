"""A server in a thread, and clients that never finish their requests."""

import logging
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest

uvicorn = pytest.importorskip("uvicorn")

from nasion.studio import build  # noqa: E402
from nasion.studio.connections import bounded_protocol  # noqa: E402

LIMIT_S = 0.3
GET = b"GET /v1/studio HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALF = b"GET /v1/studio HTTP/1.1\r\nHost: 127.0.0.1\r\n"
UNFINISHED = {
    "nothing": b"",
    "headers": HALF,
    "body": b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nabc",
    "chunks": b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "body of another method": b"PUT /v1/studio HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nabc",
    "rejected": b"POST /v1/predict HTTP/1.1\r\nHost: evil\r\nContent-Length: 1000\r\n\r\nabc",
}


@contextmanager
def serving(before=lambda _port: None, **limits):
    """Run a server in a thread, and yield its port; `before` is called when clients can connect, but none is served."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(500)
        http = bounded_protocol(**limits)
        config = uvicorn.Config(build(), http=http, ws="none", log_level="error", limit_concurrency=640)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        before(listener.getsockname()[1])
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def port():
    with serving(request_s=LIMIT_S) as port:
        yield port


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@pytest.fixture
def logged(port):
    """Return what the server logs during a test."""
    records = Records()
    for name in ("uvicorn", "asyncio"):
        logging.getLogger(name).addHandler(records)
    yield records.lines
    for name in ("uvicorn", "asyncio"):
        logging.getLogger(name).removeHandler(records)


def connected(port, content):
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    client.sendall(content)
    return client


def received_until_closed(client):
    """Return what a client receives until the server closes the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while part := client.recv(10_000):
            received += part
    return received


def is_answered(client):
    """Receive one answer and return whether it is a good one."""
    received = b""
    while not received.endswith(b"}"):
        part = client.recv(1000)
        assert part
        received += part
    return received.startswith(b"HTTP/1.1 200")


def status(port):
    """Return the status of the answer to a complete request."""
    with connected(port, GET) as client:
        return int(client.recv(1000).split()[1])


@pytest.mark.parametrize("start", UNFINISHED)
def test_connections_of_unfinished_requests_are_closed(port, start, logged):
    begin = time.monotonic()
    with connected(port, UNFINISHED[start]) as client:
        received_until_closed(client)
    assert LIMIT_S / 2 < time.monotonic() - begin < 3
    assert status(port) == 200
    assert logged == []


def test_drops_of_a_request_do_not_extend_its_time(port):
    begin = time.monotonic()
    with connected(port, HALF) as client, suppress(OSError):
        while time.monotonic() - begin < 3:
            client.sendall(b"X: y\r\n")
            time.sleep(0.05)
    assert time.monotonic() - begin < 3


def test_complete_requests_on_one_connection_are_served_and_the_next_has_a_limit_again(port):
    with connected(port, GET) as client:
        for _ in range(3):
            assert is_answered(client)
            client.sendall(GET)
        assert is_answered(client)
        time.sleep(2 * LIMIT_S)  # idle connections have uvicorn's own limit, which is longer
        client.sendall(GET)
        assert is_answered(client)
        begin = time.monotonic()
        client.sendall(HALF)
        assert received_until_closed(client) == b""
        assert time.monotonic() - begin < 3


INVALID = {
    "chunks": b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n",
    "headers": b"GET /v1/studio HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "second request": GET + b"\0\xff\r\n\r\n",
    "chunks of a rejected request": b"POST / HTTP/1.1\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "chunks after an answer": (
        b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n"
    ),
}


@pytest.mark.parametrize("part", INVALID)
@pytest.mark.parametrize("split", [0, 4])
def test_what_is_not_http_is_rejected_without_a_traceback(port, part, split, logged):
    """At once, the application answers before it knows that the connection is closed; in two parts, before the end."""
    first, last = INVALID[part][: len(INVALID[part]) - split], INVALID[part][len(INVALID[part]) - split :]
    with connected(port, first) as client:
        time.sleep(0.05)
        with suppress(OSError):
            client.sendall(last)
        received = received_until_closed(client)
    assert received.startswith(b"HTTP/1.1 ")
    assert status(port) == 200
    assert logged == []


def test_others_are_served_while_300_requests_are_unfinished():
    with serving(request_s=60) as port:
        clients = [connected(port, (HALF, UNFINISHED["body"])[k % 2]) for k in range(300)]
        assert [status(port) for _ in range(3)] == [200, 200, 200]
        for client in clients:
            client.close()


def test_beyond_their_limit_the_oldest_unfinished_request_is_dropped():
    with serving(request_s=60, max_incomplete=3) as port:
        clients = [connected(port, HALF) for _ in range(3)]
        time.sleep(0.1)
        assert status(port) == 200
        assert received_until_closed(clients[0]) == b""
        for client in clients[1:]:
            client.sendall(b"\r\n")
            assert is_answered(client)
        for client in clients:
            client.close()


def test_connections_that_arrive_together_stay_within_the_limit():
    """The server accepts them in one step, before it runs anything that an earlier one has caused."""
    clients = []
    with serving(
        lambda port: clients.extend(connected(port, HALF) for _ in range(20)), request_s=60, max_incomplete=3
    ) as port:
        assert status(port) == 200
        assert [received_until_closed(client) for client in clients[:-3]] == [b""] * 17
        for client in clients[-2:]:  # the request for the status needed a place, too
            client.sendall(b"\r\n")
            assert is_answered(client)
        for client in clients:
            client.close()
