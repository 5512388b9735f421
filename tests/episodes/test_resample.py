import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.episodes.resample import Resampler, row_times
from rotoscope.pipeline.geometry import se3


@given(st.lists(st.floats(0.005, 0.2), min_size=3, max_size=40), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_rows_lie_inside_the_span_and_linear_motion_is_kept(steps, fps):
    time_s = np.concatenate([[0.3], 0.3 + np.cumsum(steps)])
    rows = row_times(time_s, fps)
    assert rows[0] == time_s[0]
    assert rows[-1] <= time_s[-1] + 1e-6
    assert rows[-1] > time_s[-1] - 1 / fps - 1e-6
    resampler = Resampler.between(time_s, rows)
    values = np.stack([2 * time_s, 1 - time_s], axis=1)
    expected = np.stack([2 * rows, 1 - rows], axis=1)
    np.testing.assert_allclose(resampler.linear(values), expected, atol=1e-5)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_linear_resampling_keeps_speed_limits(seed):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.01, 0.1, 50))
    limit = 2.0
    steps = rng.uniform(-limit, limit, (50, 3)) * np.diff(time_s, prepend=0)[:, None]
    values = np.cumsum(steps, axis=0)
    rows = row_times(time_s, 30)
    out = Resampler.between(time_s, rows).linear(values)
    assert np.abs(np.diff(out, axis=0)).max() * 30 <= limit * (1 + 1e-4)


def test_row_on_a_frame_ignores_an_unknown_neighbor():
    time_s = np.array([0.0, 0.1, 0.2])
    values = np.array([[1.0], [np.nan], [3.0]])
    out = Resampler.between(time_s, np.array([0.0, 0.1, 0.2])).linear(values)
    assert out[0, 0] == 1.0
    assert np.isnan(out[1, 0])
    assert out[2, 0] == 3.0


def test_row_between_valid_and_invalid_is_invalid():
    resampler = Resampler.between(np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0]))
    mask = np.array([True, False])
    assert resampler.both(mask).tolist() == [True, False, False]
    assert resampler.either(mask).tolist() == [True, True, False]


def test_nearest_frame_is_chosen_by_time():
    resampler = Resampler.between(np.array([0.0, 1.0, 3.0]), np.array([0.4, 0.6, 1.9, 2.1]))
    assert resampler.nearest.tolist() == [0, 1, 1, 2]


def test_golden_neighbors_and_weights():
    # By hand: a quarter of the first second, the middle of the next two, and the last frame.
    resampler = Resampler.between(np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.25, 2.0, 3.0]))
    assert resampler.left.tolist() == [0, 0, 1, 2]
    assert resampler.right.tolist() == [0, 1, 2, 2]
    assert resampler.weight.tolist() == [0.0, 0.25, 0.5, 0.0]
    values = np.array([[[0.0, 8.0]], [[4.0, 8.0]], [[10.0, -8.0]]])
    expected = [[[0.0, 8.0]], [[1.0, 8.0]], [[7.0, 0.0]], [[10.0, -8.0]]]
    np.testing.assert_allclose(resampler.linear(values), expected, atol=1e-12)


def test_a_microsecond_of_rounding_is_forgiven_and_no_more():
    time_s = np.array([0.0, 1.0, 2.0])
    rows = np.array([1.0 - 9e-7, 1.0 + 9e-7, 1.0 - 1.1e-6, 1.0 + 1.1e-6])
    resampler = Resampler.between(time_s, rows)
    assert resampler.left.tolist() == [1, 1, 0, 1]
    assert resampler.right.tolist() == [1, 1, 1, 2]
    assert resampler.weight == pytest.approx([0.0, 0.0, 1.0 - 1.1e-6, 1.1e-6], abs=1e-12)


def test_rows_beyond_the_ends_hold_the_ends():
    time_s = np.array([1.0, 2.0, 4.0])
    resampler = Resampler.between(time_s, np.array([0.5, 4.5]))
    np.testing.assert_allclose(resampler.linear(time_s), [1.0, 4.0])
    assert resampler.right.tolist() == [0, 2]
    assert resampler.nearest.tolist() == [0, 2]


def test_half_way_belongs_to_the_earlier_frame():
    resampler = Resampler.between(np.array([0.0, 1.0]), np.array([0.5, 0.5 + 1e-5]))
    assert resampler.nearest.tolist() == [0, 1]


def test_a_row_a_fifth_of_the_way_is_no_frame():
    resampler = Resampler.between(np.array([0.0, 1.0]), np.array([0.2, 0.8]))
    np.testing.assert_allclose(resampler.linear(np.array([10.0, 20.0])), [12.0, 18.0])


def test_rows_reach_the_last_frame_in_spite_of_rounding():
    # 0.29 * 100 is 28.999999999999996; a clip of 0.295 s has no further row.
    for last_s, slack in ((0.29, 1e-9), (0.295, 0.005 + 1e-9)):
        rows = row_times(np.array([0.0, 0.1, last_s]), 100)
        assert len(rows) == 30
        assert rows[-1] >= last_s - slack
    assert len(row_times(np.array([0.0, 0.29 - 2e-8]), 100)) == 29


def test_row_times_start_at_the_first_frame():
    np.testing.assert_allclose(row_times(np.array([2.0, 2.2, 2.55]), 10), 2.0 + np.arange(6) / 10)


def test_rotation_between_frames_is_halfway():
    R = se3.exp_so3(np.array([[0, 0, 0.2], [0, 0, 0.6]]))
    out = Resampler.between(np.array([0.0, 1.0]), np.array([0.5])).rotation(R)
    np.testing.assert_allclose(se3.log_so3(out)[0], [0, 0, 0.4], atol=1e-12)


def test_rotation_vectors_do_not_jump_at_pi():
    angles = np.linspace(0.1, 3 * np.pi, 200)
    R = se3.exp_so3(angles[:, None] * np.array([0.6, 0.0, 0.8]))
    vectors = se3.continuous_rotation_vectors(R)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), angles, atol=1e-9)
    np.testing.assert_allclose(se3.exp_so3(vectors), R, atol=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_rotation_vectors_swing_through_zero_without_a_turn(sign):
    angles = sign * np.linspace(-1.0, 1.0, 41)
    vectors = se3.continuous_rotation_vectors(se3.exp_so3(angles[:, None] * np.eye(3)[1]))
    assert np.abs(np.diff(vectors, axis=0)).max() < 0.06


@pytest.mark.parametrize(
    ("rate_hz", "share"), [(1.0, 7 / 30), (2.0, 7 / 15), (5.0, 1.0), (24.0, 1.0)]
)
def test_rows_far_from_any_frame_are_not_seen(rate_hz, share):
    time_s = np.arange(int(10 * rate_hz) + 1) / rate_hz
    rows = row_times(time_s, 30)
    both = Resampler.between(time_s, rows).both(np.ones(len(time_s), bool))
    assert both.mean() == pytest.approx(share, abs=0.02)
    assert both[:3].all()
