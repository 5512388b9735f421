"""A flow in a process of its own, which runs this as `__main__` and which `supervise` starts.

What Prefect does when its server goes, hundreds of lines and minutes of waiting, ends with this
process. It reads one line of JSON and answers with a pickled pair of a kind and what came of it.
"""

from __future__ import annotations

import contextvars
import importlib
import json
import os
import pickle
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from rotoscope.flows import import_prefect
from rotoscope.flows.calm import make_calm
from rotoscope.pipeline import lifeline
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.processes import PR_SET_CHILD_SUBREAPER, prctl
from rotoscope.pipeline.run import process_tree

DONE, REFUSED, NO_SERVER, BROKEN = "done", "refused", "no server", "broken"


def name_of(work: Callable[..., Any]) -> str:
    """What a function is called from one process to another."""
    return f"{work.__module__}.{work.__name__}"


class _Answer:
    """What the parent is told, once; what libraries print goes elsewhere."""

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(1), "wb")
        self._lock = threading.Lock()
        os.dup2(2, 1)

    def give(self, kind: str, content: Any) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(pickle.dumps((kind, content)))
                self._file.close()

    def give_up(self, kind: str, content: str) -> None:
        """Ends this process at once: Prefect would first wait for a server that is gone.

        What an engine started ends with it: agents of a Ray node that was killed, which nobody
        else is the parent of, would stay for half a minute.
        """
        self.give(kind, content)
        process_tree.kill_descendants()
        os._exit(1)


def main() -> None:
    """Runs the flow that the parent names."""
    job = json.loads(lifeline.hold())
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    answer = _Answer()

    def break_off(
        kind: type[BaseException], error: BaseException, trace: types.TracebackType | None
    ) -> None:
        answer.give_up(BROKEN, f"{kind.__name__}: {error}")

    sys.excepthook = break_off
    import_prefect()
    server = importlib.import_module("rotoscope.flows.server")
    try:
        with server.connected() as url:
            make_calm()
            _watch(server, answer, url)
            flow = next(flow for work, flow in flows().items() if name_of(work) == job["work"])
            result = flow(*job["args"], **job["kwargs"])
            answer.give(DONE, result)
            _send_what_is_left()
    except server.NoServerError as error:
        answer.give_up(NO_SERVER, str(error))
    except RotoscopeError as error:
        answer.give(REFUSED, (type(error).__name__, str(error)))
        process_tree.kill_descendants()


def flows() -> dict[Callable[..., Any], Callable[..., Any]]:
    """The flow of every kind of work, by the function that does the work without Prefect."""
    from rotoscope import api
    from rotoscope import train as trainings
    from rotoscope.flows import evaluate, label, plain, train

    return {
        plain.label: label.run,
        plain.retry: label.run_again,
        api.evaluate: evaluate.evaluation_flow,
        trainings.labeler: train.labeler_flow,
        trainings.latent_action: train.latent_flow,
        trainings.bco: train.bco_flow,
        trainings.policy: train.policy_flow,
    }


def _watch(server: types.ModuleType, answer: _Answer, url: str) -> None:
    def wait() -> None:
        server.has_gone()
        answer.give_up(
            NO_SERVER,
            f"the Prefect server at {server.without_secret(url)} does not answer any more",
        )

    # Settings, such as a temporary server's address, belong to Python's context.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(wait,), daemon=True).start()


def _send_what_is_left() -> None:
    """Events and log lines reach the server while it is there."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=5)
    EventsWorker.drain_all(timeout=5)


if __name__ == "__main__":
    main()
