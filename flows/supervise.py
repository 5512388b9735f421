"""Runs a flow in a child, and the same work without Prefect where Prefect fails.

Prefect shows and records; it must never cost the work. What a flow has finished is kept as always,
so that the plain call goes on where the flow was.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import pickle
import signal
import subprocess
from typing import Any

from rotoscope.flows import import_prefect
from rotoscope.flows.child import BROKEN, DONE, NO_SERVER, REFUSED
from rotoscope.pipeline import errors
from rotoscope.pipeline.processes import python_module

log = logging.getLogger(__name__)


def supervised(module: str, name: str, *args: Any, **kwargs: Any) -> Any:
    """What a flow returns, or the same work done plainly.

    Args:
        module: Module of `flows`; its `PLAIN` holds, by name, what does the work without Prefect.
        name: Flow, or function that runs one.
        *args: Its arguments, as JSON can hold them.
        **kwargs: The same.

    Raises:
        RotoscopeError: What the flow raised on purpose.
    """
    kind, content = _ask({"module": module, "name": name, "args": args, "kwargs": kwargs})
    if kind == DONE:
        return content
    if kind == REFUSED:
        raise getattr(errors, content[0], errors.RotoscopeError)(content[1])
    said = content if kind == NO_SERVER else f"the flow broke off ({content})"
    log.warning("%s; the work goes on without it", said)
    import_prefect()
    return importlib.import_module(f"rotoscope.flows.{module}").PLAIN[name](*args, **kwargs)


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
            child.stdin.write(json.dumps(job).encode() + b"\n")
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
