"""Series laid onto each other: against a plain table, and where the answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.alignment.dtw import align, align_inside, distances, end_costs
from rotoscope.pipeline.errors import TrackError


def plain_table(cost):
    """The recursion of the paper, cell by cell."""
    rows, others = cost.shape
    total = np.full((rows, others), np.inf)
    for i in range(rows):
        for j in range(others):
            before = [total[a, b] for a, b in ((i - 1, j - 1), (i - 1, j), (i, j - 1))
                      if a >= 0 and b >= 0]  # fmt: skip
            total[i, j] = cost[i, j] + (min(before) if before else 0.0)
    return total


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_cost_is_that_of_the_plain_table_and_of_the_path(rows, others, seed):
    cost = np.random.default_rng(seed).random((rows, others))
    found = align(cost)
    assert found.cost == pytest.approx(plain_table(cost)[-1, -1])
    assert cost[found.first, found.second].sum() == pytest.approx(found.cost)
    steps = np.stack([np.diff(found.first), np.diff(found.second)])
    assert ((steps == 0) | (steps == 1)).all()
    assert (steps.sum(0) >= 1).all()
    assert (found.first[0], found.second[0]) == (0, 0)
    assert (found.first[-1], found.second[-1]) == (rows - 1, others - 1)


@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_inside_is_the_cheapest_of_all_parts(rows, others, seed):
    cost = np.random.default_rng(seed).random((rows, others))
    found = align_inside(cost)
    parts = [(a, b) for a in range(others) for b in range(a + 1, others + 1)]
    best = min(align(cost[:, a:b]).cost for a, b in parts)
    assert found.cost == pytest.approx(best)
    start, end = found.span
    assert align(cost[:, start:end]).cost == pytest.approx(best)
    assert end_costs(cost).min() == pytest.approx(best)


def test_a_slowed_part_is_found_where_it_was_taken_from():
    time = np.linspace(0, 6, 200)
    whole = np.stack([np.sin(time), np.cos(2 * time)], axis=1)
    part = np.repeat(whole[60:100], 2, axis=0)
    assert align_inside(distances(part, whole)).span == (60, 100)


def test_partner_of_a_row_on_which_several_lie_is_their_mean():
    found = align(distances(np.array([[0.0], [1.0]]), np.array([[0.0], [0.0], [1.0]])))
    assert found.partner(2).tolist() == [0.5, 2.0]
    assert found.mean_cost == 0.0


def test_distances_are_euclidean():
    a, b = np.random.default_rng(0).random((2, 5, 3))
    wanted = np.linalg.norm(a[:, None] - b, axis=2)
    np.testing.assert_allclose(distances(a, b), wanted, atol=1e-7)


@pytest.mark.parametrize("cost", [np.zeros((0, 3)), np.array([[0.0, np.nan]])])
def test_what_cannot_be_laid_onto_each_other_says_so(cost):
    with pytest.raises(TrackError, match=r"series of \d and \d rows cannot be laid onto"):
        align(cost)
