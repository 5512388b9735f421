"""A Prefect server: ours to start, and gone when the command that needs it is, however it ends.

Prefect starts one of its own where no address is configured, by way of an interpreter that looks
for modules in the current folder first, and leaves it behind when it is killed itself.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
    temporary_settings,
)

from rotoscope.flows.gate import LOOPBACK, Gate
from rotoscope.pipeline import lifeline
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.processes import python_module

Server = subprocess.Popen[bytes]
_PAUSE_S, _TIMEOUT_S, _FAILURES = 1.0, 20.0, 3
_ROLE = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
"""What Prefect gives the servers that it starts itself."""


class NoServerError(RotoscopeError):
    """The Prefect server does not answer."""


@contextlib.contextmanager
def connected() -> Iterator[str]:
    """Yields the address of the configured server, or of one that lives as long as this context.

    Raises:
        NoServerError: It does not answer.
    """
    if url := PREFECT_API_URL.value():
        if (why := problem()) is not None:
            first = str(why).partition("\n")[0] or type(why).__name__
            raise NoServerError(
                f"the Prefect server at {without_secret(url)} does not answer ({first})"
            )
        yield url
        return
    with _own_server() as url, temporary_settings({PREFECT_API_URL: url}):
        yield url


def without_secret(url: str) -> str:
    """An address without the password that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def has_gone() -> None:
    """Returns when the server has not answered several times in a row; asks it every second."""
    failures = 0
    # Once for all: settings and certificates are read anew for every client, a quarter of a second.
    with _client() as client:
        while failures < _FAILURES:
            time.sleep(_PAUSE_S)
            failures = 0 if client.api_healthcheck() is None else failures + 1


def problem() -> Exception | None:
    """Why the server does not answer, with Prefect's own client for keys and certificates."""
    with _client() as client:
        return client.api_healthcheck()


@contextlib.contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(sync_client=True, httpx_settings={"timeout": _TIMEOUT_S}) as client,
    ):
        yield client


@contextlib.contextmanager
def _own_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = start(listener, _ROLE)
    try:
        url = f"http://127.0.0.1:{port}/api"
        _wait_for(url, server)
        yield url
    finally:
        end(server)


def start(listener: socket.socket, role: Mapping[str, str], *, is_open: bool = False) -> Server:
    """Starts a server that listens there; it is up some seconds later.

    Args:
        listener: A socket that listens.
        role: Environment of it: what kind of server it is.
        is_open: Whether it goes by any name; by those of this machine for itself where not.
    """
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    names = [] if is_open else sorted(LOOPBACK)
    server = subprocess.Popen(
        python_module("rotoscope.flows.server", str(listener.fileno()), *names),
        env={**os.environ, **settings, **role},
        stdin=subprocess.PIPE,
        pass_fds=[listener.fileno()],
        cwd="/",  # see `import_prefect`
    )
    assert server.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        server.stdin.write(b"\n")
        server.stdin.flush()
    return server


def end(server: Server) -> None:
    """Ends a server at once."""
    server.kill()
    server.wait()
    if server.stdin is not None:
        server.stdin.close()


def _wait_for(url: str, server: Server) -> None:
    limit_s = PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
    end = time.monotonic() + limit_s
    while time.monotonic() < end and server.poll() is None:
        # The system takes the connection before the server is up; it answers when it is.
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=2.0).status_code == httpx.codes.OK:
                return
    raise NoServerError(f"the Prefect server that was started did not answer in {limit_s:g} s")


def _serve(descriptor: int, names: list[str]) -> None:
    import uvicorn
    from prefect.server.api.server import create_app

    app: Any = Gate(create_app(), names)
    config = uvicorn.Config(app, log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    lifeline.hold()
    _serve(int(sys.argv[1]), sys.argv[2:])
