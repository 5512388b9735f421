"""One BLAS thread while a trajectory is solved.

Its matrices are narrow bands. SciPy's LAPACK cuts each among all threads, which then spend their
time waiting for each other: with two of them a humanoid costs two to nine times the CPU time, and
no less wall time.
"""

from __future__ import annotations

import contextlib
import threading
from functools import lru_cache
from typing import Any


class OneBlasThread:
    """A context in which NumPy's and SciPy's BLAS use one thread.

    Threads of Python may be inside at the same time: the first to enter sets the limit, which holds
    for the whole process, and the last to leave restores what was there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limits = contextlib.ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limits.enter_context(_libraries().limit(limits=1, user_api="blas"))
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limits.close()


one_blas_thread = OneBlasThread()
"""The one that the solver uses: limits are the process's."""


@lru_cache(maxsize=1)
def _libraries() -> Any:
    # SciPy brings a BLAS of its own, which must be loaded to be found.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
