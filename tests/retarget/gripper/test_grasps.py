import itertools

import jaxtyping
import numpy as np
import pytest

from benchmarks._synthetic_hands import RELAXED, Script, grasp, perform, play, tap
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.gripper.grasp_evidence import Evidence, palm_speed
from rotoscope.retarget.gripper.grasps import (
    GraspConfig,
    find_grasps,
    grasping_frames,
    most_likely_states,
)

SIDEWAYS, UP = np.array([0.3, 0.0, 0.0]), np.array([0.0, -0.25, 0.05])


@pytest.fixture
def shapes_unchecked():
    """As outside the tests, where nothing stands before the functions' own checks."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def script(closure=RELAXED):
    return Script([0.0], [closure], [closure], [np.array([0.0, 0.0, 0.6])], [])


def show(story, rate_hz=30.0):
    time_s = np.arange(0.0, story.time_s[-1], 1.0 / rate_hz)
    return time_s, play(story, time_s)


def find(story, rate_hz=30.0):
    time_s, joints = show(story, rate_hz)
    return find_grasps(time_s, joints, np.ones(len(time_s), dtype=bool))


def two_grasps():
    story = script()
    grasp(story, width_m=0.025, kind="pinch", reach_m=SIDEWAYS, carry_m=UP)
    grasp(story, width_m=0.05, kind="power", reach_m=-SIDEWAYS, carry_m=-UP)
    return story


@pytest.mark.parametrize("rate_hz", [15.0, 30.0, 60.0])
def test_several_grasps_are_found_where_they_happen(rate_hz):
    story = two_grasps()
    found = find(story, rate_hz)
    assert [g.kind for g in found] == ["pinch", "power"]
    for g, (contact_s, release_s, _) in zip(found, story.holds, strict=True):
        assert g.start_s == pytest.approx(contact_s, abs=0.2)
        assert g.end_s == pytest.approx(release_s, abs=0.2)
        assert g.is_start_seen
        assert g.is_end_seen
        assert g.confidence > 0.7


def test_power_grasp_of_a_50_mm_thing_says_so():
    story = script()
    grasp(story, width_m=0.05, kind="power", reach_m=SIDEWAYS, carry_m=UP)
    (found,) = find(story)
    assert found.kind == "power"
    assert found.aperture_m == pytest.approx(0.05, abs=0.005)


def test_slow_closing_is_one_grasp_that_begins_near_its_end():
    story = script()
    grasp(story, width_m=0.03, kind="pinch", reach_m=SIDEWAYS, carry_m=UP, close_s=2.0)
    (found,) = find(story)
    assert story.holds[0][0] - 0.8 < found.start_s < story.holds[0][0] + 0.2
    assert found.end_s == pytest.approx(story.holds[0][1], abs=0.2)


def test_fast_tap_is_no_grasp():
    story = script()
    tap(story)
    assert find(story) == []


def test_thing_held_when_the_clip_starts_and_ends_is_found():
    story = script(closure=0.6)
    for sign in (1, -1, 1, -1):
        story.then(1.0, move_m=sign * SIDEWAYS)
    (found,) = find(story)
    assert (found.start, found.end) == (0, len(show(story)[0]))
    assert not found.is_start_seen
    assert not found.is_end_seen


def test_hand_that_rests_holds_nothing():
    story = script()
    story.then(10.0)
    assert find(story) == []


def test_open_hand_that_waves_holds_nothing():
    story = script(closure=0.05)
    for sign in (1, -1, 1, -1):
        story.then(0.5, move_m=sign * SIDEWAYS)
    assert find(story) == []


def test_hand_that_closes_on_its_way_holds_nothing():
    story = script(closure=0.2)
    story.then(0.3)
    story.then(0.6, closure=0.55, others=0.55, move_m=2 * SIDEWAYS)
    story.then(0.6, closure=0.2, others=0.2, move_m=-2 * SIDEWAYS)
    assert find(story) == []


def test_grasps_do_not_depend_on_where_the_camera_stands():
    time_s, joints = show(two_grasps())
    known = np.ones(len(time_s), dtype=bool)
    T = se3.make(se3.exp_so3(np.array([0.5, 1.0, -0.4])), np.array([0.3, 0.1, 1.0]))
    moved = se3.apply(np.broadcast_to(T, (len(joints), 4, 4)), joints)
    here, there = (find_grasps(time_s, j, known) for j in (joints, moved))
    assert [(g.start, g.end) for g in here] == [(g.start, g.end) for g in there]


def test_uneven_frame_times_give_the_same_times():
    story = two_grasps()
    rng = np.random.default_rng(0)
    time_s = np.sort(rng.uniform(0.0, story.time_s[-1], 300))
    found = find_grasps(time_s, play(story, time_s), np.ones(300, dtype=bool))
    for g, even in zip(found, find(story), strict=True):
        assert g.start_s == pytest.approx(even.start_s, abs=0.1)
        assert g.end_s == pytest.approx(even.end_s, abs=0.1)


def test_second_estimate_of_the_hand_outvotes_a_wandering_first():
    time_s, joints = show(two_grasps())
    known = np.ones(len(time_s), dtype=bool)
    alone = find_grasps(time_s, joints, known)
    middle = (alone[0].start + alone[0].end) // 2
    wandering = joints.copy()
    wandering[middle - 5 : middle + 5, 4] += [0.0, 0.05, 0.0]  # the thumb is lost for a while
    assert len(find_grasps(time_s, wandering, known, shape_m=joints)) == 2
    missing = joints.copy()
    missing[middle : middle + 20] = np.nan
    found = find_grasps(time_s, joints, known, shape_m=missing)
    assert [(g.start, g.end) for g in found] == [(g.start, g.end) for g in alone]
    nowhere = find_grasps(time_s, joints, known, shape_m=joints * np.nan)
    assert nowhere == alone


def test_short_gap_inside_a_grasp_is_bridged_and_costs_confidence():
    time_s, joints = show(two_grasps())
    whole = find_grasps(time_s, joints, np.ones(len(time_s), dtype=bool))
    known = np.ones(len(time_s), dtype=bool)
    middle = (whole[0].start + whole[0].end) // 2
    known[middle : middle + 10] = False
    joints[~known] = np.nan
    found = find_grasps(time_s, joints, known)
    assert len(found) == 2
    assert found[0].confidence < whole[0].confidence
    assert grasping_frames(found, len(time_s))[middle : middle + 10].all()


def test_long_gap_ends_the_grasp_before_it():
    time_s, joints = show(two_grasps())
    whole = find_grasps(time_s, joints, np.ones(len(time_s), dtype=bool))
    known = np.ones(len(time_s), dtype=bool)
    middle = (whole[1].start + whole[1].end) // 2
    known[middle : middle + 25] = False
    found = find_grasps(time_s, joints, known)
    assert not grasping_frames(found, len(time_s))[middle : middle + 25].any()
    assert not next(g for g in found if g.end <= middle and g.start > whole[0].end).is_end_seen


def test_most_grasps_survive_noise_drift_and_gaps():
    hit = found_total = true_total = 0
    for seed in range(12):
        shown = perform(seed)
        found = find_grasps(shown.time_s, shown.joints_m, shown.known)
        found_total, true_total = found_total + len(found), true_total + len(shown.holds)
        for start, end, _ in shown.holds:
            common = [min(g.end, end) - max(g.start, start) for g in found]
            hit += any(c > 0.5 * (end - start) for c in common)
    assert hit / true_total > 0.85
    assert hit / found_total > 0.7


@pytest.mark.parametrize("num", [0, 1, 2, 5])
def test_clip_too_short_to_tell_has_no_grasp(num):
    time_s, joints = show(two_grasps())
    assert find_grasps(time_s[:num], joints[:num], np.ones(num, dtype=bool)) == []


def test_hand_never_known_has_no_grasp():
    time_s, joints = show(two_grasps())
    assert find_grasps(time_s, joints * np.nan, np.ones(len(time_s), dtype=bool)) == []
    assert find_grasps(time_s, joints, np.zeros(len(time_s), dtype=bool)) == []


def test_arrays_of_other_lengths_are_refused(shapes_unchecked):
    time_s, joints = show(two_grasps())
    with pytest.raises(TrackError, match="must be equally long"):
        find_grasps(time_s[:-1], joints, np.ones(len(time_s), dtype=bool))


def test_asking_for_more_confidence_gives_fewer_grasps():
    shown = perform(3)
    sure, any_ = (
        find_grasps(
            shown.time_s, shown.joints_m, shown.known, config=GraspConfig(least_confidence=c)
        )
        for c in (0.9, 0.0)
    )
    assert len(sure) < len(any_)
    assert {(g.start, g.end) for g in sure} < {(g.start, g.end) for g in any_}


@pytest.mark.parametrize("seed", range(20))
def test_states_are_the_best_of_all_sequences(seed):
    rng = np.random.default_rng(seed)
    num, start_cost = 8, 0.7
    take, leave = (rng.normal(0.0, 1.5, num) for _ in range(2))
    take[rng.random(num) < 0.3] = -np.inf
    evidence = Evidence(take, leave, rng.normal(size=num), np.zeros(num))

    def score(states):
        total = -start_cost if states[0] else 0.0
        for t, state in enumerate(states):
            total += evidence.hold[t] if state else 0.0
            if t and state and not states[t - 1]:
                total += take[t]
            if t and not state and states[t - 1]:
                total += leave[t - 1]
        return total

    best = max(itertools.product([False, True], repeat=num), key=score)
    assert most_likely_states(evidence, start_cost=start_cost).tolist() == list(best)


def test_palm_speed_is_true_in_white_noise():
    rng = np.random.default_rng(0)
    time_s = np.arange(300) / 30.0
    still = rng.normal(0.0, 0.01, (300, 3))
    moving = still + 0.5 * time_s[:, None] * [1.0, 0.0, 0.0]
    assert np.median(palm_speed(still)) < 0.06
    assert np.median(palm_speed(moving)) == pytest.approx(0.5, rel=0.1)
