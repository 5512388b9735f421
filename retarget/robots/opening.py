"""How far a gripper's fingers are apart, as a function of its joints, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.links import Description
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.robots.config import ArmConfig

NUM_STEPS = 1024
"""Parts that the way from closed to open is cut into: between two of them the opening of a jaw
differs from a straight line by less than a micrometer."""
ROUNDING_M = 1e-5
"""So much nearer may fingertips come in a step [m]: where they meet, files round the joints."""
MAX_DISAGREEMENT_M = 2e-3
"""How far `max_opening_m` may be from what the fingertips say [m]: data sheets round."""


@dataclass(frozen=True, eq=False)
class OpeningTable:
    """Openings along the way of a gripper's joints from closed to open."""

    share: Float[np.ndarray, " step"]
    """Share of the way, 0 to 1; all joints move along it together."""
    opening_m: Float[np.ndarray, " step"]
    """Distance between the fingertips, less that when closed [m]; it only grows."""

    def share_at(self, opening01: float) -> float:
        """Share of the way at which the opening is this share of the full one."""
        wanted = np.clip(opening01, 0.0, 1.0) * self.opening_m[-1]
        return float(np.interp(wanted, self.opening_m, self.share))

    def opening_at(self, share: float) -> float:
        """Share of the full opening at a share of the way."""
        at_m = float(np.interp(np.clip(share, 0.0, 1.0), self.share, self.opening_m))
        return at_m / float(self.opening_m[-1])


def opening_table(config: ArmConfig, description: Description) -> OpeningTable:
    """The openings that a gripper's fingertips have by forward kinematics.

    Without fingertips in the YAML file the opening is proportional to the way of the joints.

    Raises:
        RobotError: The fingertips come nearer to each other on the way, or end at another distance
            than `max_opening_m` says, or a joint that is not named moves them.
    """
    gripper = config.gripper
    share = np.linspace(0.0, 1.0, NUM_STEPS + 1)
    if gripper.tips is None:
        return OpeningTable(share, share * gripper.max_opening_m)
    distance_m = _tip_distance(config, description, share)
    opening_m = distance_m - distance_m[0]
    if not (np.diff(opening_m) > -ROUNDING_M).all():
        where = int(np.argmin(np.diff(opening_m)))
        raise RobotError(
            f"{description.path}: between closed and open, at {share[where]:.0%} of the way, the "
            "fingertips of `gripper.tips` do not move apart; `gripper.joints` must give each joint "
            "[closed, open], such that the fingers open all the way"
        )
    if abs(opening_m[-1] - gripper.max_opening_m) > MAX_DISAGREEMENT_M:
        raise RobotError(
            f"{description.path}: the fingertips of `gripper.tips` are {opening_m[-1]:.4f} m "
            f"further apart open than closed, but gripper.max_opening_m is "
            f"{gripper.max_opening_m:g}; write {opening_m[-1]:.4f}, or other tips or joint values"
        )
    # Strictly upwards, so that it can be read both ways.
    return OpeningTable(share, np.maximum.accumulate(opening_m) + 1e-12 * np.arange(len(share)))


def _tip_distance(
    config: ArmConfig, description: Description, share: Float[np.ndarray, " step"]
) -> Float[np.ndarray, " step"]:
    ends = config.gripper.joints
    assert config.gripper.tips is not None
    names = tuple(ends)
    others = {
        joint.name: float(np.clip(0.0, joint.lower, joint.upper))
        for joint in description.joints.values()
        if joint.kind != "fixed" and joint.mimic is None and joint.name not in ends
    }
    tree = KinematicTree(
        description,
        columns=names,
        locked=others,
        frames=[Frame.at(tip.link, tip.offset_m) for tip in config.gripper.tips],
    )
    closed, open_ = (np.array([ends[name][k] for name in names]) for k in (0, 1))
    tips = tree.forward_kinematics(closed + share[:, None] * (open_ - closed)).p_m
    return np.asarray(np.linalg.norm(tips[:, 1] - tips[:, 0], axis=1))
