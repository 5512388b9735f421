"""Inside a child: one call is read from the pipe, made, and answered."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.processes import import_path

LONGEST = 20_000
"""Characters of a message or a traceback that are kept."""


@dataclass(frozen=True)
class Call:
    """What a child shall do, and what of the run's surroundings it does it in."""

    function: str
    """`"module:attr"`."""
    argument: bytes
    """Pickled; what it is made of may lie on the path that is only set in the child."""
    path: list[str]
    """Where modules are looked for."""
    arguments: list[str]
    """The command line of the run."""
    folder: str
    """Where relative paths start; empty where that folder is gone."""
    has_network: bool
    """Whether it may reach other machines."""


@dataclass(frozen=True)
class ChildError:
    """An error that a child reports; exceptions themselves do not cross the border."""

    kind: str
    """Class name of the error."""
    message: str
    """Its sentence."""
    is_expected: bool
    """Whether it is a `RotoscopeError`; otherwise it is a defect."""
    traceback: str
    """Traceback, for defects."""


def call(function: str, argument: Any, *, has_network: bool) -> bytes:
    """The pickled call, with the surroundings of this process."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        folder = ""
    pickled = bytes(ForkingPickler.dumps(argument))
    made = Call(function, pickled, import_path(), list(sys.argv), folder, has_network)
    return pickle.dumps(made)


def answer(connection: Connection) -> None:
    """Makes the call that comes through the pipe and sends back one answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    made: Call = connection.recv()
    sys.path[:], sys.argv[:] = made.path, made.arguments
    if made.folder:
        os.chdir(made.folder)
    if not made.has_network:
        network = importlib.import_module("rotoscope.pipeline.run.network")
        reason = network.leave_network()
        if reason:
            connection.send(("unprotected", reason))
        # Hugging Face's libraries then take what they have, or say at once that they have it not.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    lock = threading.Lock()

    def report(stage: str, done: int, total: int = 0) -> None:
        with lock:
            connection.send(("message", (stage, done, total)))

    value, error = None, None
    try:
        module, _, attribute = made.function.partition(":")
        function = getattr(importlib.import_module(module), attribute)
        value = function(pickle.loads(made.argument), report)
    except RotoscopeError as expected:
        error = ChildError(type(expected).__name__, _text(str(expected)), True, "")
    except MemoryError as full:
        error = ChildError("MemoryLimitError", f"out of memory: {full}", True, "")
    except Exception as defect:
        error = ChildError(
            type(defect).__name__, _text(str(defect)), False, _text(traceback.format_exc())
        )
    with lock, contextlib.suppress(BrokenPipeError):
        connection.send(("answer", (value, error, time.process_time())))


def _text(message: str) -> str:
    """What an error of anyone's says, as any file and terminal can hold it, its middle left out.

    Half a surrogate pair is no text: no reader takes back a row that holds one.
    """
    half = LONGEST // 2
    cut = message if len(message) <= LONGEST else f"{message[:half]} ... {message[-half:]}"
    return cut.encode(errors="backslashreplace").decode()
