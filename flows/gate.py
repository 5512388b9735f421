"""Who may ask a server on this machine: its own page and programs, not pages from elsewhere.

Any page that a browser shows can send requests to `127.0.0.1`, and a name that its owner points
there makes it look like the same site. What a run is told to do may be a program, so that both are
refused before anything is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    return host in LOOPBACK


def may_ask(host: str, origin: str | None, names: Collection[str]) -> bool:
    """Whether a request may be answered.

    Args:
        host: Its `Host` header.
        origin: Its `Origin` header, which browsers send with what a page asks for.
        names: Names that the server goes by; any where empty.
    """
    asked = _place(f"//{host}")
    if asked is None or (names and asked[0] not in names):
        return False
    if origin is None:
        return True
    page = _place(origin)
    if page is None:
        return False
    # One server, whatever this machine is called.
    ours = [name for name, _ in (asked, page) if is_loopback(name)]
    return page == asked or (len(ours) == 2 and page[1] == asked[1])


def _place(url: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(url)
        return (parts.hostname, parts.port) if parts.hostname else None
    except ValueError:
        return None


class Gate:
    """An ASGI application behind `may_ask`."""

    def __init__(self, app: App, names: Collection[str]) -> None:
        self.app, self.names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or says that it does not."""
        if scope["type"] == "lifespan" or self._is_ours(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"refused: not from this page\n"})

    def _is_ours(self, scope: Scope) -> bool:
        headers = {k: v.decode("latin-1") for k, v in scope["headers"]}
        return may_ask(headers.get(b"host", ""), headers.get(b"origin"), self.names)
