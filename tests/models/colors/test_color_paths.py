"""Which blob is the thing that is followed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.models.colors.paths import Blob, most_likely_path


def _clock(num: int) -> np.ndarray:
    return np.arange(num) / 30


def test_thing_is_followed_past_a_larger_one_that_comes_and_goes() -> None:
    thing = [Blob(0.2 + 0.01 * i, 0.5, 0.05) for i in range(20)]
    frames = [[b] for b in thing]
    for i in range(6, 12):
        frames[i] = [Blob(0.9, 0.1, 0.08), thing[i]]
    path = most_likely_path(_clock(20), frames, max_speed=2.0)
    np.testing.assert_allclose(path, np.array(thing))


def test_frames_in_which_it_is_hidden_are_missing() -> None:
    frames = [[Blob(0.3, 0.5, 0.05)] for _ in range(12)]
    frames[4] = frames[5] = []
    path = most_likely_path(_clock(12), frames, max_speed=2.0)
    assert np.flatnonzero(np.isnan(path).any(axis=1)).tolist() == [4, 5]


def test_a_jump_faster_than_the_limit_is_not_the_thing() -> None:
    frames = [[Blob(0.1, 0.5, 0.05)] for _ in range(12)]
    frames[6] = [Blob(0.9, 0.5, 0.05)]
    path = most_likely_path(_clock(12), frames, max_speed=2.0)
    assert np.flatnonzero(np.isnan(path[:, 0])).tolist() == [6]


def test_it_may_reappear_elsewhere_after_a_gap() -> None:
    frames = [[Blob(0.1, 0.5, 0.05)]] * 5 + [[]] * 12 + [[Blob(0.7, 0.5, 0.05)]] * 5
    path = most_likely_path(_clock(22), frames, max_speed=2.0)
    assert path[-1, 0] == pytest.approx(0.7)


def test_a_video_without_any_blob_gives_nothing_but_missing() -> None:
    path = most_likely_path(_clock(4), [[]] * 4, max_speed=2.0)
    assert path.shape == (4, len(Blob._fields))
    assert np.isnan(path).all()


def cheapest_of_all(time_s, frames, max_speed):
    """The same path by trying every one: a blob or none in each frame, priced from the equations.

    A step at full speed costs 1 (its share squared), a size off or changed by a factor e costs 1,
    a frame without a sighting costs 3.
    """
    best = (np.inf, None)
    for choice in itertools.product(*([None, *range(len(blobs))] for blobs in frames)):
        cost, last = 0.0, None
        for time, blobs, index in zip(time_s, frames, choice, strict=True):
            if index is None:
                cost += 3.0
                continue
            blob = blobs[index]
            cost += np.log(max(b.size for b in blobs) / blob.size)
            if last is not None:
                allowed = max_speed * (time - last[0])
                distance = np.hypot(blob.x - last[1].x, blob.y - last[1].y)
                cost += (distance / allowed) ** 2 if distance <= allowed else np.inf
                cost += abs(np.log(blob.size / last[1].size))
            last = (time, blob)
        if cost < best[0] - 1e-12:
            best = (cost, choice)
    return best[1]


@given(st.integers(0, 2**31), st.floats(0.5, 8.0))
@settings(max_examples=60)
def test_no_path_is_cheaper(seed, max_speed):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.02, 0.1, 5))
    frames = [
        [Blob(*rng.uniform(0, 0.4, 2), rng.uniform(0.02, 0.3)) for _ in range(rng.integers(0, 3))]
        for _ in range(5)
    ]
    path = most_likely_path(time_s, frames, max_speed=max_speed)
    expected = np.full((5, 6), np.nan)
    for index, choice in enumerate(cheapest_of_all(time_s, frames, max_speed)):
        if choice is not None:
            expected[index] = frames[index][choice]
    np.testing.assert_allclose(path, expected)


def test_a_video_without_frames_has_no_path() -> None:
    assert most_likely_path(np.zeros(0), [], max_speed=1.0).shape == (0, 6)
