"""Differences over clocks of any kind."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.retarget.optimize.differences import (
    MAX_FRAME_INTERVAL_S,
    REFERENCE_INTERVAL_S,
    acceleration_bands,
    acceleration_stencil,
    accelerations_transposed,
    banded_product,
    seconds_per_frame,
)

SEEDS = st.integers(0, 2**20)


def clock(rng: np.random.Generator, frames: int) -> np.ndarray:
    return rng.uniform(0, 100) + np.cumsum(rng.uniform(0.005, 0.2, frames))


def accelerations(time_s: np.ndarray, is_start: np.ndarray | None = None) -> np.ndarray:
    """The matrix that takes a path to its accelerations, (frame - 2, frame)."""
    stencil = acceleration_stencil(time_s, is_start)
    A = np.zeros((len(time_s) - 2, len(time_s)))
    for i in range(len(A)):
        A[i, i : i + 3] = stencil[:, i]
    return A


@given(SEEDS)
def test_acceleration_of_a_parabola_is_exact_on_any_clock(seed):
    rng = np.random.default_rng(seed)
    time_s = clock(rng, 12) - 50.0
    a, b, c = rng.normal(size=3)
    path = a * time_s**2 + b * time_s + c
    np.testing.assert_allclose(accelerations(time_s) @ path, 2 * a, atol=1e-6)


@given(SEEDS)
def test_bands_are_the_weighted_square_of_accelerations(seed):
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(3, 15))
    time_s, weight = clock(rng, frames), rng.uniform(0.1, 2.0, frames)
    is_start = rng.random(frames) < 0.2
    is_start[0] = True
    time_s += 7.0 * np.cumsum(is_start)[::-1]  # a new clip begins at any time
    A = accelerations(time_s, is_start)
    H = A.T @ np.diag(weight[1:-1]) @ A
    bands = acceleration_bands(time_s, weight, is_start)
    for k in range(3):
        np.testing.assert_allclose(bands[k, : frames - k], np.diag(H, -k), rtol=1e-9, atol=1e-9)
    x = rng.normal(size=(frames, 2))
    found = banded_product(np.repeat(bands[:, :, None], 2, axis=2), x)
    np.testing.assert_allclose(found, H @ x, rtol=1e-7, atol=1e-7 * np.abs(H).max())


@given(SEEDS)
def test_transposed_accelerations_are_the_transpose(seed):
    rng = np.random.default_rng(seed)
    time_s, y = clock(rng, 9), rng.normal(size=(9, 2))
    expected = accelerations(time_s).T @ y[1:-1]
    np.testing.assert_allclose(accelerations_transposed(y, time_s), expected, rtol=1e-9, atol=1e-9)


def test_short_clips_have_no_acceleration():
    for frames in (1, 2):
        time_s, y = np.arange(frames) / 30.0, np.ones((frames, 2))
        np.testing.assert_array_equal(acceleration_bands(time_s, np.ones(frames)), 0.0)
        np.testing.assert_array_equal(accelerations_transposed(y, time_s), 0.0)
        assert banded_product(np.ones((3, frames, 2)), y).shape == (frames, 2)


@given(SEEDS)
def test_nothing_is_coupled_across_the_start_of_a_clip(seed):
    rng = np.random.default_rng(seed)
    one, two = clock(rng, 5), clock(rng, 6)
    is_start = np.zeros(11, bool)
    is_start[[0, 5]] = True
    A = accelerations(np.concatenate([one, two]), is_start)
    np.testing.assert_array_equal(A[3:5], 0.0)
    np.testing.assert_allclose(A[:3, :5], accelerations(one))
    np.testing.assert_allclose(A[5:, 5:], accelerations(two))


@given(SEEDS)
def test_clips_together_stand_for_the_same_time_as_alone(seed):
    rng = np.random.default_rng(seed)
    clips = [clock(rng, int(n)) for n in rng.integers(1, 6, 4)]
    starts = np.cumsum([0, *(len(c) for c in clips[:-1])])
    is_start = np.zeros(sum(map(len, clips)), bool)
    is_start[starts] = True
    together = seconds_per_frame(np.concatenate(clips), is_start)
    alone = np.concatenate([seconds_per_frame(c) for c in clips])
    np.testing.assert_array_equal(together, alone)


def test_gap_of_minutes_gives_its_neighbors_no_more_weight():
    time_s = np.array([0.0, 0.02, 300.0, 300.02])
    found = seconds_per_frame(time_s)
    np.testing.assert_allclose(found[[0, 3]], 0.02, atol=1e-9)
    np.testing.assert_allclose(found[[1, 2]], 0.5 * (0.02 + MAX_FRAME_INTERVAL_S), atol=1e-9)


def test_frame_alone_stands_for_the_reference_interval():
    assert seconds_per_frame(np.array([12.0])).tolist() == [REFERENCE_INTERVAL_S]
