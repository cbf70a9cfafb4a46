"""Access control: checks host, origin, token and size of a request before its body is read.

A page of another site that is open in the same browser can also send requests to this machine. Therefore the `Host`
header must name this machine, a request with an `Origin` must come from this server's own page, and a server that
listens beyond this machine requires a token. See OWASP, "Cross-Site Request Forgery Prevention", and DNS rebinding.
"""

from __future__ import annotations  # the types are imported for the type checker only

import hmac
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from nasion.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["COOKIE", "SECURITY_HEADERS", "AccessControl", "RejectedError", "is_local", "send_error"]

UNAUTHORIZED = (
    'this server requires a token: open the address with "?token=..." that the server printed, '
    'or send the header "Authorization: Bearer TOKEN"'
)
OTHER_SITE = "requests from pages of other sites are rejected"

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1")

COOKIE = "nasion"
"""Prefix of the cookie's name. The port follows, because browsers send cookies to every port of a host."""

ONCE = (b"host", b"origin", b"cookie", b"authorization", b"content-length", b"content-type", b"sec-fetch-site")
"""Headers that a request has at most once."""

TOKEN = re.compile("[A-Za-z0-9_-]+")
LENGTH = re.compile("[0-9]{1,18}")
PAGES = ("/", "/docs")

SECURITY_HEADERS = {
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
"""Headers of every response, unless the application sets them itself."""


def is_local(host: str) -> bool:
    """Return whether a host name stands for this machine only.

    >>> is_local("127.0.0.1"), is_local("0.0.0.0")
    (True, False)
    """
    return host in LOCAL_HOSTS


class RejectedError(Exception):
    """A request is rejected.

    Attributes:
        status: HTTP status code of the response.
        reason: the error message, one line.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class AccessControl:
    """ASGI middleware that rejects requests before they reach the application.

    Args:
        app: the application.
        token: the access token; None requires no token and accepts only local host names.
        largest_body: limit for the size of a request body, bytes.
        larger: higher limits of single paths, bytes.

    Raises:
        ConfigError: the token is empty, or has characters other than letters, digits, "-" and "_".
    """

    def __init__(
        self, app: ASGIApp, token: str | None, largest_body: int, larger: Mapping[str, int] | None = None
    ) -> None:
        if token is not None and not TOKEN.fullmatch(token):
            raise ConfigError(
                f'a token consists of letters, digits, "-" and "_", not "{token[:80]}"; omit it to have one generated'
            )
        self.app, self.token, self.largest_body, self.larger = app, token, largest_body, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection; everything except HTTP is passed on unchanged."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        response = _Response(send, SECURITY_HEADERS | self._cookie_header(scope))
        try:
            self._check_repeated(scope)
            self._check(scope, headers)
            if self._is_token_in_query(scope) and scope["path"] in PAGES:
                await _redirect_without_token(response.send, scope)
            else:
                await self.app(scope, self._limit_body(receive, headers, self._limit(scope)), response.send)
        except RejectedError as error:
            if response.is_started:
                raise
            await send_error(response.send, error)

    def _check_repeated(self, scope: Scope) -> None:
        """Reject headers that are there twice: this check and the application could read different ones."""
        names = Counter(name.lower() for name, _ in scope["headers"])
        for name in ONCE:
            if names[name] > 1:
                raise RejectedError(400, f'the header "{name.decode()}" must not be repeated')

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if self.token is None and name not in LOCAL_HOSTS:
            raise RejectedError(421, f'this server accepts the hosts 127.0.0.1 and localhost, not "{name[:80]}"')
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise RejectedError(403, OTHER_SITE)
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise RejectedError(403, OTHER_SITE)
        if self.token is not None and not self._is_authorized(scope, headers):
            raise RejectedError(401, UNAUTHORIZED)

    def _is_authorized(self, scope: Scope, headers: dict[str, str]) -> bool:
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        cookies = {name: value for name, _, value in pairs}
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return any(map(self._matches, (bearer, _query_token(scope), cookies.get(_cookie_name(scope), ""))))

    def _matches(self, candidate: str) -> bool:
        """Return whether a string is the token; the time does not depend on where the two differ."""
        return self.token is not None and hmac.compare_digest(candidate.encode(), self.token.encode())

    def _is_token_in_query(self, scope: Scope) -> bool:
        return self._matches(_query_token(scope))

    def _cookie_header(self, scope: Scope) -> dict[str, str]:
        """Return the header that stores the token as a cookie, if the query has the token."""
        if not self._is_token_in_query(scope):
            return {}
        return {"set-cookie": f"{_cookie_name(scope)}={self.token}; HttpOnly; SameSite=Strict; Path=/"}

    def _limit(self, scope: Scope) -> int:
        return self.larger.get(scope["path"], self.largest_body)

    def _limit_body(self, receive: Receive, headers: dict[str, str], limit: int) -> Receive:
        """Return `receive` with a limit: the declared length is checked at once, the true length while it arrives."""
        length = headers.get("content-length", "0")
        if not LENGTH.fullmatch(length) or int(length) > limit:
            raise _too_large(limit)
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _too_large(limit)
            return message

        return receive_limited


class _Response:
    """Adds headers to a response and remembers whether it was started."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send, self._headers, self.is_started = send, headers, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
            own = message.get("headers", [])
            names = {name.lower() for name, _ in own}
            added = [(name, value) for name, value in _encode_headers(self._headers) if name not in names]
            message["headers"] = [*own, *added]
        await self._send(message)


def _too_large(limit: int) -> RejectedError:
    return RejectedError(413, f"the request has more than {limit / 1e6:.0f} MB; send a smaller file")


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"))


def _query_token(scope: Scope) -> str:
    return _query(scope).get("token", [""])[0]


def _cookie_name(scope: Scope) -> str:
    _, port = scope.get("server") or ("", 0)
    return f"{COOKIE}-{port}"


def _encode_headers(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _redirect_without_token(send: Send, scope: Scope) -> None:
    """Redirect a browser to the same page without the token, which would stay in its history and bookmarks."""
    rest = urlencode({name: values for name, values in _query(scope).items() if name != "token"}, doseq=True)
    location = scope["path"] + (f"?{rest}" if rest else "")
    await send({"type": "http.response.start", "status": 303, "headers": _encode_headers({"location": location})})
    await send({"type": "http.response.body", "body": b""})


async def send_error(send: Send, error: RejectedError) -> None:
    """Answer a request with an error as one line of JSON."""
    body = json.dumps({"error": error.reason}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    await send({"type": "http.response.start", "status": error.status, "headers": _encode_headers(headers)})
    await send({"type": "http.response.body", "body": body})
