"""Runs a flow in a child, and the same work without Prefect where Prefect fails.

Prefect shows and records; it must never cost the work. What a flow has finished is kept as always,
so that the plain call goes on where the flow was.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from rotoscope.flows.child import BROKEN, DONE, NO_SERVER, REFUSED, name_of
from rotoscope.pipeline import errors
from rotoscope.pipeline.processes import python_module

log = logging.getLogger(__name__)


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


def _ask(job: dict[str, Any]) -> tuple[str, Any]:
    child = subprocess.Popen(
        python_module("rotoscope.flows.child"),
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
