"""What `serve` keeps going: Prefect's server, where it is ours, and the runner."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from prefect.settings import PREFECT_HOME

from rotoscope.flows import server
from rotoscope.flows.gate import is_loopback
from rotoscope.flows.place import VARIABLE, Place
from rotoscope.flows.serve_plan import Plan
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.processes import import_path, python_module

log = logging.getLogger(__name__)
_LONG_ENOUGH_S, _LONGEST_PAUSE_S = 60.0, 60.0


class OwnServer:
    """A server of ours at an address that stays ours while it is started again."""

    def __init__(self, host: str, port: int) -> None:
        """Takes the address.

        Raises:
            UsageError: It cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self.listener = socket.create_server((host, port), family=family, backlog=128)
        except OSError as error:
            raise UsageError(
                f"Prefect cannot be served at {host}:{port} ({error.strerror}); name another "
                "address with --host and --port, or a server that runs with PREFECT_API_URL"
            ) from error
        self.port = self.listener.getsockname()[1]
        self.is_open = not is_loopback(host)
        name = host if not self.is_open else "127.0.0.1"
        name = f"[{name}]" if ":" in name else name
        self.url = f"http://{name}:{self.port}/api"
        pages = [f"http://{n}:{self.port}" for n in ("127.0.0.1", "localhost")]
        self.role = {
            "PREFECT__SERVER_FINAL": "1",
            # The page asks the place that it came from, whatever its name is there.
            "PREFECT_UI_API_URL": "/api",
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(pages),
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            # Not where it is installed: that may be another user's.
            "PREFECT_UI_STATIC_DIRECTORY": str(PREFECT_HOME.value() / "ui"),
            "PREFECT_API_URL": self.url,
        }
        self.process: server.Server | None = None

    def keep(self) -> None:
        """Starts the server where it does not run."""
        if self.process is not None and self.process.poll() is None:
            return
        if self.process is not None:
            log.warning("Prefect's server ended (%s); another is started", self.process.returncode)
            server.end(self.process)
        self.process = server.start(self.listener, self.role, is_open=self.is_open)

    def end(self) -> None:
        """Ends the server and gives the address up."""
        if self.process is not None:
            server.end(self.process)
        self.listener.close()


class Runner:
    """The process that starts runs; see `rotoscope.flows.runner`."""

    def __init__(self, plan: Plan, place: Place, settings: dict[str, str]) -> None:
        facts: dict[str, Any] = {"workers": plan.workers, "runs": plan.runs, "gpus": plan.gpus}
        facts |= {"every_s": plan.every_s, "watched": [asdict(w) for w in plan.watched]}
        self.job = json.dumps(facts).encode() + b"\n"
        path = os.pathsep.join(import_path())
        self.env = os.environ | settings | {VARIABLE: place.as_text(), "PYTHONPATH": path}
        self.process: subprocess.Popen[bytes] | None = None
        self.pause_s, self.started, self.not_before = 1.0, 0.0, 0.0

    def keep(self) -> None:
        """Starts the runner where it does not run and the server answers."""
        if self.process is not None:
            if self.process.poll() is None:
                return
            log.warning("the runner ended (%s); another is started", self.process.returncode)
            lived_s = time.monotonic() - self.started
            soon = lived_s < _LONG_ENOUGH_S
            self.pause_s = min(2 * self.pause_s, _LONGEST_PAUSE_S) if soon else 1.0
            self.not_before = time.monotonic() + self.pause_s
            self.end()
        if time.monotonic() >= self.not_before and server.problem() is None:
            self._start()

    def _start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            python_module("rotoscope.flows.runner"),
            env=self.env,
            stdin=subprocess.PIPE,
            # Prefect logs to the other one; here it prints pages where its server is away.
            stdout=subprocess.DEVNULL,
            cwd="/",  # see `import_prefect`
            # A group of its own, so that it is ended with all runs.
            process_group=0,
        )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(self.job)
            self.process.stdin.flush()

    def end(self) -> None:
        """Ends the runner and all that it runs, at once: the next one goes on where they were."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self.process = None


@contextlib.contextmanager
def kept_runner(plan: Plan, place: Place, settings: dict[str, str]) -> Iterator[Runner]:
    """A runner that ends with this context."""
    runner = Runner(plan, place, settings)
    try:
        yield runner
    finally:
        runner.end()


@contextlib.contextmanager
def own_server(host: str, port: int) -> Iterator[OwnServer]:
    """A server that ends with this context."""
    kept = OwnServer(host, port)
    try:
        yield kept
    finally:
        kept.end()
