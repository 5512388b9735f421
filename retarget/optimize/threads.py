"""One BLAS thread while a trajectory is solved.

Its matrices are narrow bands. SciPy's LAPACK cuts each among all threads, which then spend their
time waiting for each other: with two of them a humanoid costs two to nine times the CPU time, and
no less wall time.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which NumPy's and SciPy's BLAS use one thread, in the whole process.

    Of several Python threads that are inside at the same time, the first sets and restores the
    number (threadpoolctl sees to that); the others change nothing.
    """
    limits: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limits


@lru_cache(maxsize=1)
def _libraries() -> Any:
    # SciPy brings a BLAS of its own, which must be loaded to be found.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
