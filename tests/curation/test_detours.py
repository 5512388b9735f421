"""Stretches in which nobody else would do the same are marked; the way back from them is kept."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pushed_points import FPS, demonstration, episodes, moves

from rotoscope.pipeline.curation.detours import detours, find_detours, stretches

AWAY = {number: (8, 28) for number in (1, 4, 9, 13)}


def test_detours_are_marked_and_what_leads_back_is_not():
    marked, _ = find_detours(episodes(20, AWAY))
    others = []
    for number, mark in enumerate(marked):
        truth = np.zeros(len(mark), bool)
        if number in AWAY:
            truth[slice(*AWAY[number])] = True
        assert mark[truth].mean() > 0.8 or not truth.any(), number
        others.append(mark[~truth])
    assert np.concatenate(others).mean() < 0.1


def test_where_all_have_one_they_are_told_by_what_they_share():
    every = {number: (4 + number % 9, 19 + number % 9) for number in range(24)}
    marked, _ = find_detours(episodes(24, every))
    truth = [np.isin(np.arange(len(m)), np.arange(*every[n])) for n, m in enumerate(marked)]
    hit, clear = np.concatenate(marked), np.concatenate(truth)
    assert hit[clear].mean() > 0.8
    assert hit[~clear].mean() < 0.1


def test_a_task_of_too_few_episodes_is_not_judged():
    tasks = dict.fromkeys(range(12), "push") | {20: "pull", 21: "pull"}
    told = episodes(12, {3: (8, 28)})
    told += [moves(n, *demonstration(n)) for n in (20, 21)]
    score = detours(told, tasks, fps=FPS, source="the state")
    assert np.isnan(score.values[20]).all()
    assert score.of_episodes()[3] == pytest.approx(1.0, abs=0.5)  # 20 rows at 20 Hz
    few = detours(told[:5], tasks, fps=FPS, source="the state")
    assert few.untested == "no task has 8 episodes"


def test_episodes_that_share_too_little_are_not_judged():
    told = [moves(n, *demonstration(n, spread=3.0)) for n in range(10)]
    score = detours(told, dict.fromkeys(range(10), "push"), fps=FPS, source="the state")
    assert "episodes of 'push' share too little to tell what is usual" in score.untested


def worth(flags, evidence):
    """What the definition says: evidence inside, three for each change, beginning outside."""
    changes = np.abs(np.diff(np.concatenate([[False], flags]).astype(int))).sum()
    return (flags * evidence).sum() - 3 * changes


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_stretches_are_worth_most_of_all(values):
    evidence = np.array(values, float)
    every = (np.array(f, bool) for f in itertools.product([0, 1], repeat=len(values)))
    best = max(worth(flags, evidence) for flags in every)
    assert worth(stretches(evidence), evidence) == pytest.approx(best)
