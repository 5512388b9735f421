"""Banded systems: LAPACK's way and the way for many small processors, against dense solving."""

import numpy as np
import pytest
import torch
from array_api_compat import array_namespace
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.retarget.optimize.banded import empty_bands, solve_banded

SIZES = st.tuples(st.integers(1, 24), st.integers(1, 5))


def system(frames: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A positive definite matrix that reaches two frames, its bands and a right-hand side."""
    rng = np.random.default_rng(seed)
    size = frames * columns
    near = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= 2 * columns
    B = np.tril(rng.normal(size=(size, size))) * near
    # A factor of half the bandwidth, so that its square stays within the band.
    B *= np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= columns
    A = B @ B.T + 0.5 * np.eye(size)
    right = rng.normal(size=(frames, columns))
    bands = empty_bands(right)
    for k in range(min(len(bands), size)):
        bands.reshape(len(bands), -1)[k, : size - k] = np.diag(A, -k)
    return A, bands, right


@given(SIZES, st.integers(0, 1000))
@settings(max_examples=60)
def test_both_ways_solve_what_dense_algebra_solves(size, seed):
    A, bands, right = system(*size, seed)
    expected = np.linalg.solve(A, right.ravel()).reshape(right.shape)
    by_reduction = solve_banded(torch.from_numpy(bands.copy()), torch.from_numpy(right))
    np.testing.assert_allclose(by_reduction.numpy(), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(solve_banded(bands, right), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("frames", [*range(1, 12), 31, 32, 33, 64, 100])
def test_any_number_of_frames_can_be_halved(frames):
    A, bands, right = system(frames, 3, frames)
    expected = np.linalg.solve(A, right.ravel()).reshape(right.shape)
    found = solve_banded(torch.from_numpy(bands.copy()), torch.from_numpy(right))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("like", [np.zeros((4, 3)), torch.zeros((4, 3), dtype=torch.float64)])
def test_bands_are_zero_and_lie_entry_by_entry(like):
    bands = empty_bands(like)
    assert bands.shape == (7, 4, 3)
    assert not array_namespace(bands).any(bands != 0)
    strides = bands.stride() if isinstance(like, torch.Tensor) else np.array(bands.strides) // 8
    assert tuple(strides) == (1, 21, 7)


def test_right_hand_side_is_left_alone():
    _, bands, right = system(6, 2, 0)
    before = right.copy()
    solve_banded(bands, right)
    np.testing.assert_array_equal(right, before)
