import numpy as np
import pytest

from benchmarks.labelers.intervals import LikelihoodRatio, weighted_intervals, weighted_quantile


def test_equal_weights_give_the_usual_conformal_quantile() -> None:
    values = np.random.default_rng(0).permutation(99)[:, None] + 1.0
    # Of 99 and one more at infinity, 90 % are the smallest 90.
    assert weighted_quantile(values, np.ones(99), 1.0, share=0.9)[0] == 90


def test_where_the_new_row_outweighs_all_the_largest_value_is_taken() -> None:
    values = np.arange(5.0)[:, None]
    assert weighted_quantile(values, np.ones(5), 100.0, share=0.9)[0] == 4


def test_the_ratio_of_shifted_normals_is_found() -> None:
    generator = np.random.default_rng(0)
    known, unlabelled = generator.normal(0, 1, (4000, 1)), generator.normal(1, 1, (4000, 1))
    ratio = LikelihoodRatio.of(known, unlabelled)(np.array([[-1.0], [0.5], [2.0]]))
    # The densities' ratio is exp(x - 0.5); 10 % for what 4,000 samples and the penalty leave open.
    assert ratio == pytest.approx(np.exp([-1.5, 0.0, 1.5]), rel=0.1)


def test_intervals_hold_on_episodes_that_lie_where_errors_are_large() -> None:
    generator = np.random.default_rng(1)

    def rows(middle: float, num: int) -> tuple[np.ndarray, np.ndarray]:
        inputs = generator.normal(middle, 1, (num, 1))
        # Bent, so that the linear model of its logarithm alone does not know it.
        spread = 0.1 + np.maximum(inputs, 0) ** 3
        return inputs, np.abs(generator.normal(0, spread))

    known, errors = rows(0, 4000)
    unlabelled, truth = rows(1.0, 4000)
    widths = weighted_intervals(known, errors, np.arange(4000) % 5, unlabelled)
    assert (truth <= widths).mean() == pytest.approx(0.9, abs=0.03)
