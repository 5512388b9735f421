"""Limits of independent joints, narrowed so that their followers keep theirs."""

from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.links import Description, Joint, Mimic
from rotoscope.retarget.robots.config import JointSection
from rotoscope.retarget.robots.joint_limits import (
    free_joints,
    joint_limits,
    joint_rest,
    locked_joints,
)


def joint(name, parent, child, *, kind="revolute", **more):
    facts = {"lower": -1.0, "upper": 2.0, "max_velocity": 3.0, **more}
    zero = np.zeros(3)
    return Joint(name, kind, parent, child, np.eye(4), np.array([0.0, 0.0, 1.0]), zero, **facts)


def robot(*joints):
    links = ("root", *(j.child for j in joints))
    return Description(Path("robot.urdf"), links, {j.name: j for j in joints})


def chain(**second):
    """A master, and a joint that follows it with 2 x + 0.5."""
    follower = {"mimic": Mimic("a", 2.0, 0.5), **second}
    return robot(joint("a", "root", "l1"), joint("b", "l1", "l2", **follower))


def limits_of(description, sections=None, locked=None):
    sections, locked = sections or {}, locked or {}
    names = free_joints(description, locked)
    return joint_limits(description, sections, names, locked)


def test_golden_limits_of_a_master():
    # 2 x + 0.5 within -0.5 to 3.5 means x within -0.5 to 1.5; 4 per second of it are 2 of x.
    limits = limits_of(chain(lower=-0.5, upper=3.5, max_velocity=4.0))
    assert (limits.lower.tolist(), limits.upper.tolist()) == ([-0.5], [1.5])
    assert limits.max_velocity.tolist() == [2.0]
    assert limits.max_acceleration.tolist() == [np.inf]


def test_a_follower_that_could_do_more_narrows_nothing():
    limits = limits_of(chain(lower=-9.0, upper=9.0, max_velocity=99.0))
    assert (limits.lower.tolist(), limits.upper.tolist()) == ([-1.0], [2.0])
    assert limits.max_velocity.tolist() == [3.0]


def test_a_follower_that_turns_the_other_way_swaps_the_ends():
    # -0.5 x within -0.4 to 0.1 means x within -0.2 to 0.8; a rate of 1 means 2.
    reverse = chain(mimic=Mimic("a", -0.5, 0.0), lower=-0.4, upper=0.1, max_velocity=1.0)
    limits = limits_of(reverse)
    np.testing.assert_allclose([limits.lower[0], limits.upper[0]], [-0.2, 0.8])
    assert limits.max_velocity.tolist() == [2.0]


def test_followers_of_followers_multiply():
    description = robot(
        joint("a", "root", "l1"),
        joint("b", "l1", "l2", mimic=Mimic("a", 2.0, 0.5)),
        joint("c", "l2", "l3", mimic=Mimic("b", 3.0, -1.0)),
    )
    found = description.resolve_mimic("c")
    # 3 (2 a + 0.5) - 1.
    assert (found.joint, found.multiplier, found.offset) == ("a", 6.0, 0.5)
    alone = description.resolve_mimic("a")
    assert (alone.joint, alone.multiplier, alone.offset) == ("a", 1.0, 0.0)


def test_joints_that_follow_in_a_circle_are_refused():
    description = robot(
        joint("a", "root", "l1", mimic=Mimic("b")), joint("b", "l1", "l2", mimic=Mimic("a"))
    )
    with pytest.raises(RobotError, match="mimic each other in a circle"):
        description.resolve_mimic("a")


def test_accelerations_of_followers_bind_their_master():
    sections = {
        "a": JointSection(max_acceleration=50.0),
        "b": JointSection(max_acceleration=40.0, lower=-9.0, upper=9.0),
    }
    assert limits_of(chain(), sections).max_acceleration.tolist() == [20.0]
    sections["b"] = JointSection(max_acceleration=400.0, lower=-9.0, upper=9.0)
    assert limits_of(chain(), sections).max_acceleration.tolist() == [50.0]


def test_a_follower_that_never_moves_or_states_no_speed_binds_nothing():
    still = limits_of(chain(mimic=Mimic("a", 0.0, 0.0), lower=0.5, upper=0.6))
    assert (still.lower.tolist(), still.upper.tolist()) == ([-1.0], [2.0])
    silent = limits_of(chain(lower=-9.0, upper=9.0, max_velocity=0.0))
    assert silent.max_velocity.tolist() == [3.0]


def test_a_master_without_room_is_refused():
    for upper, is_empty in ((-1.51, True), (-1.5, True), (-1.49, False)):
        # 2 x + 0.5 up to -1.5 leaves -1 alone of -1 to 2.
        description = chain(lower=-9.0, upper=upper)
        if is_empty:
            with pytest.raises(RobotError, match=r"'a' cannot move, because 'b', which follows"):
                limits_of(description)
        else:
            assert limits_of(description).upper[0] == pytest.approx(-0.995)


def test_the_yaml_comes_before_the_file_and_a_name_before_the_default():
    description = robot(joint("a", "root", "l1"), joint("b", "l1", "l2"))
    sections = {
        "default": JointSection(lower=-0.5, max_velocity=1.0, max_acceleration=7.0),
        "b": JointSection(lower=-0.25, upper=0.25),
    }
    limits = limits_of(description, sections)
    assert limits.lower.tolist() == [-0.5, -0.25]
    assert limits.upper.tolist() == [2.0, 0.25]
    assert limits.max_velocity.tolist() == [1.0, 1.0]
    assert limits.max_acceleration.tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"lower": -np.inf}, "states no lower position limit for joint 'a'"),
        ({"upper": np.inf}, "states no upper position limit for joint 'a'"),
        ({"upper": -1.0}, "needs lower < upper, got -1 and -1"),
        ({"max_velocity": 0.0}, r"states no velocity limit for joint 'a' \(it says 0\)"),
        ({"max_velocity": -1.0}, "states no velocity limit"),
        ({"max_velocity": np.inf}, "states no velocity limit"),
        ({"max_velocity": np.nan}, "states no velocity limit"),
    ],
)
def test_what_a_joint_must_state(facts, message):
    with pytest.raises(RobotError, match=message):
        limits_of(robot(joint("a", "root", "l1", **facts)))


def test_a_joint_without_end_needs_no_limits():
    endless = {"lower": -np.inf, "upper": np.inf, "max_velocity": np.inf, "is_continuous": True}
    limits = limits_of(robot(joint("a", "root", "l1", **endless)))
    assert (limits.lower[0], limits.upper[0], limits.max_velocity[0]) == (-np.inf, np.inf, np.inf)


def test_rest_is_near_zero_or_what_the_yaml_says():
    description = robot(
        joint("a", "root", "l1"), joint("b", "l1", "l2", lower=0.5), joint("c", "l2", "l3")
    )
    names = ("a", "b", "c")
    limits = limits_of(description)
    assert joint_rest(description, {}, names, limits).tolist() == [0.0, 0.5, 0.0]
    sections = {"default": JointSection(rest=-0.75), "c": JointSection(rest=2.0)}
    # The default is held to each joint's own limits, a joint's own value is not.
    assert joint_rest(description, sections, names, limits).tolist() == [-0.75, 0.5, 2.0]
    for wrong in (2.01, -1.01):
        with pytest.raises(RobotError, match=f"joints.c.rest is {wrong:g}, outside the limits"):
            joint_rest(description, {"c": JointSection(rest=wrong)}, names, limits)


def test_joints_between_root_and_base_are_held():
    description = robot(
        joint("lift", "root", "l1", lower=0.3),
        joint("fix", "l1", "l2", kind="fixed"),
        joint("a", "l2", "l3"),
    )
    assert locked_joints(description, {}, "l2") == {"lift": 0.3}
    assert locked_joints(description, {"lift": JointSection(rest=1.5)}, "l2") == {"lift": 1.5}
    assert locked_joints(description, {"lift": JointSection(rest=9.0)}, "l2") == {"lift": 2.0}
    sections = {"lift": JointSection(fixed=1.0), "a": JointSection(fixed=0.25)}
    locked = locked_joints(description, sections, "root")
    assert locked == {"lift": 1.0, "a": 0.25}
    with pytest.raises(RobotError, match="has no joint left to move"):
        free_joints(description, locked)
    assert free_joints(description, {"lift": 1.0}) == ("a",)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"default": JointSection(fixed=0.0)}, "name the joints that are to be locked"),
        ({"b": JointSection(fixed=0.0)}, "it follows another joint; fix 'a' instead"),
        ({"knee": JointSection()}, "has no movable joint 'knee'; it has 'a', 'b'"),
    ],
)
def test_what_cannot_be_held_is_refused(sections, message):
    with pytest.raises(RobotError, match=message):
        locked_joints(chain(), sections, "root")


@pytest.mark.parametrize(
    ("value", "is_refused"), [(0.7504, False), (0.7506, True), (-0.7504, False), (-0.7506, True)]
)
def test_a_held_joints_follower_may_be_a_thousandth_outside(value, is_refused):
    # 2 x + 0.5 within -1 to 2, a thousandth forgiven: x within -0.7505 to 0.7505.
    description = chain(lower=-1.0, upper=2.0)
    other = joint("z", "l2", "l3")
    description = robot(*description.joints.values(), other)
    if is_refused:
        with pytest.raises(RobotError, match=rf"'a' is locked at {value:g}, which puts 'b', its"):
            limits_of(description, locked={"a": value})
    else:
        assert limits_of(description, locked={"a": value}).lower.tolist() == [-1.0]
