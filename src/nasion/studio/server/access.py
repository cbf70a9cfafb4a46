"""Who may ask, and how much: checked before a byte of a picture is read.

A page of another site that is open in the same browser can send requests to this machine, too. So the host that the
browser asked for must be this one, a request that says where it comes from must come from this page, and beyond this
machine a token is needed. Source: OWASP, "Cross-Site Request Forgery Prevention", and on DNS rebinding.
"""

import hmac
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from nasion.errors import ConfigError

__all__ = ["COOKIE", "HEADERS", "AccessControl", "RefusedError", "is_local"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

NOT_SHOWN = (
    'a token is needed: open the address with "?token=…" that the server printed, or send "Authorization: Bearer TOKEN"'
)

LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
COOKIE = "nasion"
"""TrackedFace by the port: a browser shows cookies to every port of a host."""

TOKEN = re.compile("[A-Za-z0-9_-]+")
PAGES = ("/", "/docs")

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer."""


def is_local(host: str) -> bool:
    """Return whether a host's name is this machine's alone.

    >>> is_local("127.0.0.1"), is_local("0.0.0.0")
    (True, False)
    """
    return host in LOCAL


class RefusedError(Exception):
    """A request that is not answered: its status and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class AccessControl:
    """ASGI middleware around the application.

    Args:
        app: what answers.
        token: what must be shown; None asks for none, and then only this machine's own names are answered.
        largest_body: bytes.

    Raises:
        ConfigError: the token is empty, or has other signs than letters, digits, "-" and "_".
    """

    def __init__(self, app: Any, token: str | None, largest_body: int) -> None:
        if token is not None and not TOKEN.fullmatch(token):
            raise ConfigError(
                f'a token is letters, digits, "-" and "_", not "{token[:80]}"; leave it out to have one made'
            )
        self.app, self.token, self.largest_body = app, token, largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        answered = False

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                own = message.get("headers", [])
                there = {name.lower() for name, _ in own}
                added = [(n, v) for n, v in _raw(HEADERS | self._cookie(scope)) if n not in there]
                message["headers"] = [*own, *added]
            await send(message)

        try:
            self._check(scope, headers)
            if self._is_shown_in_address(scope) and scope["path"] in PAGES:
                await _send_on(answer, scope)
                return
            await self.app(scope, self._counted(receive, headers), answer)
        except RefusedError as refusal:
            if answered:
                raise
            await _refuse(answer, refusal)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if self.token is None and name not in LOCAL:
            raise RefusedError(421, f'this server answers to 127.0.0.1 and localhost, not to "{name[:80]}"')
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise RefusedError(403, "a request from another site's page is not answered")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError(403, "a request from another site's page is not answered")
        if self.token is not None and not self._knows(scope, headers):
            raise RefusedError(401, NOT_SHOWN)

    def _knows(self, scope: Scope, headers: dict[str, str]) -> bool:
        assert self.token is not None
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        cookies = {name: value for name, _, value in pairs}
        shown = (
            headers.get("authorization", "").removeprefix("Bearer "),
            _asked(scope),
            cookies.get(_cookie_name(scope), ""),
        )
        return any(hmac.compare_digest(each.encode(), self.token.encode()) for each in shown)

    def _cookie(self, scope: Scope) -> dict[str, str]:
        """Return the header that lets the page go on without the token in its address."""
        if not self._is_shown_in_address(scope):
            return {}
        return {"set-cookie": f"{_cookie_name(scope)}={self.token}; HttpOnly; SameSite=Settings; Path=/"}

    def _is_shown_in_address(self, scope: Scope) -> bool:
        return self.token is not None and hmac.compare_digest(_asked(scope).encode(), self.token.encode())

    def _counted(self, receive: Receive, headers: dict[str, str]) -> Receive:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.largest_body:
            raise self._too_large()
        seen = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.largest_body:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> RefusedError:
        return RefusedError(413, f"more than {self.largest_body / 1e6:.0f} MB; send a smaller picture")


def _asked(scope: Scope) -> str:
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]


def _cookie_name(scope: Scope) -> str:
    server = scope.get("server") or ("", 0)
    return f"{COOKIE}-{server[1]}"


async def _send_on(send: Send, scope: Scope) -> None:
    """Send a browser to the same page without the token in its address, which histories and bookmarks keep."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    rest = urlencode({name: values for name, values in query.items() if name != "token"}, doseq=True)
    place = scope["path"] + (f"?{rest}" if rest else "")
    await send({"type": "http.response.start", "status": 303, "headers": _raw({"location": place})})
    await send({"type": "http.response.body", "body": b""})


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _refuse(send: Send, refusal: RefusedError) -> None:
    body = json.dumps({"error": refusal.reason}).encode()
    kind = [("content-type", "application/json"), ("content-length", str(len(body)))]
    await send({"type": "http.response.start", "status": refusal.status, "headers": _raw(dict(kind))})
    await send({"type": "http.response.body", "body": body})
