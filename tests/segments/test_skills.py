"""Skills of hands that carry things, from what is known of them."""

import numpy as np
import pytest
from grasped_points import FPS, episode

from rotoscope.pipeline.datasets.read import EpisodeRows
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.segments.cues import Cues, carried, cues_of
from rotoscope.pipeline.segments.roles import STATE, Numbers, Roles
from rotoscope.pipeline.segments.run import check_shared
from rotoscope.pipeline.segments.skills import Segment, joined, segments_of

HAND = Numbers(STATE, "hand", (0, 1, 2), True)
GRIPPER = Numbers(STATE, "gripper.opening", (3,), False)
THING = Numbers(STATE, "object", (4, 5, 6), True)
EPISODES = 8


def told(number, state):
    columns = {STATE: state, "frame_index": np.arange(len(state))}
    return EpisodeRows(number, columns, None, 0.0, {})


def cut(roles, change=lambda state: state):
    some = [told(n, change(episode(n)[0])) for n in range(EPISODES)]
    return segments_of(cues_of(some, roles, FPS), FPS)


def test_hand_gripper_and_thing_tell_reach_grasp_move_and_release():
    found = cut(Roles((HAND,), (GRIPPER,), (THING,), ""))
    for number in range(EPISODES):
        mine = [one for one in found if one.episode == number]
        assert [one.skill for one in mine] == ["reach", "grasp", "move", "release"]
        assert mine[0].start == 0
        for one, true in zip(mine[1:], episode(number)[1], strict=True):
            assert one.start == pytest.approx(true, abs=2)


def test_without_things_the_gripper_and_the_hand_tell_them():
    found = cut(Roles((HAND,), (GRIPPER,), (), ""))
    for number in range(EPISODES):
        mine = [one for one in found if one.episode == number]
        assert [one.skill for one in mine] == ["reach", "grasp", "move", "release"]
        for one, true in zip(mine[1:], episode(number)[1], strict=True):
            assert one.start == pytest.approx(true, abs=3)


def test_a_gripper_that_counts_the_other_way_is_as_good():
    def turned(state):
        out = state.copy()
        out[:, 3] = 100 * (1 - state[:, 3])
        return out

    roles = Roles((HAND,), (GRIPPER,), (THING,), "")
    assert cut(roles, turned) == cut(roles)


def test_a_short_gap_of_what_is_known_changes_no_skill():
    def gappy(state):
        out = state.copy()
        out[9:12] = np.nan
        return out

    roles = Roles((HAND,), (GRIPPER,), (THING,), "")
    names = [
        [o.skill for o in cut(roles, change) if o.episode == 3] for change in (gappy, lambda s: s)
    ]
    assert names[0] == names[1]


def test_every_row_is_in_one_segment():
    for one in range(EPISODES):
        rows = [r for s in cut(Roles((HAND,), (GRIPPER,), (THING,), "")) if s.episode == one
                for r in range(s.start, s.end)]  # fmt: skip
        assert rows == list(range(len(episode(one)[0])))


def test_where_nothing_says_what_is_held_changes_of_motion_are_shared_skills():
    found = cut(Roles((HAND,), (), (), ""))
    by_episode = [[s for s in found if s.episode == n] for n in range(EPISODES)]
    for mine, number in zip(by_episode, range(EPISODES), strict=True):
        # The hand rests while the gripper closes: a motion, a rest, and other motions.
        grasp, move, _ = episode(number)[1]
        starts = [s.start for s in mine]
        assert min(abs(s - grasp) for s in starts) <= 2
        assert min(abs(s - move) for s in starts) <= 2
    assert {mine[0].skill for mine in by_episode} == {by_episode[0][0].skill}
    assert all(s.skill.startswith("skill ") for s in found)


def test_what_is_held_and_rests_on_the_way_is_still_moved():
    moves = np.array([0, 0, 1, 1, 0, 0, 0, 1, 0, 0], bool)
    holds = np.array([0, 1, 1, 1, 1, 1, 1, 1, 1, 0], bool)
    assert carried(moves, holds, 2).tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert carried(moves, None, 2).tolist() == moves.tolist()
    assert carried(moves, None, 4).tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 0, 0]


def test_pieces_alike_are_one_skill_and_others_are_not():
    means = np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 0.0], [0.9, 0.1], [1.0, 1.0]])
    found = joined(means)
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert len(set(found.tolist())) == 3


def test_a_skill_of_one_episode_in_many_is_none():
    def cues(number, has_more):
        holds, moves = np.zeros(40, bool), np.zeros(40, bool)
        holds[20:], moves[25:] = True, True
        if has_more:
            holds[:10] = True
        return Cues(number, holds, moves, np.zeros((40, 0)))

    found = segments_of([cues(n, n == 5) for n in range(30)], fps=20)
    assert {s.skill for s in found if s.episode == 0} == {"reach", "grasp", "move"}


def test_pieces_that_no_two_episodes_share_are_no_skills():
    """As of a humanoid's 26 joints, whose every tenth of a second was a skill of its own."""
    rng = np.random.default_rng(3)
    joints = Numbers(STATE, "joints", tuple(range(26)), False)
    noisy = [told(n, rng.normal(size=(120, 26)).cumsum(axis=0)) for n in range(2)]
    found = segments_of(cues_of(noisy, Roles((joints,), (), (), ""), FPS), FPS)
    with pytest.raises(DatasetError, match=r"are like none of another episode.*--things"):
        check_shared(found, 2)


def test_shared_skills_pass_with_some_that_one_episode_has_alone():
    both = [Segment(n, a, a + 5, name) for n in (0, 1) for a, name in ((0, "reach"), (5, "move"))]
    check_shared([*both, Segment(1, 10, 15, "skill 1")], 2)
    check_shared([Segment(0, 0, 5, "skill 1")], 1)
