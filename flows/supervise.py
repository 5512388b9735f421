"""Runs a flow in a child, and again, or without Prefect, where Prefect or an engine fails.

Prefect shows and records; it must never cost the work. What a flow has finished is kept as always,
so that the next attempt goes on where the flow was.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

from rotoscope.flows.child import BROKEN, DONE, NO_SERVER, REFUSED, name_of
from rotoscope.flows.engines import Engine
from rotoscope.pipeline import errors
from rotoscope.pipeline.errors import EngineLostError
from rotoscope.pipeline.processes import python_module

log = logging.getLogger(__name__)

STARTS = 3
"""How often a flow on an engine is started."""
PAUSE_S = 20.0
"""Between two starts on a cluster that is not ours to start [s]."""


def supervised[**P, R](work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the flow of some work returns, or the same work done plainly.

    Args:
        work: A function that `rotoscope.flows.child` knows a flow of.
        *args: Its arguments: paths, and what JSON can hold.
        **kwargs: The same.

    Raises:
        RotoscopeError: What the flow raised on purpose.
    """
    kind, content = _ask({"work": name_of(work), "args": args, "kwargs": kwargs})
    if kind == DONE:
        result: R = content
        return result
    if kind == REFUSED:
        raise getattr(errors, content[0], errors.RotoscopeError)(content[1])
    said = content if kind == NO_SERVER else f"the flow broke off ({content})"
    log.warning("%s; the work goes on without it", said)
    return work(*args, **kwargs)


def on_engine[**P, R](engine: Engine, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the flow of some work returns whose tasks run on an engine; never done here instead.

    Where the engine or Prefect's server goes away, the flow is started again, with an engine and a
    server of its own where those were.

    Args:
        engine: Where its tasks run.
        work: As for `supervised`.
        *args: The same.
        **kwargs: The same.

    Raises:
        EngineLostError: It broke off every time.
        RotoscopeError: What the flow raised on purpose.
    """
    chosen = {"engine": engine.name, "address": engine.address}
    job = {"work": name_of(work), "args": args, "kwargs": kwargs | chosen}
    env: dict[str, str] = {}
    for attempt in range(1, STARTS + 1):
        # What is killed leaves its temporaries behind: sockets and logs, with Ray.
        with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
            kind, content = _ask(job, env | {"TMPDIR": folder})
        if kind == DONE:
            result: R = content
            return result
        if kind == REFUSED and content[0] != EngineLostError.__name__:
            raise getattr(errors, content[0], errors.RotoscopeError)(content[1])
        if kind == NO_SERVER and not engine.address:
            env = {"PREFECT_API_URL": ""}
        said = content[1] if kind == REFUSED else content
        log.warning("%s; %s", said, "the flow is started again" if attempt < STARTS else "it ends")
        if attempt < STARTS and engine.address:
            time.sleep(PAUSE_S)
    raise EngineLostError(
        f"the flow on {engine.name!r} broke off {STARTS} times, last because {said}; what was done "
        "is kept: run the same command again"
    )


def _ask(job: dict[str, Any], env: dict[str, str] | None = None) -> tuple[str, Any]:
    child = subprocess.Popen(
        python_module("rotoscope.flows.child"),
        env=os.environ | (env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A group of its own, so that it is ended with its server and all other children.
        process_group=0,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(job, default=os.fspath).encode() + b"\n")
            child.stdin.flush()
        answer = child.stdout.read()
        if answer:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=15)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
    if not answer:
        return BROKEN, f"its process ended with {child.returncode}"
    # From our own child, over our own pipe.
    kind, content = pickle.loads(answer)
    return kind, content
