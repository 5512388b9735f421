"""Cuts of a piecewise constant series."""

import itertools

import numpy as np
import pytest

from rotoscope.pipeline.segments.changes import change_points


def cost(rows, cuts, penalty):
    ends = [0, *cuts, len(rows)]
    parts = [rows[a:b] for a, b in itertools.pairwise(ends)]
    return sum(((p - p.mean(axis=0)) ** 2).sum() for p in parts) + penalty * len(cuts)


@pytest.mark.parametrize("seed", range(6))
def test_no_other_cuts_cost_less(seed):
    draw = np.random.default_rng(seed)
    rows = np.repeat(draw.integers(0, 3, (4, 2)), [3, 4, 2, 4], axis=0) + draw.normal(
        0, 0.3, (13, 2)
    )
    for penalty, shortest in ((0.5, 2), (2.0, 1), (1.0, 3)):
        found = change_points(rows, penalty=penalty, shortest=shortest)
        valid = [
            cuts
            for count in range(5)
            for cuts in itertools.combinations(range(1, 13), count)
            if min(np.diff([0, *cuts, 13])) >= shortest
        ]
        best = min(cost(rows, cuts, penalty) for cuts in valid)
        assert cost(rows, found, penalty) == pytest.approx(best)
        assert min(np.diff([0, *found, 13])) >= shortest


def test_a_stretch_is_cut_out_where_it_is_longer_than_twice_the_penalty():
    flag = np.zeros((60, 1))
    flag[20:29] = 1
    assert change_points(flag, penalty=3.0, shortest=2) == [20, 29]
    assert change_points(flag, penalty=5.0, shortest=2) == []


def test_a_series_shorter_than_two_pieces_stays_whole():
    assert change_points(np.arange(5.0)[:, None], penalty=0.0, shortest=3) == []
    assert change_points(np.zeros((0, 2)), penalty=1.0, shortest=1) == []
