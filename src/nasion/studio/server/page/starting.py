"""The server in its first second: it serves the page while the rest of it is still being imported.

Importing FastAPI, OpenCV and ONNX Runtime takes longer than everything else at the start. The page needs none of them.
"""

from __future__ import annotations  # the types are imported for the type checker only

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nasion.errors import one_line
from nasion.studio.server.access import AccessControl, RejectedError, send_error
from nasion.studio.server.page.page_files import find_page

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["Starting"]


class Starting:
    """ASGI application that serves the page, and passes other requests on to another one, which it loads in a thread.

    Args:
        load: returns the other application, whose lifespan is a part of this one's.
        token: the access token for the page; None requires no token and accepts only local host names.

    Attributes:
        error: why the application could not be loaded.
        on_error: called when it could not.

    Raises:
        ConfigError: the token is empty, or has characters other than letters, digits, "-" and "_".
    """

    def __init__(self, load: Callable[[], AccessControl], token: str | None) -> None:
        self.error: Exception | None = None
        self.on_error: Callable[[], None] = lambda: None
        self._load_app = load
        self._app: AccessControl | None = None
        self._page = AccessControl(_send_page, token, largest_body=0)
        self._loading: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Load the other application now, so that its errors appear before the server starts.

        Raises:
            NasionError: it cannot be loaded.
        """
        if self._app is None:
            self._app = self._load_app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["method"] == "GET" and find_page(scope["path"]) is not None:
            await self._page(scope, receive, send)
        else:
            try:
                app = await self._loaded()
            except Exception as error:
                await send_error(send, RejectedError(503, one_line(error)))
                return
            await app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start at once; run the lifespan of the other application from when it is loaded to the end."""
        await receive()
        end = asyncio.Event()
        rest = asyncio.create_task(self._run_rest(end))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        end.set()
        await rest
        await send({"type": "lifespan.shutdown.complete"})

    async def _run_rest(self, end: asyncio.Event) -> None:
        try:
            app: Any = (await self._loaded()).app
        except Exception as error:  # the command reports it
            self.error = error
            self.on_error()
            return
        async with app.router.lifespan_context(app):
            await end.wait()

    async def _loaded(self) -> AccessControl:
        """Return the other application; the first call loads it."""
        if self._app is None:
            self._loading = self._loading or asyncio.create_task(asyncio.to_thread(self.load))
            await asyncio.shield(self._loading)
        assert self._app is not None
        return self._app


async def _send_page(scope: Scope, _receive: Receive, send: Send) -> None:
    found = find_page(scope["path"])
    assert found is not None
    length, kind = str(len(found.content)).encode(), found.media_type.encode()
    headers = [(b"content-type", kind), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": found.content})
