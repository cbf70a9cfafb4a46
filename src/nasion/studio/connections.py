"""Connections whose requests never end: closed after a time limit, and never in the way of other clients.

uvicorn limits the time between two requests, but not the time that a request takes to arrive. A client that sends one
byte a minute would hold its connection for hours, and some hundreds of them would use up all connections.
"""

import asyncio
from contextlib import suppress
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["MAX_INCOMPLETE", "REQUEST_S", "bounded_protocol"]

REQUEST_S = 30.0
"""Time in which a request must arrive completely, headers and body, s."""

MAX_INCOMPLETE = 384
"""Connections that may wait for the rest of a request; a further one replaces the one that has waited longest."""


class _BoundedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with a time limit for each request."""

    request_s: ClassVar[float]
    max_incomplete: ClassVar[int]
    incomplete: ClassVar[dict["_BoundedProtocol", asyncio.TimerHandle]]

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; wait on if it is not the last one."""
        super().data_received(data)
        self._update(has_begun=True)

    def on_response_complete(self) -> None:
        """Wait for the next request if a part of it has arrived already; uvicorn limits the time without any part."""
        super().on_response_complete()
        self._update(has_begun=bool(self.conn.trailing_data[0]))

    def send_400_response(self, msg: str) -> None:
        """Reject what is not HTTP; an answer to the part before it, which is still being made, is not sent any more."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        with suppress(h11.LocalProtocolError):  # the answer has begun
            super().send_400_response(msg)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _update(self, has_begun: bool) -> None:
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and has_begun):
            self._wait()
        else:
            self._stop_waiting()

    def _wait(self) -> None:
        if self in self.incomplete or self.transport.is_closing():
            return
        if len(self.incomplete) >= self.max_incomplete:
            next(iter(self.incomplete))._drop()
        self.incomplete[self] = self.loop.call_later(self.request_s, self._drop)

    def _drop(self) -> None:
        """Close the connection, and free its place at once: connections that arrive together each need another one."""
        self._stop_waiting()
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if (timer := self.incomplete.pop(self, None)) is not None:
            timer.cancel()


def bounded_protocol(request_s: float = REQUEST_S, max_incomplete: int = MAX_INCOMPLETE) -> type[H11Protocol]:
    """Return uvicorn's HTTP protocol with limits, for `uvicorn.Config(http=...)`.

    Args:
        request_s: time in which a request must arrive completely, s.
        max_incomplete: connections that may wait for the rest of a request.
    """
    limits: dict[str, Any] = {"request_s": request_s, "max_incomplete": max_incomplete, "incomplete": {}}
    return type("BoundedProtocol", (_BoundedProtocol,), limits)
