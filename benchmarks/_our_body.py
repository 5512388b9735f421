"""A person's joints through the stages `ground` and `retarget.humanoid`, onto the G1."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.testing import a_motion_file
from rotoscope.pipeline.tracks import ActionTrack, BodyTrack, FeatureTrack
from rotoscope.pipeline.types import Clip, Video
from rotoscope.retarget.ground.stage import Ground, GroundConfig
from rotoscope.retarget.humanoid.stage import RetargetHumanoid, RetargetHumanoidConfig

SUBJECT = "person0"


@dataclass(frozen=True, eq=False)
class OurBody:
    """What the stages made of a person."""

    joint_names: tuple[str, ...]
    """The robot's joints, in order."""
    qpos: Float[np.ndarray, "time position"]
    """Root position, quaternion wxyz, joints, in the world; NaN where nothing is known."""
    T_world_source: Float[np.ndarray, "4 4"]
    """Source frame of the person in that world."""
    contact: Bool[np.ndarray, "time 2"]
    """The person's left, right foot stands."""
    valid: Bool[np.ndarray, " time"]
    """Frames that the stage calls good."""
    taken_ms: float
    """CPU time of both stages per frame [ms]."""


def our_body(
    joints_m: Float[np.ndarray, "time 21 3"],
    time_s: Float[np.ndarray, " time"],
    *,
    contact: Bool[np.ndarray, "time 2"] | None = None,
) -> OurBody:
    """Retargets `BODY_JOINTS` of a source with z up; the robot's files are read beforehand.

    Args:
        joints_m: The person's joints; NaN for what the source does not have.
        time_s: Frame times.
        contact: The source's own contacts; found where there are none.
    """
    ground, humanoid = Ground(GroundConfig()), RetargetHumanoid(RetargetHumanoidConfig())
    ground.setup()
    humanoid.setup()
    frames = np.ones(len(time_s), bool)
    body = BodyTrack(SUBJECT, frames.astype(float), frames, joints_m=joints_m, contact=contact)
    clip = Clip(_no_video(time_s), 0, time_s)
    start_s = time.process_time()
    tracks: Tracks = {"body": body}
    tracks |= ground.run(clip, tracks)
    made = humanoid.run(clip, tracks)
    taken_ms = 1e3 * (time.process_time() - start_s) / len(time_s)
    standing, action = tracks["body"], made[f"actions.{humanoid.kind}.{SUBJECT}"]
    root = made.get(f"features.root_pose.{SUBJECT}")
    assert isinstance(standing, BodyTrack)
    assert standing.T_world_source is not None
    assert isinstance(action, ActionTrack)
    assert root is None or isinstance(root, FeatureTrack)
    root_pose = np.full((len(time_s), 6), np.nan) if root is None else root.values
    assert standing.contact is not None
    return OurBody(
        joint_names=humanoid.robot.joint_names,
        qpos=_qpos(root_pose, action.values),
        T_world_source=standing.T_world_source,
        contact=standing.contact,
        valid=action.valid,
        taken_ms=taken_ms,
    )


def _qpos(root_pose: np.ndarray, angles_rad: np.ndarray) -> np.ndarray:
    quaternion = se3.quat_from_matrix(se3.exp_so3(root_pose[:, 3:]))
    return np.concatenate([root_pose[:, :3], quaternion, angles_rad], axis=1)


def _no_video(time_s: np.ndarray) -> Video:
    """A motion file's facts; the stages look at none of them."""
    duration_s = float(time_s[-1] - time_s[0])
    return a_motion_file(len(time_s), rate_hz=len(time_s) / max(duration_s, 1e-9))
