"""A server on this machine that answers every request with the same bytes."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Served:
    """What is served: the address of the server, and the number of requests so far."""

    def __init__(self, port):
        self.address, self.requests = f"http://127.0.0.1:{port}", 0


@contextmanager
def serving(content, length=None, status=200) -> Iterator[Served]:
    """Serve bytes; `length` is a wrong length to announce."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            served.requests += 1
            self.send_response(status)
            self.send_header("Content-Length", str(length or len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(server.server_port)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
