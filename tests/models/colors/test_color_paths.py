"""Which blob is the thing that is followed."""

from __future__ import annotations

import numpy as np
import pytest

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
