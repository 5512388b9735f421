"""Hinges, slides, and what is neither or cannot be told."""

import numpy as np
import pytest

from rotoscope.models.object_pose.joints import joint
from rotoscope.pipeline.geometry import se3

NUM = 30
AXIS = np.array([0.2, -0.9, 0.1]) / np.linalg.norm([0.2, -0.9, 0.1])
POINT = np.array([0.3, 0.0, 0.9])
START = se3.make(se3.exp_so3(np.array([0.3, 0.5, -0.2])), np.array([0.1, 0.05, 0.8]))
OPENS = np.clip((np.arange(NUM) - 6) / 18, 0, 1)
SIGMA = np.full(NUM, 0.01)


def noisy(T: np.ndarray, seed: int = 0) -> np.ndarray:
    rng, num = np.random.default_rng(seed), len(T)
    R = T[:, :3, :3] @ se3.exp_so3(rng.normal(0, 0.006, (num, 3)))
    return se3.make(R, T[:, :3, 3] + rng.normal(0, 0.001, (num, 3)))


def hinged(deg: float) -> np.ndarray:
    R = se3.exp_so3(np.radians(deg) * OPENS[:, None] * AXIS)
    return noisy(se3.make(R, POINT - R @ POINT) @ START)


def slid(way_m: float) -> np.ndarray:
    return noisy(se3.make(np.tile(np.eye(3), (NUM, 1, 1)), way_m * OPENS[:, None] * AXIS) @ START)


@pytest.mark.parametrize("deg", [20.0, -80.0])
def test_hinge_is_found_with_its_line_and_range(deg: float) -> None:
    found = joint(hinged(deg), SIGMA, 0.08)
    assert found.kind == "revolute"
    # The axis is the one about which it opens in the positive sense.
    assert np.degrees(np.arccos(found.axis @ (np.sign(deg) * AXIS))) < 2
    assert np.linalg.norm(np.cross(found.point_m - POINT, AXIS)) < 0.01
    assert np.degrees(found.high - found.low) == pytest.approx(abs(deg), abs=2)


def test_slide_is_found_with_its_direction_and_range() -> None:
    found = joint(slid(0.15), SIGMA, 0.08)
    assert found.kind == "prismatic"
    assert np.degrees(np.arccos(found.axis @ AXIS)) < 2
    assert found.high - found.low == pytest.approx(0.15, abs=0.005)
    assert np.isnan(found.point_m).all()


@pytest.mark.parametrize("T", [hinged(5.0), slid(0.03), slid(0.015)])
def test_too_little_motion_is_neither_hinge_nor_slide(T: np.ndarray) -> None:
    assert joint(T, SIGMA, 0.08).kind == "unknown"


def test_part_that_rests_is_still() -> None:
    assert joint(slid(0.0), SIGMA, 0.08).kind == "still"


def test_thing_that_is_carried_is_free() -> None:
    T = slid(0.2)
    T[:, :3, 3] += 0.1 * np.sin(np.pi * OPENS)[:, None] * [0, 0, 1.0]
    assert joint(T, SIGMA, 0.08).kind == "free"
    screw = hinged(60.0)
    screw[:, :3, 3] += 0.1 * OPENS[:, None] * AXIS
    assert joint(screw, SIGMA, 0.08).kind == "free"


def test_turn_that_its_sigma_doubts_is_no_hinge() -> None:
    assert joint(hinged(8.0), np.full(NUM, 0.15), 0.08).kind != "revolute"


def test_few_frames_tell_nothing() -> None:
    found = joint(hinged(60.0)[:5], SIGMA[:5], 0.08)
    assert (found.kind, found.why) == ("unknown", "its pose is known in 5 frames")


@pytest.mark.parametrize("seed", range(1))
def test_joint_is_the_same_seen_from_elsewhere(seed: int) -> None:
    rng = np.random.default_rng(seed)
    away = se3.make(se3.exp_so3(rng.uniform(-2, 2, 3)), rng.uniform(-1, 1, 3))
    here, there = joint(hinged(40.0), SIGMA, 0.08), joint(away @ hinged(40.0), SIGMA, 0.08)
    assert np.degrees(np.arccos(np.clip(there.axis @ (away[:3, :3] @ here.axis), -1, 1))) < 0.5
    assert there.high - there.low == pytest.approx(here.high - here.low, abs=0.005)
