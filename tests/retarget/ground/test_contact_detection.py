"""When a foot rests: made-up walks with the truth, noise, gaps, and recordings."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._walks import noisy, walk
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES
from rotoscope.retarget.ground.contact_detection import (
    ContactSettings,
    contact_spans,
    find_contacts,
    runs,
)
from rotoscope.retarget.ground.foot_speeds import position_noise, slopes
from rotoscope.retarget.ground.sole_heights import FOOT_POINTS, feet_of


def f1(found, truth):
    both = (found & truth).sum()
    return 2 * both / (found.sum() + truth.sum())


@pytest.mark.parametrize("rate_hz", [15.0, 30.0, 60.0, 120.0])
@pytest.mark.parametrize("rise_m", [0.0, 0.15])
def test_contacts_of_a_walk_are_found_at_any_rate(rate_hz, rise_m):
    truth = walk(rate_hz=rate_hz, rise_m=rise_m)
    found = find_contacts(feet_of(truth.joints_m), truth.time_s)
    assert f1(found.contact, truth.contact) > 0.96


@pytest.mark.parametrize(("sigma_m", "correlation"), [(0.01, 0.0), (0.02, 0.0), (0.02, 0.8)])
def test_noise_neither_breaks_nor_makes_contacts(sigma_m, correlation):
    truth = walk()
    joints = noisy(
        truth.joints_m, np.random.default_rng(5), sigma_m=sigma_m, correlation=correlation
    )
    found = find_contacts(feet_of(joints), truth.time_s)
    assert f1(found.contact, truth.contact) > 0.94
    # One span per stance of each foot, none broken in two.
    assert len(found.spans) == sum(len(runs(truth.contact[:, foot])) for foot in range(2))


def test_support_height_follows_the_stairs():
    truth = walk(rise_m=0.15)
    found = find_contacts(feet_of(truth.joints_m), truth.time_s)
    both = found.contact & truth.contact
    np.testing.assert_allclose(found.support_height_m[both], truth.support_m[both], atol=1e-6)
    assert found.ground_m == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(found.support_height_m[~found.contact]).all()


def test_foot_that_is_not_seen_is_not_in_contact():
    truth = walk()
    feet = feet_of(truth.joints_m).copy()
    feet[10:40, 0] = np.nan
    feet[:, 1] = np.nan
    found = find_contacts(feet, truth.time_s)
    assert not found.contact[10:40, 0].any()
    assert not found.contact[:, 1].any()
    assert np.isnan(found.speed_m_s[:, 1]).all()


def test_ankle_alone_will_do():
    truth = walk()
    feet = feet_of(truth.joints_m).copy()
    feet[:, :, 1:] = np.nan
    found = find_contacts(feet, truth.time_s)
    # The ankle moves while the foot rolls, so its contacts are shorter.
    assert f1(found.contact, truth.contact) > 0.8


def test_nothing_known_is_no_contact():
    found = find_contacts(np.full((20, 2, 3, 3), np.nan), np.arange(20) / 30)
    assert not found.contact.any()
    assert found.spans == ()
    assert np.isnan(found.ground_m)


def test_single_frame_is_no_contact():
    assert not find_contacts(np.zeros((1, 2, 3, 3)), np.zeros(1)).contact.any()


def test_standing_still_is_contact_from_first_to_last_frame():
    feet = np.tile(feet_of(walk().joints_m)[:1], (30, 1, 1, 1))
    assert find_contacts(feet, np.arange(30) / 30).contact.all()


def test_turning_point_of_a_kick_is_no_contact():
    truth = walk(num_strides=2)
    feet = np.tile(feet_of(truth.joints_m)[:1], (60, 1, 1, 1))
    time_s = np.arange(60) / 30
    kick = np.clip(time_s - 0.5, 0, 0.8) / 0.8 * 2 * np.pi
    feet[:, 0, :, 0] += 0.4 * (1 - np.cos(kick))[:, None]
    feet[:, 0, :, 2] += 0.4 * (1 - np.cos(kick))[:, None]
    contact = find_contacts(feet, time_s).contact
    assert contact[:, 1].all()
    assert not contact[18:36, 0].any()
    assert contact[:14, 0].all()
    assert contact[42:, 0].all()


def test_foot_on_a_box_rests_on_the_box():
    feet = np.tile(feet_of(walk().joints_m)[:1], (60, 1, 1, 1))
    feet[:, 0, :, 2] += 0.4
    found = find_contacts(feet, np.arange(60) / 30)
    assert found.contact.all()
    assert [span.support_height_m for span in found.spans] == pytest.approx([0.4, 0.0])


def test_hysteresis_keeps_a_slow_foot_that_was_at_rest_and_rejects_one_that_never_was():
    time_s = np.arange(60) / 30
    feet = np.zeros((60, 2, 3, 3))
    speed = np.where(time_s < 0.5, 0.0, 0.33)  # between enter and leave
    feet[:, 0, :, 0] = np.cumsum(speed / 30)[:, None]
    feet[:, 1, :, 0] = (0.33 * time_s)[:, None]
    settings = ContactSettings(noise_sigmas=0.0)
    contact = find_contacts(feet, time_s, settings).contact
    assert contact[:, 0].all()
    assert not contact[:, 1].any()


def test_contact_shorter_than_the_minimum_is_none_and_short_flight_is_closed():
    time_s = np.arange(90) / 30
    feet = np.zeros((90, 2, 3, 3))
    moving = np.full(90, 2.0)
    moving[40:43] = 0.0
    feet[:, 0, :, 0] = np.cumsum(moving / 30)[:, None]
    settings = ContactSettings(min_contact_s=0.2, noise_sigmas=0.0)
    assert not find_contacts(feet, time_s, settings).contact[:, 0].any()
    hop = np.zeros(90)
    hop[45:] = 0.05
    feet[:, 0, :, 0] = hop[:, None]
    settings = ContactSettings(min_flight_s=0.3, noise_sigmas=0.0)
    assert find_contacts(feet, time_s, settings).contact[:, 0].all()


@given(
    st.floats(-3.0, 3.0), st.floats(-5, 5), st.floats(-5, 5), st.floats(-2, 2), st.integers(0, 3)
)
def test_contacts_do_not_depend_on_where_the_world_is(angle, x, y, z, seed):
    truth = walk(num_strides=2)
    joints = noisy(truth.joints_m, np.random.default_rng(seed), sigma_m=0.004)
    cos, sin = np.cos(angle), np.sin(angle)
    R = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    moved = joints @ R.T + [x, y, z]
    before = find_contacts(feet_of(joints), truth.time_s)
    after = find_contacts(feet_of(moved), truth.time_s)
    # Noise is measured per axis, so a turned frame may decide a frame at the edge otherwise.
    assert (before.contact != after.contact).mean() < 0.02
    assert after.ground_m == pytest.approx(before.ground_m + z, abs=2e-3)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_spans_say_the_same_as_the_flags(flags):
    flags = np.array(flags, bool).reshape(-1, 2)
    spans = contact_spans(flags, np.zeros(flags.shape))
    again = np.zeros_like(flags)
    for span in spans:
        assert not again[span.start : span.end, SIDES.index(span.side)].any()
        again[span.start : span.end, SIDES.index(span.side)] = True
    np.testing.assert_array_equal(again, flags)


@given(st.integers(0, 1000), st.floats(-2, 2), st.floats(-3, 3))
def test_slope_of_a_line_is_its_slope_wherever_frames_are_known(seed, slope, start):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.02, 0.05, 25))
    values = (start + slope * time_s)[:, None]
    values[rng.random(25) < 0.3] = np.nan
    found = slopes(values, time_s, 2)
    np.testing.assert_allclose(found[np.isfinite(found)], slope, atol=1e-6)
    assert np.isnan(found[np.isnan(values)]).all()


def test_noise_of_a_resting_foot_is_measured():
    rng = np.random.default_rng(1)
    feet = rng.normal(0.0, 0.008, (600, 2, 3, 3))
    np.testing.assert_allclose(position_noise(feet, 1 / 30), 0.008, rtol=0.25)
    assert (position_noise(feet, 0.2) == 0).all()


def test_feet_are_taken_from_the_body_by_name():
    joints = np.arange(len(BODY_JOINTS) * 3, dtype=float).reshape(1, -1, 3)
    feet = feet_of(joints)
    for foot, side in enumerate(SIDES):
        for point, name in enumerate(FOOT_POINTS):
            index = BODY_JOINTS.index(f"{side}_{name}")
            np.testing.assert_array_equal(feet[0, foot, point], joints[0, index])


def test_wrong_times_and_settings_are_said():
    with pytest.raises(TrackError, match="must increase strictly"):
        find_contacts(np.zeros((3, 2, 3, 3)), np.zeros(3))
    with pytest.raises(
        ValueError, match=r"enter_speed_m_s=1 must not be above leave_speed_m_s=0.4"
    ):
        ContactSettings(enter_speed_m_s=1.0)


@pytest.mark.realdata
def test_both_feet_of_a_standing_recording_rest_most_of_the_time(shared_data: Path):
    from rotoscope.pipeline.motion.read import read_motion

    motion = read_motion(shared_data / "aitviewer" / "sample.bvh")
    found = find_contacts(feet_of(motion.joints_m), motion.time_s)
    assert found.contact.mean() > 0.85
    # While it rests a foot stays where it is.
    feet = feet_of(motion.joints_m)
    for span in found.spans:
        toe = feet[span.start : span.end, SIDES.index(span.side), FOOT_POINTS.index("toe"), :2]
        assert np.linalg.norm(toe - np.median(toe, axis=0), axis=1).max() < 0.08
