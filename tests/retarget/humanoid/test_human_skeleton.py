"""A person's frames, lengths and gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walkers import walker, without

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.retarget.humanoid.human_skeleton import (
    ARM,
    LEG,
    HumanMotion,
    human_motion_of,
    interpolated,
    interpolated_rotations,
)

ALL = np.ones(1000, bool)


def upright(**moved: tuple[float, float, float]) -> HumanMotion:
    """Somebody of 1.7 m who faces x and stands still, with some joints moved [m]."""
    at = {"pelvis": (0, 0, 0.9), "neck": (0, 0, 1.4), "head": (0, 0, 1.6)}
    for side, y in (("left", 0.1), ("right", -0.1)):
        at |= {
            f"{side}_hip": (0, y, 0.9),
            f"{side}_knee": (0, y, 0.5),
            f"{side}_ankle": (0, y, 0.08),
            f"{side}_heel": (-0.05, y, 0.02),
            f"{side}_toe": (0.13, y, 0.02),
            f"{side}_shoulder": (0, 2 * y, 1.4),
            f"{side}_elbow": (0, 2 * y, 1.1),
            f"{side}_wrist": (0, 2 * y, 0.85),
            f"{side}_hand": (0, 2 * y, 0.77),
        }
    rows = [np.array(at[name]) + moved.get(name, 0.0) for name in BODY_JOINTS]
    return HumanMotion(np.array(rows, float)[None], np.zeros(1))


def turned(person: HumanMotion, w: np.ndarray) -> HumanMotion:
    return HumanMotion(person.joints_m @ se3.exp_so3(w).T, person.time_s)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_frames_of_an_upright_body_turn_with_it(w):
    person = turned(upright(), np.array(w))
    R = se3.exp_so3(np.array(w))
    np.testing.assert_allclose(person.pelvis_rotation()[0], R, atol=1e-9)
    np.testing.assert_allclose(person.torso_rotation()[0], R, atol=1e-9)


def test_shoulders_turn_the_torso_and_not_the_pelvis():
    shoulder = np.array([-np.sin(0.4), np.cos(0.4), 0]) * 0.2 - [0, 0.2, 0]
    person = upright(left_shoulder=tuple(shoulder), right_shoulder=tuple(-shoulder))
    np.testing.assert_allclose(person.pelvis_rotation()[0], np.eye(3), atol=1e-9)
    expected = se3.exp_so3(np.array([0, 0, 0.4]))
    np.testing.assert_allclose(person.torso_rotation()[0], expected, atol=1e-9)


@given(st.floats(-3, 3), st.floats(-0.6, 0.6))
def test_foot_turns_to_its_toe_and_pitches_up_with_it(yaw, pitch):
    length = 0.18 * np.array(
        [np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)]
    )
    toe = length - np.array([0.18, 0, 0])
    R = upright(left_toe=tuple(toe)).foot_rotation("left")[0]
    np.testing.assert_allclose(R[:, 0], length / 0.18, atol=1e-9)
    assert abs(R[2, 1]) < 1e-9
    assert R[2, 2] > 0


def test_foot_without_a_heel_is_flat_where_it_stands():
    made = walker()
    seen = HumanMotion(made.joints_m, made.time_s).foot_rotation("left")
    unseen = HumanMotion(without(made.joints_m, "heel"), made.time_s).foot_rotation("left")
    stands_flat = np.abs(seen[:, 2, 0]) < 1e-6
    assert stands_flat.mean() > 0.3
    # Toes that rise before the heel strikes make the flat foot look 7 degrees toe-down.
    np.testing.assert_allclose(unseen[stands_flat], seen[stands_flat], atol=0.15)


def test_foot_without_a_toe_is_unknown():
    made = walker(num_strides=2)
    assert np.isnan(
        HumanMotion(without(made.joints_m, "toe"), made.time_s).foot_rotation("left")
    ).all()


def test_lengths_are_medians_and_means_of_the_sides_seen():
    person = upright()
    assert person.length_m(LEG) == pytest.approx(0.82)
    assert person.length_m(ARM) == pytest.approx(0.55)
    one_sided = person.joints_m.copy()
    one_sided[:, BODY_JOINTS.index("left_knee")] = np.nan
    assert HumanMotion(one_sided, person.time_s).length_m(LEG) == pytest.approx(0.82)
    assert np.isnan(HumanMotion(without(person.joints_m, "knee"), person.time_s).length_m(LEG))


def test_bone_of_no_length_has_no_direction():
    person = upright(left_elbow=(0, 0, 0.3))
    assert np.isnan(person.direction("left_shoulder", "left_elbow")).all()


@pytest.mark.parametrize("missing", ["hip", "shoulder"])
def test_body_of_which_nothing_says_how_it_stands_is_refused(missing):
    made = walker(num_strides=2)
    frames = len(made.time_s)
    with pytest.raises(TrackError, match="hips and shoulders are seen together in no frame"):
        human_motion_of(without(made.joints_m, missing), made.time_s, ALL[:frames])


def test_hips_and_shoulders_seen_in_turn_are_refused():
    joints = np.repeat(upright().joints_m, 4, axis=0)
    joints[:2, BODY_JOINTS.index("left_hip")] = np.nan
    joints[2:, BODY_JOINTS.index("left_shoulder")] = np.nan
    with pytest.raises(TrackError, match="together in no frame"):
        human_motion_of(joints, np.arange(4.0), ALL[:4])


def test_joints_of_unknown_frames_are_nan():
    made = walker(num_strides=2)
    known = np.arange(len(made.time_s)) % 3 > 0
    person = human_motion_of(made.joints_m, made.time_s, known)
    assert np.isnan(person.joints_m[~known]).all()
    np.testing.assert_array_equal(person.joints_m[known], made.joints_m[known])


@given(st.integers(0, 2**20))
def test_gaps_are_crossed_on_straight_lines_and_shortest_arcs(seed):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.01, 5.0, 12))
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    turn = rng.uniform(-0.4, 0.4)
    start = se3.exp_so3(rng.normal(size=3))
    R = se3.exp_so3(turn * (time_s - time_s[0])[:, None] / 5.0 * axis) @ start
    line = time_s[:, None] * rng.normal(size=2)
    known = rng.random(12) < 0.5
    known[[0, 11]] = True
    holed_R, holed = R.copy(), line.copy()
    holed_R[~known], holed[~known] = np.nan, np.nan
    np.testing.assert_allclose(interpolated(holed, time_s), line, atol=1e-9)
    np.testing.assert_allclose(interpolated_rotations(holed_R, time_s), R, atol=1e-7)


def test_ends_keep_the_nearest_known_value():
    R = np.tile(np.full((3, 3), np.nan), (5, 1, 1))
    R[2] = se3.exp_so3(np.array([0.1, 0.2, 0.3]))
    np.testing.assert_array_equal(
        interpolated_rotations(R, np.arange(5.0)), np.tile(R[2], (5, 1, 1))
    )
    values = np.array([[np.nan], [2.0], [np.nan]])
    np.testing.assert_array_equal(interpolated(values, np.arange(3.0)), np.full((3, 1), 2.0))
