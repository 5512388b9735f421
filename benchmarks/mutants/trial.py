"""One mutant, one child process: the module's own tests, on a source that stands nowhere on disk.

A child is a fork of this process, in which NumPy and the rest are imported already: the second
or two that importing takes would otherwise be most of the time. Nothing here may import
Rotoscope: its modules must be loaded in the child, where arrays' shapes are checked.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Literal

from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[2]
UNCHANGED_LIMIT_S = 600.0

Verdict = Literal["killed", "survived", "timeout"]


def wall_s_unchanged(tests: tuple[str, ...]) -> float:
    """How long `tests` take in a warm child when nothing is changed; raises where they fail."""
    with tempfile.NamedTemporaryFile("r", prefix="mutants-") as names:
        _expect_pass(tests, Path(names.name))
        for name in names.read().split():
            with contextlib.suppress(ImportError):  # names that only their makers can import
                importlib.import_module(name)
    began = time.monotonic()
    _expect_pass(tests, None)
    return time.monotonic() - began


def verdict(tests: tuple[str, ...], path: Path, source: str, limit_s: float) -> Verdict:
    """What becomes of the mutant: `source` stands for the file at `path`."""
    code = _exit_code((tests, (path, source), None), limit_s)
    return "timeout" if code is None else "killed" if code else "survived"


def _expect_pass(tests: tuple[str, ...], names: Path | None) -> None:
    code = _exit_code((tests, None, names), UNCHANGED_LIMIT_S)
    if code != 0:
        raise RuntimeError(
            f"{' '.join(tests)}: exit code {code} on unchanged code, not 0; mend them first "
            "(python -m pytest shows why)"
        )


def _exit_code(arguments: tuple[object, ...], limit_s: float) -> int | None:
    """Of the tests in a child; `None` where the limit ended them."""
    child = multiprocessing.get_context("fork").Process(target=_run, args=arguments)
    child.start()
    child.join(limit_s)
    if child.exitcode is None and child.pid is not None:
        os.killpg(child.pid, signal.SIGKILL)
        child.join()
        return None
    return child.exitcode


def _run(tests: tuple[str, ...], change: tuple[Path, str] | None, names: Path | None) -> None:
    os.setsid()  # so that what the tests start ends with them
    if change:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        _put_in_place(*change)
    code = _test(tests)
    if names:
        names.write_text("\n".join(_installed()))
    sys.exit(code)


def _installed() -> list[str]:
    """Modules that were loaded from elsewhere than this repository."""
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return [name for name, file in files.items() if file and ROOT not in Path(file).parents]


def _put_in_place(path: Path, source: str) -> None:
    """Whoever imports the file at `path` gets `source`, past any bytecode of the original."""
    original_stats, original_data = SourceFileLoader.path_stats, SourceFileLoader.get_data

    def path_stats(self: SourceFileLoader, name: str) -> object:
        if Path(name) == path:
            raise OSError("a mutant has no file, so its bytecode is neither read nor kept")
        return original_stats(self, name)

    def get_data(self: SourceFileLoader, name: str) -> bytes:
        return source.encode() if Path(name) == path else original_data(self, name)

    SourceFileLoader.path_stats = path_stats  # type: ignore[assignment, method-assign]
    SourceFileLoader.get_data = get_data  # type: ignore[assignment, method-assign]


def _test(tests: tuple[str, ...]) -> int:
    import pytest

    # The same examples for every mutant, none remembered, and no search for a smaller failure.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, phases=phases
    )
    options = ["-x", "-qq", "--tb=short", "-p", "no:cacheprovider", "--no-summary"]
    files = [str(ROOT / test) for test in tests]
    return int(pytest.main([*options, "--hypothesis-profile=mutants", f"--rootdir={ROOT}", *files]))
