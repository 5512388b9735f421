import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.labelers import scores
from rotoscope.models.policy.scores import wilson


def actions(seed: int = 0, rows: int = 80, columns: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def test_perfect_labels_score_one_and_the_mean_scores_zero() -> None:
    truth = actions()
    np.testing.assert_allclose(scores.r2(truth, truth), 1)
    mean = np.broadcast_to(truth.mean(0), truth.shape)
    np.testing.assert_allclose(scores.r2(mean, truth), 0, atol=1e-12)


def test_a_constant_dimension_has_no_r2_and_does_not_enter_the_mean() -> None:
    truth = actions()
    truth[:, 1] = 0.3
    labels = truth.copy()
    labels[:, 1] += 5
    assert np.isnan(scores.r2(labels, truth)[1])
    assert scores.mean_r2(labels, truth) == pytest.approx(1)
    np.testing.assert_allclose(scores.mae(labels, truth), [0, 5, 0])


def test_nothing_varies_means_no_mean_r2() -> None:
    still = np.ones((9, 2))
    assert np.isnan(scores.mean_r2(still, still))


def test_macro_f1_counts_a_rare_action_as_much_as_a_common_one() -> None:
    truth = np.array([0] * 98 + [1] * 2)
    always_common = np.zeros(100, int)
    assert scores.accuracy(always_common, truth) == pytest.approx(0.98)
    # F1 of the common action 2 * 98 / (100 + 98), of the rare one 0.
    assert scores.macro_f1(always_common, truth) == pytest.approx(98 / 198)


@given(shift=st.integers(-5, 5), seed=st.integers(0, 50))
def test_lag_scan_finds_the_shift_of_the_labels(shift: int, seed: int) -> None:
    truth = [actions(seed), actions(seed + 1, rows=60)]
    late = [np.roll(episode, -shift, axis=0) for episode in truth]
    scan = scores.lag_scan(late, truth)
    assert scores.best_lag(scan) == shift
    assert scan[shift] == pytest.approx(1)


def test_labels_one_step_off_are_worse_than_the_mean_on_fast_motion() -> None:
    truth = [actions()]
    assert scores.lag_scan([np.roll(truth[0], 1, axis=0)], truth)[0] < 0


def test_lag_scan_needs_an_episode_longer_than_its_reach() -> None:
    short = [actions(rows=10)]
    with pytest.raises(ValueError, match="longer than 10 frames"):
        scores.lag_scan(short, short)


def test_best_lag_of_a_flat_scan_is_zero() -> None:
    assert scores.best_lag(dict.fromkeys(scores.LAGS, 0.5)) == 0


def test_ninety_percent_of_a_normal_lie_within_1_645_sigma() -> None:
    truth = actions(rows=20_000)
    labels = np.zeros_like(truth)
    assert scores.coverage(labels, np.full_like(truth, 1.645), truth) == pytest.approx(
        0.9, abs=0.01
    )


def test_dropping_what_is_least_sure_takes_its_error_away() -> None:
    truth = actions()
    labels = truth + 0.1
    labels[::5] += 0.9
    width = np.full_like(truth, 0.1)
    width[::5] = 1.0
    # Mean error 0.28 with the bad fifth, 0.1 without.
    kept = scores.error_after_dropping(labels, width, truth, share=0.2)
    assert kept == pytest.approx(0.1 / 0.28)


def test_uninformative_confidence_takes_no_error_away() -> None:
    truth = actions()
    labels = truth + 0.1
    assert scores.error_after_dropping(
        labels, np.ones_like(truth), truth, share=0.5
    ) == pytest.approx(1)


def test_drift_grows_with_bias_and_not_with_alternating_error() -> None:
    truth = [np.zeros((100, 4))]
    biased = [truth[0] + [0.2, 0, 0, 0]]
    alternating = [np.where(np.arange(100)[:, None] % 2, 0.2, -0.2) * np.ones(4)]
    assert scores.drift(biased, truth, dimensions=(0, 1, 2), scale=0.01) == pytest.approx(0.2)
    assert scores.drift(alternating, truth, dimensions=(0, 1, 2)) == pytest.approx(0, abs=1e-12)


def test_wilson_interval_of_a_textbook_case() -> None:
    # 10 of 20: center 0.5, half width 1.96 sqrt(0.25 / 20 + 0.96 / 400) / (1 + 0.192) = 0.2007.
    low, high = wilson(10, 20)
    assert (low, high) == pytest.approx((0.2993, 0.7007), abs=1e-4)


@given(trials=st.integers(1, 500), share=st.floats(0, 1))
def test_wilson_interval_holds_the_share_and_stays_in_0_1(trials: int, share: float) -> None:
    successes = round(share * trials)
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1


def test_wilson_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="6 successes in 5 trials"):
        wilson(6, 5)


def test_shapes_that_disagree_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(80, 3\).*\(79, 3\)"):
        scores.mae(actions(), actions(rows=79))
