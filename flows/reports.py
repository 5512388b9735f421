"""The reports below some folders, to be looked at in a browser: read only, and nothing else.

Only pages and figures that Rotoscope writes beside its datasets are given, by their place below a
root; hidden files, links that lead out, folders and all other files are "not found".
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import html
import logging
import os
import shutil
import socket
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from rotoscope.flows.gate import LOOPBACK, is_loopback, may_ask
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.paths import inside

log = logging.getLogger(__name__)
KINDS = {".report.html": "text/html; charset=utf-8", "results.png": "image/png"}
"""Ends of the names of what is given, with their types."""
_TIMEOUT_S = 30
_HEADERS = {
    # A page of ours holds all that it needs and asks nobody for anything.
    "Content-Security-Policy": "default-src 'none'; img-src data: 'self'; media-src data: blob:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class Shelf:
    """What is given to whom."""

    roots: tuple[Path, ...]
    """Folders below which reports lie."""
    secret: str = ""
    """`user:password` that must be given; nothing is asked for where empty."""
    names: frozenset[str] = frozenset()
    """Names that the server goes by; any where empty."""

    def open(self, path: str) -> tuple[BinaryIO, str]:
        """The file of a path such as `/0/cup.report.html`, and its type.

        Raises:
            UsageError: There is none that is given.
        """
        number, _, rest = unquote(path).lstrip("/").partition("/")
        is_number = number.isascii() and number.isdigit() and int(number) < len(self.roots)
        kind = next((kind for end, kind in KINDS.items() if rest.endswith(end)), "")
        is_hidden = any(part.startswith(".") for part in rest.split("/"))
        if not is_number or not kind or is_hidden:
            raise UsageError("no report")
        place = inside(self.roots[int(number)], rest, what="report", error=UsageError)
        try:
            # What the name led to when it was checked, not what it may lead to now.
            opened = os.open(place.resolve(), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise UsageError("no report") from error
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise UsageError("no report")
        return os.fdopen(opened, "rb"), kind

    def list(self) -> list[tuple[str, str]]:
        """Path and name of every report in the roots and in the folders in them."""
        found = []
        for number, root in enumerate(self.roots):
            for pattern in ("*.report.html", "*/*.report.html"):
                for file in sorted(root.glob(pattern)):
                    name = file.relative_to(root).as_posix()
                    path = f"/{number}/{quote(name)}"
                    with contextlib.suppress(UsageError):
                        self.open(path)[0].close()
                        found.append((path, name))
        return found


def path_of(report: Path, roots: Sequence[Path]) -> str:
    """Where a report is given, such as `/0/cup.report.html`; empty where it lies in no root."""
    for number, root in enumerate(roots):
        if report.is_relative_to(root):
            return f"/{number}/{quote(report.relative_to(root).as_posix())}"
    return ""


@contextlib.contextmanager
def served(shelf: Shelf, host: str, port: int) -> Iterator[int]:
    """Gives reports as long as this context lives; yields the port, one that is free for 0.

    Raises:
        UsageError: The address cannot be had.
    """
    names = LOOPBACK if is_loopback(host) else frozenset[str]()
    shelf = Shelf(shelf.roots, shelf.secret, names)
    try:
        server = _Server((host, port), partial(_Handler, shelf))
    except OSError as error:
        raise UsageError(
            f"reports cannot be served at {host}:{port} ({error.strerror}); name another address"
        ) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news."""
        log.debug("a request for a report ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "rotoscope", ""
    timeout = _TIMEOUT_S

    def __init__(
        self, shelf: Shelf, request: socket.socket, client: tuple[str, int], server: _Server
    ) -> None:
        self.shelf = shelf
        super().__init__(request, client, server)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)

    def _answer(self, *, with_body: bool) -> None:
        if not may_ask(self.headers.get("Host", ""), self.headers.get("Origin"), self.shelf.names):
            return self._say(HTTPStatus.FORBIDDEN, "refused")
        if not self._is_known():
            return self._say(HTTPStatus.UNAUTHORIZED, "who are you?")
        path = urlsplit(self.path).path
        if path == "/":
            rows = (f'<li><a href="{at}">{html.escape(n)}</a>' for at, n in self.shelf.list())
            page = f"<!doctype html><title>Reports</title><h1>Reports</h1><ul>{''.join(rows)}</ul>"
            return self._say(HTTPStatus.OK, page, kind="text/html; charset=utf-8")
        try:
            file, kind = self.shelf.open(path)
        except UsageError:
            return self._say(HTTPStatus.NOT_FOUND, "no such report")
        with file:
            self._start(HTTPStatus.OK, kind, os.fstat(file.fileno()).st_size)
            if with_body:
                shutil.copyfileobj(file, self.wfile)
        return None

    def _is_known(self) -> bool:
        if not self.shelf.secret:
            return True
        wanted = "Basic " + base64.b64encode(self.shelf.secret.encode()).decode()
        given = self.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())

    def _say(self, status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = text.encode("utf-8", "replace")
        self._start(status, kind, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _start(self, status: HTTPStatus, kind: str, size: int) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="rotoscope"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()
