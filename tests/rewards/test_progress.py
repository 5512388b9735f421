"""Subgoals of a demonstration, and how far episodes get along it."""

import carried_paths as paths
import numpy as np
import pytest

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.rewards.judge import judge
from rotoscope.pipeline.rewards.subgoals import SPACING, subgoals_of


def motion_share(rows):
    """Share of the motion of an episode of so many rows that lies before each."""
    way = np.abs(np.diff(paths.carried(rows), axis=0))
    scale = goals()[0].scale.scales
    hand, thing = (np.hypot(way[:, i], way[:, i + 1]) / scale[i // 2] for i in (0, 2))
    step = np.sqrt(hand**2 + thing**2)
    return np.r_[0.0, np.cumsum(step)] / step.sum()


def goals(demo=None):
    return subgoals_of([paths.carried() if demo is None else demo], paths.NAMES)


def test_subgoals_are_a_spacing_apart_whatever_the_speed():
    slow_start = np.concatenate([paths.carried(600)[:300], paths.carried(60)[30:]])
    first, second = goals()[0], goals(slow_start)[0]
    assert abs(len(first.rows) - len(second.rows)) <= 2
    assert np.diff(first.progress).min() > 0
    assert (first.progress[0], first.progress[-1]) == (0.0, 1.0)
    assert first.rows[0] == 0
    assert first.rows[-1] == 59
    assert len(first.rows) < 3 / SPACING * 4


def test_idle_ends_and_pauses_add_no_subgoal():
    demo = paths.carried()
    idle = np.concatenate([demo[:1].repeat(50, 0), demo[:30], demo[30:31].repeat(80, 0), demo[31:]])
    idle = np.concatenate([idle, demo[-1:].repeat(70, 0)])
    idle += 0.005 * np.random.default_rng(0).normal(size=idle.shape)
    assert abs(len(goals(idle)[0].rows) - len(goals(demo)[0].rows)) <= 2


def test_demonstrations_have_two_hundred_subgoals_at_most():
    wild = np.cumsum(np.random.default_rng(0).normal(size=(3000, 4)), axis=0)
    wild = np.sin(wild)
    assert len(goals(wild)[0].rows) == 200


@pytest.mark.parametrize("rows", [30, 60, 120, 240])
def test_progress_follows_the_episode_at_any_speed(rows):
    found = judge(paths.carried(rows, seed=1), goals())
    true = motion_share(rows)
    assert np.abs(found.progress - true).max() < 0.12
    assert np.mean(np.abs(found.progress - true) < 2 * found.sigma) > 0.9
    assert found.is_done


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_episode_that_stops_half_way_is_not_done(share):
    rows = paths.carried(80, seed=2)
    stop = int(80 * share)
    rows[stop:] = rows[stop]
    found = judge(rows, goals())
    assert not found.is_done
    assert found.end == pytest.approx(motion_share(80)[stop], abs=0.06)
    assert np.ptp(found.progress[stop:]) < 0.05


def test_episode_that_leaves_the_way_makes_no_progress():
    found = judge(paths.empty_handed(), goals())
    # Up to the thing it does as it should.
    assert found.end < 0.65
    assert found.off[-5:].min() > 0.9
    assert found.off[:20].max() < 0.5


def test_progress_is_lost_where_the_thing_is_brought_back():
    there_and_back = np.concatenate([paths.carried(), paths.carried()[::-1]])
    found = judge(there_and_back, goals())
    assert found.progress[58] > 0.9
    assert found.end < 0.1
    assert not found.is_done


def test_what_follows_the_end_takes_nothing_back():
    rows = np.concatenate([paths.carried(), paths.carried()[-1:].repeat(20, 0)])
    rows[60:, :2] += np.linspace(0, 5, 20)[:, None]  # the hand withdraws, elsewhere than it came
    found = judge(rows, goals())
    assert found.is_done
    assert found.off[-1] > 0.9


def test_rows_that_are_not_known_say_nothing_and_cost_the_others_nothing():
    rows = paths.carried(90, seed=4)
    whole = judge(rows, goals())
    rows[30:60] = rows[80:] = np.nan
    found = judge(rows, goals(), ("orca", "last_frame"))
    for values in (found.progress, found.sigma, found.off, *found.rewards.values()):
        assert np.isnan(values[30:60]).all()
        assert np.isfinite(values[60:80]).all()
    np.testing.assert_allclose(found.progress[62:80], whole.progress[62:80], atol=0.08)
    assert found.end == found.progress[79]


def test_demonstration_that_loses_sight_of_the_thing_is_followed_where_it_sees_it():
    demo = paths.carried(120)
    demo[50:60, 2:] = np.nan
    assert not np.isin(np.arange(50, 60), goals(demo)[0].rows).any()
    rows = paths.carried(80, seed=6)
    rows[20:25, :2] = np.nan
    found = judge(rows, goals(demo), ("orca",))
    assert found.is_done
    assert np.isfinite(found.progress).all()
    assert np.isfinite(found.rewards["orca"]).all()


def test_unseen_end_is_not_taken_for_done():
    rows = paths.carried(80, seed=5)
    rows[40:] = np.nan
    assert not judge(rows, goals()).is_done


def test_episode_without_a_known_row_has_no_progress():
    found = judge(np.full((12, 4), np.nan), goals(), ("orca",))
    assert np.isnan(found.progress).all()
    assert np.isnan(found.rewards["orca"]).all()
    assert not found.is_done


def test_of_several_demonstrations_the_one_that_is_like_it_counts():
    demos = subgoals_of([paths.carried(far=1.0), paths.carried(far=2.0)], paths.NAMES)
    for number, far in enumerate((1.05, 1.95)):
        found = judge(paths.carried(70, far=far), demos, ("orca", "ot"))
        alone = [judge(paths.carried(70, far=far), [demo], ("orca",)) for demo in demos]
        assert found.demo == number
        assert found.is_done
        best = max(one.rewards["orca"].mean() for one in alone)
        assert found.rewards["orca"].mean() == pytest.approx(best)


def test_demonstration_without_a_known_row_is_refused():
    with pytest.raises(
        DatasetError, match="demonstration 1 of 2 has no row whose features are all"
    ):
        subgoals_of([paths.carried(), np.full((9, 4), np.nan)], paths.NAMES)
