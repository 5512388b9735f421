"""Every episode is new to some member, and none is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.models.training.folds import Folds
from rotoscope.pipeline.errors import DatasetError


def apart(num_episodes):
    """Each alone."""
    return [(i,) for i in range(num_episodes)]


@given(st.integers(3, 40), st.integers(1, 8), st.integers(0, 1000))
def test_episodes_are_dealt_out_once_each_and_evenly(num_episodes, num_parts, seed):
    folds = Folds.of(apart(num_episodes), num_parts, seed=seed)
    assert sorted(e for part in folds.parts for e in part) == list(range(num_episodes))
    sizes = [len(part) for part in folds.parts]
    assert len(sizes) == min(num_parts, num_episodes)
    assert max(sizes) - min(sizes) <= 1
    assert all(list(part) == sorted(part) for part in folds.parts)
    assert folds == Folds.of(apart(num_episodes), num_parts, seed=seed)


def test_another_seed_deals_otherwise():
    assert Folds.of(apart(20), 4, seed=0) != Folds.of(apart(20), 4, seed=1)


PARTS = Folds(((0, 3), (1, 4), (2, 5)))


def test_golden_members_of_three_parts():
    # Member k stops on the part after the one that it never sees; both are left out of its fit.
    assert [PARTS.left_out(k) for k in range(3)] == [(1, 0), (2, 1), (0, 2)]
    assert [PARTS.fitted(k) for k in range(3)] == [[2, 5], [0, 3], [1, 4]]
    assert [PARTS.blind(part, 3) for part in range(3)] == [[0, 2], [0, 1], [1, 2]]
    assert [PARTS.others(part) for part in range(3)] == [[1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 3, 4]]


def test_two_members_share_no_part():
    folds = Folds.for_members(apart(9), 2, seed=0)
    assert len(folds.parts) == 4
    assert [folds.left_out(k) for k in range(2)] == [(1, 0), (3, 2)]
    assert not set(folds.left_out(0)) & set(folds.left_out(1))


@pytest.mark.parametrize(("num_members", "num_parts"), [(1, 1), (3, 3), (5, 5)])
def test_other_numbers_of_members_have_a_part_each(num_members, num_parts):
    assert len(Folds.for_members(apart(9), num_members, seed=0).parts) == num_parts


def test_more_members_than_episodes_leave_out_each_pair_in_turn():
    # Of four episodes as of five: not the same two again and again.
    folds = Folds.for_members(apart(4), 5, seed=0)
    assert [folds.left_out(k) for k in range(5)] == [(1, 0), (2, 1), (3, 2), (0, 3), (1, 0)]


@pytest.mark.parametrize("num_episodes", [0, 1, 2])
def test_too_few_episodes_are_refused(num_episodes):
    with pytest.raises(DatasetError, match=f"{num_episodes} labeled episodes are too few: at lea"):
        Folds.of(apart(num_episodes), 3, seed=0)
    assert len(Folds.of(apart(3), 3, seed=0).parts) == 3


def test_episodes_that_belong_together_are_held_out_together():
    groups = ((0, 4), (1,), (2, 3, 5), (6,))
    folds = Folds.of(groups, 8, seed=0)
    assert sorted(folds.parts) == [(0, 4), (1,), (2, 3, 5), (6,)]
    two = Folds.of(groups, 2, seed=0).parts
    assert all(any(set(group) <= set(part) for part in two) for group in groups)


def test_copies_do_not_count():
    with pytest.raises(DatasetError, match="4 labeled episodes, of which 2 differ, are too few"):
        Folds.of(((0, 1, 2), (3,)), 3, seed=0)
