"""How an interpreter of ours is started, and what the kernel is told about a process.

Python puts the folder in which the user stands, or that of a script, first on the path of what it
starts with `-c` or `-m`: a `json.py` beside somebody's videos would run. Everything that is started
from here has a safe path (`-P`) and then gets the very path of this process, nothing else. The
environment is left alone: what a user's stage starts behaves as the user expects.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38

_WITH_OUR_PATH = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def safe_python() -> list[str]:
    """This interpreter with its own options and a safe path; arguments follow, such as `-m pip`."""
    # -s, -E or -I only where this process has them: they would hide what a user installed.
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *options, *([] if "-P" in options else ["-P"])]


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in a fresh interpreter that finds what this one finds."""
    return [*safe_python(), "-c", _WITH_OUR_PATH, json.dumps(import_path()), module, *arguments]


def import_path() -> list[str]:
    """`sys.path`, with the folder that an empty entry stands for."""
    try:
        here = os.getcwd()
    except OSError:  # it was removed; nothing can be imported from it
        here = ""
    return [entry or here for entry in sys.path if isinstance(entry, str) and (entry or here)]


def prctl(option: int, value: int) -> bool:
    """Tells the kernel something about this process; whether it took it."""
    if sys.platform != "linux":
        return False
    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0)) == 0


def give_back_memory() -> None:
    """Gives freed memory to the system, which the allocator of C keeps in pieces otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number, whosever it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
