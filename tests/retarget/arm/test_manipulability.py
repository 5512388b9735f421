"""How easy a pose is to hold: the least of room, dexterity and speed to spare."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import jaxtyping
import numpy as np
import pytest

from rotoscope.retarget.arm.manipulability import manipulability
from rotoscope.retarget.arm.task import TASKS
from rotoscope.retarget.robots.rank import what_follows

LEVER_M = TASKS["pose"].lever_m
STILL = np.zeros((1, 6))
SLIDES = np.eye(6)[None]
"""Jacobian of an arm whose six joints move the hand along and about one axis each."""


@dataclass
class Arm:
    """What is asked of a robot: limits, and its Jacobian at home."""

    J_home: np.ndarray = field(default_factory=lambda: SLIDES)
    max_velocity: np.ndarray = field(default_factory=lambda: np.full(6, 2.0))
    lower: np.ndarray = field(default_factory=lambda: np.full(6, -1.0))
    upper: np.ndarray = field(default_factory=lambda: np.full(6, 3.0))
    home: np.ndarray = field(default_factory=lambda: np.full(6, 1.0))

    rank: int = 6

    @property
    def follows(self):
        return what_follows(self.rank)

    def pose(self, joints, *, jacobian):
        return SimpleNamespace(J=self.J_home)


@pytest.fixture(autouse=True)
def shapes_unchecked():
    """The stand-in is no `Robot`."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def ease(*, arm=None, joints=None, J=SLIDES, twist=STILL):
    joints = np.full((1, 6), 1.0) if joints is None else joints
    return float(manipulability(arm or Arm(), joints, J, twist)[0])


def test_in_the_middle_at_home_and_at_rest_nothing_is_easier():
    assert ease() == 1.0


@pytest.mark.parametrize("end", ["lower", "upper"])
@pytest.mark.parametrize(("share", "room"), [(0.0, 0.0), (0.03, 0.2), (0.12, 0.8), (-0.1, 0.0)])
@pytest.mark.parametrize("joint", [0, 5])
def test_room_grows_over_fifteen_hundredths_of_the_range(end, share, room, joint):
    joints = np.full((1, 6), 1.0)
    joints[0, joint] = -1.0 + 4.0 * share if end == "lower" else 3.0 - 4.0 * share
    assert ease(joints=joints) == pytest.approx(room, abs=1e-9)


def test_dexterity_is_the_least_singular_value_over_that_at_home():
    rng = np.random.default_rng(0)
    home, J = rng.normal(size=(2, 1, 6, 6))
    scale = np.array([1, 1, 1, LEVER_M, LEVER_M, LEVER_M])[:, None]
    least = [np.linalg.svd(scale * M[0], compute_uv=False)[-1] for M in (J, home)]
    share = min(least) / max(least)
    found = [ease(arm=Arm(a), J=b) for a, b in ((home, J), (J, home))]
    assert sorted(found) == pytest.approx([share, 1.0], rel=1e-6)
    assert ease(J=0.3 * SLIDES) == pytest.approx(0.3, rel=1e-6)
    assert ease(arm=Arm(0.0 * SLIDES), J=1e-7 * SLIDES) == pytest.approx(0.1 * LEVER_M, rel=1e-3)


def test_direction_that_an_arm_never_moves_in_does_not_count_against_it():
    five = SLIDES.copy()
    five[0, 5, 5] = 0.0
    assert ease(arm=Arm(five, rank=5), J=five) == pytest.approx(1.0)
    slow = five.copy()
    slow[0, 4, 4] = 0.2
    assert ease(arm=Arm(five, rank=5), J=slow) == pytest.approx(0.2)


@pytest.mark.parametrize(("speed", "spare"), [(0.5, 0.75), (-1.5, 0.25), (2.5, 0.0)])
def test_speed_to_spare_is_what_the_fastest_joint_has_left(speed, spare):
    # Joints of 2 a second; the damping of the inverse, 1e-4, takes as much of the rate.
    twist = np.array([[0.1, speed, 0.0, 0.2, 0.0, 0.0]])
    assert ease(twist=twist) == pytest.approx(spare, abs=2e-4)


def test_rates_are_those_of_the_damped_pseudo_inverse():
    rng = np.random.default_rng(1)
    J, twist = rng.normal(size=(1, 6, 7)), 0.05 * rng.normal(size=(1, 6))
    rate = J[0].T @ np.linalg.inv(J[0] @ J[0].T + 1e-4 * np.eye(6)) @ twist[0]
    limit = 2.0 * np.abs(rate).max()
    arm = Arm(1e-9 * J, np.full(7, limit), np.full(7, -1.0), np.full(7, 3.0), np.full(7, 1.0))
    found = ease(arm=arm, joints=np.full((1, 7), 1.0), J=J, twist=twist)
    assert found == pytest.approx(0.5, rel=1e-9)
