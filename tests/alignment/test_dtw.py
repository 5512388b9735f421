"""Series laid onto each other: against a plain table, and where the answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.alignment.dtw import (
    align,
    align_everywhere,
    align_inside,
    distances,
    end_costs,
)
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


@given(st.integers(1, 7), st.integers(1, 12), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_places_share_no_row_and_the_first_is_the_cheapest(rows, others, seed):
    cost = np.random.default_rng(seed).random((rows, others))
    found, ends = align_everywhere(cost)
    np.testing.assert_array_equal(ends, end_costs(cost))
    assert found[0].span == align_inside(cost).span
    costs = [one.cost for one in found]
    assert costs == sorted(costs)
    assert costs == [ends[one.span[1] - 1] for one in found]
    taken = [row for one in found for row in range(*one.span)]
    assert len(taken) == len(set(taken))


def test_every_copy_is_a_place_whatever_its_speed():
    part = np.sin(np.linspace(0, 3, 30))[:, None] * 3
    far = np.full((20, 1), 9.0)
    whole = np.concatenate([far, part, far, np.repeat(part, 2, axis=0), far, part[::2], far])
    found, _ = align_everywhere(distances(part, whole))
    # A first or last row that is there twice need not be taken twice.
    assert sorted(one.span for one in found[:3]) == [(20, 50), (71, 129), (150, 165)]


def test_places_of_other_lengths_are_passed_over():
    part = np.arange(10.0)[:, None]
    cost = distances(part, np.concatenate([part, part[::2], np.repeat(part, 3, axis=0)]))
    spans = [one.span for one in align_everywhere(cost, min_rows=8, max_rows=20)[0]]
    assert spans[0] == (0, 10)
    assert all(8 <= end - start <= 20 for start, end in spans)


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
