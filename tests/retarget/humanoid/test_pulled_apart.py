"""Humanoids whose person would put a part of them into another, or into the ground."""

from pathlib import Path

import numpy as np
import pytest
from walkers import body_of, followed, on_ground, walker, write_armed_humanoid

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS, REASONS, ActionTrack
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import TOLERANCE_OVERLAP_M, Overlap, overlap_of
from rotoscope.retarget.humanoid.follow_person import follow_person
from rotoscope.retarget.humanoid.human_skeleton import human_motion_of
from rotoscope.retarget.robots.robot import HumanoidRobot, load_humanoid

ACROSS = np.array([0.0, 1.0, -0.2]) / np.linalg.norm([0.0, 1.0, -0.2])
"""Where the right forearm of somebody points who holds their own chest, sides mirrored for left."""


@pytest.fixture(scope="module")
def robot_file(tmp_path_factory) -> Path:
    return write_armed_humanoid(tmp_path_factory.mktemp("humanoid"))


@pytest.fixture(scope="module")
def robot(robot_file) -> HumanoidRobot:
    return load_humanoid(str(robot_file))


@pytest.fixture(scope="module")
def shapes(robot) -> CollisionModel:
    return CollisionModel(robot)


def hugging(joints_m: np.ndarray) -> np.ndarray:
    """The same person with both forearms across, through where a stiff chest would be."""
    out = joints_m.copy()
    for side, m in (("left", -1.0), ("right", 1.0)):
        place = {j: BODY_JOINTS.index(f"{side}_{j}") for j in ("shoulder", "elbow", "wrist")}
        down = np.array([0.0, 0.2 * m, -1.0])
        out[:, place["elbow"]] = out[:, place["shoulder"]] + 0.28 * down / np.linalg.norm(down)
        out[:, place["wrist"]] = out[:, place["elbow"]] + 0.25 * ACROSS * [1.0, m, 1.0]
    return out


def overlap(robot: HumanoidRobot, shapes: CollisionModel, motion) -> Overlap:
    T = se3.make(motion.root_R, motion.root_m)
    floor = np.zeros(len(motion.joints))
    return overlap_of(shapes, motion.joints, T_world_root=T, floor_m=floor)


def test_links_that_a_motion_puts_into_each_other_are_pulled_apart(robot, shapes):
    person = walker(num_strides=2)
    frames = slice(10, 50)
    joints, time_s = hugging(person.joints_m[frames]), np.arange(40) / 30
    motion_of = human_motion_of(joints, time_s, np.ones(40, bool))
    contact = person.contact[frames]
    before = follow_person(robot, motion_of, contact)
    assert overlap(robot, shapes, before).itself_m.max() > 2 * TOLERANCE_OVERLAP_M
    after = follow_person(robot, motion_of, contact, shapes=shapes)
    found = overlap(robot, shapes, after)
    assert found.itself_m.max() <= TOLERANCE_OVERLAP_M
    np.testing.assert_allclose(after.overlap_m, found.itself_m, atol=1e-9)
    legs = [i for i, name in enumerate(robot.joint_names) if "hip" in name or "knee" in name]
    assert np.abs(after.joints[:, legs] - before.joints[:, legs]).max() < 0.35


def test_what_stays_inside_is_not_valid_and_says_so(robot_file, shapes, monkeypatch):
    monkeypatch.setattr("rotoscope.retarget.collision.resolve.MAX_ROUNDS", 0)
    person = walker(num_strides=2)
    joints, time_s = hugging(person.joints_m[10:50]), np.arange(40) / 30
    tracks = on_ground(time_s, body_of(joints))
    made = followed(robot_file, time_s, tracks)
    actions = made["actions.retarget.humanoid.person0"]
    assert isinstance(actions, ActionTrack)
    solver = made["features.solver.person0"]
    deep_mm = solver.values[:, solver.names.index("overlap_mm")]
    assert (deep_mm[actions.valid] <= 10.0).all()
    assert (actions.reason == REASONS.index("collision")).any()
