"""BLAS threads: one while solving, and what was set before afterwards."""

import threading
from pathlib import Path

import pytest
import scipy.linalg  # noqa: F401 - brings a BLAS beside NumPy's
from threadpoolctl import threadpool_info, threadpool_limits

from rotoscope.retarget.optimize.threads import one_blas_thread


def blas_threads() -> list[int]:
    """Of NumPy's and SciPy's own; what other tests of this process have loaded does not count."""
    blas = [found for found in threadpool_info() if found["user_api"] == "blas"]
    ours = [f for f in blas if {"numpy.libs", "scipy.libs"} & set(Path(f["filepath"]).parts)]
    return [found["num_threads"] for found in ours]


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_one_thread_inside_and_two_again_outside():
    before = blas_threads()
    with one_blas_thread():
        assert set(blas_threads()) == {1}
        with one_blas_thread():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
    assert blas_threads() == before
    assert set(before) == {2}


def test_an_error_inside_restores_them_too():
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        _ = 1 / 0
    assert set(blas_threads()) == {2}


def test_a_thread_inside_changes_nothing_for_one_that_was_there_before():
    found = []

    def other():
        with one_blas_thread():
            found.append(blas_threads())
        found.append(blas_threads())

    with one_blas_thread():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert set(blas_threads()) == {1}
    assert [set(threads) for threads in found] == [{1}, {1}]
    assert set(blas_threads()) == {2}
