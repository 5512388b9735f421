"""Around every command: one sentence and an exit code, whatever ends it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from types import FrameType

from rotoscope.cli import streams
from rotoscope.cli.terminal import complaints, console
from rotoscope.pipeline.errors import AnotherProcessError, RotoscopeError, UsageError

log = logging.getLogger(__name__)

BROKEN_PIPE = 141
"""What a shell says of a program that a closed pipe ended."""
SAME_COMMAND = "run the same command again: it goes on where it was"
"""Advice for commands that keep finished work."""
_FROM_THE_START = "what this command was doing is not kept; run it again to do it from the start"


class _Ending:
    """What is known of how this command ends."""

    signal: int = 0
    """Signal that came; 0 before."""
    advice: str = _FROM_THE_START
    """How to go on after it."""
    has_tracebacks: bool = False
    """Whether errors raised on purpose come with their traceback."""


def when_stopped(advice: str) -> None:
    """Says how to go on if this command is stopped from here on; each command resumes its way."""
    _Ending.advice = advice


def show_tracebacks() -> None:
    """Errors raised on purpose come with their traceback from here on."""
    _Ending.has_tracebacks = True


def run_guarded(command: Callable[[], object]) -> None:
    """Runs a command; errors raised on purpose, and the system's, become one sentence.

    Exit codes: 0 all good, 1 something failed, 2 wrong use, 130 stopped by Ctrl-C, 143 by SIGTERM.
    The first of these signals raises `KeyboardInterrupt`, so that work is put away in order; the
    second ends the process at once. Anything else that comes out of here is a defect.
    """
    _Ending.advice, _Ending.signal = _FROM_THE_START, 0
    with _stoppable():
        code = _code_of(command)
    for loss in streams.losses():
        if streams.is_broken_pipe(loss):
            code = code or BROKEN_PIPE
        else:
            _complain(f"not all output could be written: {loss.strerror}")
            code = code or 1
    sys.exit(code)


def _code_of(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as left:
        if not _Ending.signal:
            return left.code if isinstance(left.code, int) else int(left.code is not None)
    except KeyboardInterrupt:
        pass
    except AnotherProcessError as error:
        log.debug("%s", error)
        return 1
    except UsageError as error:
        _complain(str(error))
        return 2
    except RotoscopeError as error:
        _trace()
        _complain(f"{type(error).__name__}: {error}")
        return 1
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as error:
        _trace()
        _complain(_system_error(error))
        return 1
    if _Ending.signal:
        _complain(f"stopped; {_Ending.advice}")
        return 128 + _Ending.signal
    return 0


def _trace() -> None:
    """Prints where an error came from, for whoever asked for it."""
    if _Ending.has_tracebacks or log.isEnabledFor(logging.DEBUG):
        traceback.print_exc()


def _system_error(error: OSError) -> str:
    """What the system refused, and where."""
    names = (error.filename, error.filename2)
    paths = [os.fsdecode(n) for n in names if isinstance(n, str | bytes | os.PathLike)]
    what = error.strerror or str(error) or type(error).__name__
    return f"{' to '.join(paths)}: {what}" if paths else what


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """SIGINT and SIGTERM stop the command in order the first time, and at once the second."""
    before = {s: signal.signal(s, _stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    if _Ending.signal:
        # The line of progress hides the cursor.
        if console.is_terminal:
            os.write(1, b"\x1b[?25h\n")
        os._exit(128 + number)
    _Ending.signal = number
    raise KeyboardInterrupt


def _complain(message: str) -> None:
    complaints.say(f"rotoscope: {message}", style="red")
