"""A lag that was put in is found; what moves by itself is not called late."""

import numpy as np
import pytest
from dataset_in_memory import contract_of, raw_dataset
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.doctor.lag import Curve, check_lag, curve_of

LAGS = np.arange(-15, 16)


def wander(seed, length):
    """How fast something moves that starts and stops: smooth, never negative."""
    noise = np.random.default_rng(seed).normal(size=length + 40)
    return np.maximum(np.convolve(noise, np.hanning(12), mode="same")[20:-20], 0.0)


@given(seed=st.integers(0, 2**32 - 1), lag=st.integers(-12, 12), noise=st.floats(0.0, 0.3))
def test_lag_that_was_put_in_is_found(seed, lag, noise):
    motion = wander(seed, 240)
    video, action = motion[20:-20], motion[20 - lag : len(motion) - 20 - lag]
    shaken = video + noise * np.random.default_rng(seed + 1).uniform(size=len(video))
    curve = curve_of(0, shaken, action, LAGS, lead=0)
    assert abs(curve.lag - lag) <= 1
    assert curve.is_late(0.3) == (abs(curve.lag) > 2)


def test_action_that_leads_by_its_contract_is_in_time():
    motion = wander(1, 240)
    curve = curve_of(0, motion[20:-20], motion[24:-16], LAGS, lead=4)
    assert curve.lag == 0
    assert curve.peak == pytest.approx(1.0, abs=0.01)


def test_what_moves_by_itself_is_seldom_called_late():
    curves = [
        curve_of(0, wander(seed, 240), wander(seed + 10_000, 240), LAGS, lead=0)
        for seed in range(200)
    ]
    # The best of 31 lags often stands a little above chance; the limits on correlation do the rest.
    assert np.mean([c.is_late(0.7) for c in curves]) <= 0.01
    assert not Curve.sum(curves).is_late(0.3)


def test_nothing_moves_nothing_said():
    assert curve_of(0, np.zeros(100), wander(0, 100), LAGS, lead=0) is None


def test_first_row_without_a_step_does_no_harm():
    motion = wander(3, 200)
    video = motion.copy()
    video[0] = np.nan
    assert curve_of(0, video, motion, LAGS, lead=0).lag == 0


def test_golden_numbers_of_a_curve():
    curve = Curve(3, np.arange(-3, 4), np.array([0.1, 0.2, 0.3, 0.5, 0.4, 0.3, 0.8]), 25.0)
    assert (curve.lag, curve.peak) == (3, 0.8)
    assert curve.gain == pytest.approx(0.3, abs=1e-12)
    # (1 - r^2) / sqrt(n), Fisher's large-sample standard error of a correlation.
    assert curve.error == pytest.approx(0.36 / 5, abs=1e-12)
    assert str(curve) == "3 frames after the video (correlation 0.80)"
    few = Curve(0, curve.lags, curve.values, 0.25)
    assert few.error == pytest.approx(0.36, abs=1e-12)


@pytest.mark.parametrize(
    ("lag", "peak", "gain", "is_late"),
    [
        (3, 0.8, 0.144, True),
        (3, 0.8, 0.143, False),  # less than two standard errors of 0.072
        (-3, 0.8, 0.2, True),
        (2, 0.8, 0.2, False),
        (-2, 0.8, 0.2, False),
        (3, 0.7, 0.21, True),
        (3, 0.699, 0.3, False),
    ],
)
def test_a_lag_counts_from_three_frames_two_errors_and_the_least_correlation(
    lag, peak, gain, is_late
):
    values = np.full(7, -0.5)
    values[3], values[3 + lag] = peak - gain, peak
    assert Curve(0, np.arange(-3, 4), values, 25.0).is_late(0.7) is is_late


def test_curves_are_averaged_by_their_samples():
    lags = np.arange(-1, 2)
    one = Curve(0, lags, np.array([0.0, 1.0, 0.0]), 10.0)
    two = Curve(1, lags, np.array([1.0, 0.0, 0.5]), 30.0)
    whole = Curve.sum([one, two])
    np.testing.assert_allclose(whole.values, [0.75, 0.25, 0.375])
    assert (whole.episode, whole.samples) == (-1, 40.0)


def tamed_and_blurred(values):
    """The curve that is correlated, from its definition: square roots below the 95 % quantile,
    under a Gaussian of two frames that ends at three sigma, the ends held."""
    roots = np.sqrt(np.minimum(values, np.quantile(values, 0.95)))
    padded = np.concatenate([np.full(6, roots[0]), roots, np.full(6, roots[-1])])
    kernel = np.exp(-(np.arange(-6, 7) ** 2) / 8.0)
    return np.array([padded[t : t + 13] @ kernel / kernel.sum() for t in range(len(roots))])


@pytest.mark.parametrize("lead", [0, 2])
def test_a_curve_is_what_its_definition_gives(lead):
    rng = np.random.default_rng(4)
    energy, speed = rng.gamma(1.0, size=(2, 80))
    lags = np.arange(-4, 5)
    curve = curve_of(0, energy, speed, lags, lead=lead)
    video, action = tamed_and_blurred(energy), tamed_and_blurred(speed)
    expected = []
    for lag in lags - lead:
        pairs = [(video[t], action[t + lag]) for t in range(80) if 0 <= t + lag < 80]
        expected.append(np.corrcoef(np.array(pairs).T)[0, 1])
    np.testing.assert_allclose(curve.values, expected, atol=1e-9)
    # Bartlett 1946: n (1 - a b) / (1 + a b) independent samples for two first-order series.
    memory = np.corrcoef(video[1:], video[:-1])[0, 1] * np.corrcoef(action[1:], action[:-1])[0, 1]
    assert curve.samples == pytest.approx(80 * (1 - memory) / (1 + memory), rel=1e-9)


def late(frames, *, lengths=(60, 60), **changes):
    """Episodes whose video moves `frames` before the action, as a dataset and its energies."""
    motion = wander(7, sum(lengths) + 40)
    action = np.cumsum(motion[20:-20])[:, None] * [1.0, -2.0]
    energy, at = {}, 0
    shifted = motion[20 + frames : len(motion) - 20 + frames]
    for episode, length in enumerate(lengths):
        energy[episode] = shifted[at : at + length].copy()
        energy[episode][0] = np.nan
        at += length
    return raw_dataset({"action": action}, lengths=list(lengths), **changes), energy


@pytest.mark.parametrize(("frames", "verdict"), [(2, "PASS"), (3, "WARN"), (-2, "PASS")])
def test_more_than_two_frames_are_warned_of(frames, verdict):
    check = check_lag(*late(frames))
    assert check.verdict == verdict
    assert check.detail["lag_frames"] == frames
    gain = check.detail["correlation"] - check.detail["correlation_without_lag"]
    assert gain > 2 * check.detail["standard_error"]
    if verdict == "WARN":
        assert "over all episodes the action comes 3 frames after the video" in check.message
        assert "episode 1: the action comes 3 frames after the video" in check.message


def test_lags_of_half_a_second_are_looked_at_and_no_larger_ones():
    # At 10 rows a second, five frames either way.
    assert check_lag(*late(5)).detail["lag_frames"] == 5
    assert check_lag(*late(-5)).detail["lag_frames"] == -5
    assert abs(check_lag(*late(7)).detail["lag_frames"]) <= 5


def test_an_action_that_is_the_state_some_rows_later_is_in_time():
    contract = contract_of(None, None, shift_s=0.4)
    check = check_lag(*late(-4, contract=contract))
    assert (check.verdict, check.detail["lag_frames"]) == ("PASS", 0)


@pytest.mark.parametrize(
    ("lengths", "is_judged"), [((20,), True), ((19,), False), ((8, 8), False), ((10, 10), True)]
)
def test_two_seconds_are_judged_in_one_episode_or_in_several(lengths, is_judged):
    check = check_lag(*late(0, lengths=lengths))
    assert ("no episode is long enough" not in check.message) is is_judged
    assert (check.verdict == "UNTESTED") is not is_judged


@pytest.mark.parametrize(("frames", "verdict"), [(0, "PASS"), (3, "WARN"), (-4, "WARN")])
def test_many_short_episodes_tell_a_lag_together(frames, verdict):
    check = check_lag(*late(frames, lengths=[14] * 25))
    assert check.verdict == verdict, check
    assert abs(check.detail["lag_frames"] - frames) <= 1
    assert ("over all episodes" in check.message) is (verdict == "WARN")


def test_short_episodes_that_move_by_themselves_are_seldom_called_late():
    wrong = 0
    for seed in range(60):
        given, _ = late(0, lengths=[14] * 10)
        energy = {e: wander(1000 * seed + e, 14) for e in range(10)}
        wrong += check_lag(given, energy).verdict == "WARN"
    assert wrong <= 3


def test_the_end_effector_is_compared_where_it_is_known():
    """The joints wander on a time of their own; the hand moves with the video."""
    given, energy = late(0, lengths=(200,))
    position = np.hstack([given.columns["action"], np.zeros((200, 1))])
    turning = np.cumsum(wander(99, 200))[:, None] * [5.0, 3.0, 1.0]
    columns = {
        "action": np.cumsum(wander(98, 200))[:, None],
        "label.ee": np.hstack([position, turning]),
    }
    raw = raw_dataset(columns)
    assert check_lag(raw, energy).detail["compared"] == "action"
    raw.info["features"]["label.ee"]["names"][:3] = ["ee.x", "ee.y", "ee.z"]
    check = check_lag(raw, energy)
    assert (check.verdict, check.detail["compared"]) == ("PASS", "label.ee")
    assert check.detail["correlation"] > 0.9
    assert check.detail["lag_frames"] == 0


def test_end_effector_actions_lead_and_what_they_reach_does_not():
    contract = contract_of(None, None, None, shift_s=0.4)
    for name, frames in (("action", -4), ("label.ee", 0)):
        given, energy = late(frames, lengths=(200,))
        position = np.hstack([given.columns["action"], np.zeros((200, 1))])
        columns = {"action": np.cumsum(wander(98, 200))[:, None] * np.ones(3), name: position}
        raw = raw_dataset(columns, contract=contract)
        raw.info["features"][name]["names"][:3] = ["ee.x", "ee.y", "ee.z"]
        check = check_lag(raw, energy)
        assert (check.detail["compared"], check.detail["lag_frames"]) == (name, 0)


def test_what_hardly_moves_together_cannot_be_told():
    rng = np.random.default_rng(0)
    given, energy = late(0, lengths=(400,))
    check = check_lag(given, {0: rng.gamma(1.0, size=400)})
    assert check.verdict == "UNTESTED"
    assert check.detail["correlation"] < 0.3
    assert "hardly move together" in check.message
    assert "with the video (correlation" in check_lag(given, energy).message


def test_dimensions_are_weighed_by_their_range():
    # The second dimension moves on a time of its own; how large its unit is must not matter.
    given, energy = late(0, lengths=(200,))
    moving, other = given.columns["action"][:, :1], np.cumsum(wander(99, 200))[:, None]
    details = [
        check_lag(raw_dataset({"action": np.hstack([moving, scale * other])}), energy).detail
        for scale in (1.0, 1000.0)
    ]
    assert details[0] == details[1]
