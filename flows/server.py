"""A Prefect server for one command: ours to start, and gone when the command is, however it ends.

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
from collections.abc import Iterator

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
    temporary_settings,
)

from rotoscope.pipeline import lifeline
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.processes import python_module

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
        if (problem := _problem()) is not None:
            first = str(problem).partition("\n")[0] or type(problem).__name__
            raise NoServerError(f"the Prefect server at {url} does not answer ({first})")
        yield url
        return
    with _own_server() as url, temporary_settings({PREFECT_API_URL: url}):
        yield url


def has_gone() -> None:
    """Returns when the server has not answered several times in a row; asks it every second."""
    failures = 0
    while failures < _FAILURES:
        time.sleep(_PAUSE_S)
        failures = 0 if _problem() is None else failures + 1


def _problem() -> Exception | None:
    """Why the server does not answer, with Prefect's own client for keys and certificates."""
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(sync_client=True, httpx_settings={"timeout": _TIMEOUT_S}) as client,
    ):
        return client.api_healthcheck()


@contextlib.contextmanager
def _own_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        server = subprocess.Popen(
            python_module("rotoscope.flows.server", str(listener.fileno())),
            env=os.environ | settings | _ROLE,
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            cwd="/",  # see `import_prefect`
        )
    assert server.stdin is not None
    try:
        server.stdin.write(b"\n")
        server.stdin.flush()
        url = f"http://127.0.0.1:{port}/api"
        _wait_for(url, server)
        yield url
    finally:
        server.kill()
        server.wait()
        server.stdin.close()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    limit_s = PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
    end = time.monotonic() + limit_s
    while time.monotonic() < end and server.poll() is None:
        # The system takes the connection before the server is up; it answers when it is.
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=2.0).status_code == httpx.codes.OK:
                return
    raise NoServerError(f"the Prefect server that was started did not answer in {limit_s:g} s")


def _serve(descriptor: int) -> None:
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app(), log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    lifeline.hold()
    _serve(int(sys.argv[1]))
