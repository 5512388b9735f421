from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion import read_motion
from rotoscope.pipeline.motion.motion import Motion
from rotoscope.pipeline.motion.normalize import LEG_M, leg_length
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES

pytestmark = pytest.mark.realdata

RIGID = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))


def joint(motion: Motion, name: str) -> np.ndarray:
    return motion.joints_m[:, BODY_JOINTS.index(name)]


def spreads_m(motion: Motion) -> list[float]:
    return [
        float(np.linalg.norm(joint(motion, f"{s}_{a}") - joint(motion, f"{s}_{b}"), axis=1).std())
        for s in SIDES
        for a, b in RIGID
    ]


@pytest.mark.parametrize(
    ("name", "frames", "rate_hz", "source", "up"),
    [
        ("aitviewer/sample.bvh", 1300, 40.0, "bvh, xsens names", "y"),
        ("mocap_fairmotion/11_01.amc", 597, 120.0, "amc, cmu names", "y"),
        ("pyroki/humanoid/smpl_keypoints.npy", 122, 30.0, "npy, SMPL with vertices joints", "z"),
        (
            "aitviewer/glamr/running_seed1.pkl",
            203,
            30.0,
            "pkl, SMPL parameters, bone lengths of a mean person",
            "z",
        ),
    ],
)
def test_person_stands_upright_in_meters_with_rigid_limbs_and_feet_ahead(
    shared_data: Path, name: str, frames: int, rate_hz: float, source: str, up: str
) -> None:
    motion = read_motion(shared_data / name)
    assert len(motion.time_s) == frames
    assert motion.rate_hz == pytest.approx(rate_hz)
    assert (motion.source, motion.up) == (source, up)
    assert LEG_M[0] < leg_length(motion.joints_m) < LEG_M[1]
    assert max(spreads_m(motion)) < 1e-5
    head_m = joint(motion, "head")[:, 2] - joint(motion, "pelvis")[:, 2]
    assert 0.4 < np.median(head_m) < 0.9
    left = joint(motion, "left_hip") - joint(motion, "right_hip")
    forward = np.cross(left, joint(motion, "neck") - joint(motion, "pelvis"))
    feet = joint(motion, "left_toe") - joint(motion, "left_ankle")
    assert (np.sum(forward * feet, axis=1) > 0).mean() > 0.8


def test_foot_that_the_file_says_stands_alone_is_slower_than_the_other(shared_data: Path) -> None:
    motion = read_motion(shared_data / "pyroki/humanoid/smpl_keypoints.npy")
    assert motion.contact is not None
    speed = [
        np.linalg.norm(np.gradient(joint(motion, f"{side}_ankle"), motion.time_s, axis=0), axis=1)
        for side in SIDES
    ]
    for side, other in ((0, 1), (1, 0)):
        alone = motion.contact[:, side] & ~motion.contact[:, other]
        assert np.median(speed[side][alone]) < 0.7 * np.median(speed[other][alone])


@pytest.mark.parametrize("name", ["aitviewer/sample.bvh", "mocap_fairmotion/11_01.amc"])
def test_knees_bend_as_knees_do(shared_data: Path, name: str) -> None:
    motion = read_motion(shared_data / name)
    left = joint(motion, "left_hip") - joint(motion, "right_hip")
    for side in SIDES:
        thigh = joint(motion, f"{side}_knee") - joint(motion, f"{side}_hip")
        shank = joint(motion, f"{side}_ankle") - joint(motion, f"{side}_knee")
        lengths = [np.linalg.norm(v, axis=1) for v in (thigh, shank, left)]
        flexion = np.arcsin(
            np.sum(np.cross(thigh, shank) * left, axis=1) / np.prod(lengths, axis=0)
        )
        # The person of the BVH file overstretches the left knee by 11 degrees.
        assert np.degrees(flexion.min()) > -12
        assert np.degrees(flexion.max()) > 55


def test_skeleton_that_is_no_person_is_refused(shared_data: Path) -> None:
    with pytest.raises(MotionError, match="not found among 'base', 'child1'"):
        read_motion(shared_data / "mocap_fairmotion/sinusoidal.bvh")


def test_robot_motion_in_a_pickle_of_joblib_is_refused_as_one(shared_data: Path) -> None:
    with pytest.raises(MotionError, match=r"a robot's motion \(dof \(175, 23\)\)"):
        read_motion(shared_data / "g1_motions_pbhc/Hooks_punch.pkl")
