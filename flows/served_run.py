"""Round every run that is started from a page or by a schedule: how it begins and how it ends.

A run that is refused, or whose checks fail, ends in a state of its own name with one sentence. One
whose process dies leaves a mark, by which `rotoscope serve` starts it again: finished work is kept.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prefect import Flow, flow
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Failed
from prefect.task_runners import TaskRunner

from rotoscope.flows import server
from rotoscope.flows.artifacts import logger
from rotoscope.flows.calm import make_calm
from rotoscope.flows.place import Place
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.processes import PR_SET_PDEATHSIG, prctl

PATIENCE_S = 3600.0
"""How long a run that is done waits for a server to tell it to [s]."""
_PAUSE_S = 2.0


def form(name: str) -> Callable[[Callable[..., Any]], Flow[..., Any]]:
    """Makes a function a flow that `rotoscope serve` offers; its arguments are the fields."""

    def make(function: Callable[..., Any]) -> Flow[..., Any]:
        @functools.wraps(function)
        def run(*given: Any, **fields: Any) -> Any:
            with _marked(Place.current()):
                try:
                    state = function(*given, **fields)
                except RotoscopeError as error:
                    state = Failed(name="Refused", message=str(error))
                    logger().error("%s: %s", type(error).__name__, error)
                # Prefect would write a page about a state that it takes for an exception.
                logging.getLogger("prefect.flow_runs").addFilter(_is_no_afterthought)
                return state

        # Prefect looks names up where it finds a function, which for this one is here.
        signature = inspect.signature(function, eval_str=True)
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        words = (function.__doc__ or "").partition("Args:")[0]
        described = "\n".join(line.strip() for line in words.splitlines()).strip()
        made = flow(name=name, description=described, persist_result=False, log_prints=False)
        return made(run)

    return make


def spread[R](
    prepared: contextlib.AbstractContextManager[TaskRunner[Any]], body: Callable[[], R]
) -> R:
    """Runs a flow's body in the flow that goes on, its tasks by the runner that is prepared."""
    context = FlowRunContext.get()
    assert context is not None
    with prepared as runner, runner, context.model_copy(update={"task_runner": runner}):
        return body()


def marks_of(place: Place) -> Path:
    """Folder with a file for every run that goes on."""
    return place.state / "runs"


def _is_no_afterthought(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Engine execution exited")


@contextlib.contextmanager
def _marked(place: Place) -> Iterator[None]:
    # A runner that is killed takes its runs with it; they are started again.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    make_calm()
    mark = marks_of(place) / str(flow_run.id or "none")
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    yield
    wait_for_the_server()
    mark.unlink(missing_ok=True)


def wait_for_the_server() -> None:
    """Until it can be told what came of the run: a server that is away costs no work."""
    end = time.monotonic() + PATIENCE_S
    while server.problem() is not None and time.monotonic() < end:
        time.sleep(_PAUSE_S)
