"""Balance: a humanoid which hardly moves has its center of mass over its feet."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.tracks import SIDES, Side
from rotoscope.retarget.description.links import Description
from rotoscope.retarget.ground.foot_speeds import slopes
from rotoscope.retarget.humanoid.human_skeleton import HumanMotion
from rotoscope.retarget.humanoid.support_polygon import convex_hull, edges_of
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.optimize.one_sided import BalanceCost
from rotoscope.retarget.robots.robot import HumanoidRobot

LIGHT_SHARE = 0.004
"""Links with less of the robot's mass than this are left out."""
STILL_M_S = 0.15
"""Speed of the hips at which the weight is 1/4 [m/s]: who walks is not balanced at any moment, and
need not be."""
WINDOW_S = 0.2
"""Speeds are slopes of straight lines through this much time [s]."""


def mass_frames(description: Description) -> tuple[dict[str, Frame], Float[np.ndarray, " link"]]:
    """A frame at the center of mass of each link that weighs something, and its share of all."""
    total = sum(mass.kg for mass in description.masses.values())
    heavy = {n: m for n, m in description.masses.items() if total and m.kg >= LIGHT_SHARE * total}
    frames = {f"mass.{name}": Frame.at(name, mass.center_m) for name, mass in heavy.items()}
    kg = np.array([mass.kg for mass in heavy.values()])
    return frames, kg / max(kg.sum(), 1e-9)


def center_of_links(
    robot: HumanoidRobot,
    joints: Float[np.ndarray, "time joint"],
    root_m: Float[np.ndarray, "time 3"],
    root_R: Float[np.ndarray, "time 3 3"],
) -> Float[np.ndarray, "time 3"]:
    """Center of mass of a robot whose file says what its links weigh, in the world [m].

    Args:
        robot: The robot.
        joints: Its joint values [rad or m].
        root_m: Its root link in the world [m].
        root_R: That link's rotation.
    """
    masses = robot.description.masses
    tree = robot.tree([Frame.at(name, mass.center_m) for name, mass in masses.items()])
    kg = np.array([mass.kg for mass in masses.values()])
    in_root = (tree.forward_kinematics(joints).p_m * kg[:, None]).sum(axis=1) / kg.sum()
    com: np.ndarray = (root_R @ in_root[:, :, None])[..., 0] + root_m
    return com


def stillness(person: HumanMotion) -> Float[np.ndarray, " time"]:
    """1 where the hips rest, falling to 0 as they move; 0 where they are not seen."""
    time_s = person.time_s
    interval_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
    half = max(1, round(0.5 * WINDOW_S / interval_s))
    velocity = slopes(person.joint("pelvis"), time_s, half)
    speed = np.linalg.norm(velocity[:, :2], axis=1)
    still = 1.0 / (1.0 + (speed / STILL_M_S) ** 2) ** 2
    return np.where(np.isfinite(speed), still, 0.0)


def balance_cost(
    frame_ids: list[int],
    share: Float[np.ndarray, " link"],
    corners_m: Mapping[Side, Float[np.ndarray, "time corner 2"]],
    contact: Bool[np.ndarray, "time 2"],
    still: Float[np.ndarray, " time"],
    *,
    margin_m: float,
    sigma_m: float,
) -> BalanceCost:
    """The cost for the solver.

    Args:
        frame_ids: Numbers of the frames of `mass_frames`.
        share: What each weighs, over all.
        corners_m: Corners of each sole where it stands, seen from above [m].
        contact: The left, the right foot stands.
        still: Weight of each frame.
        margin_m: How far inside the support the center of mass is wanted [m].
        sigma_m: 1-sigma [m].
    """
    frames, num_edges = len(contact), sum(c.shape[1] for c in corners_m.values())
    normal, offset = np.zeros((frames, num_edges, 2)), np.zeros((frames, num_edges))
    known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    for t in np.flatnonzero(contact.any(axis=1)):
        points = np.concatenate([corners_m[s][t] for k, s in enumerate(SIDES) if contact[t, k]])
        key = points.tobytes()
        if key not in known:
            known[key] = edges_of(convex_hull(points), margin_m)
        edges, distance = known[key]
        normal[t, : len(edges)], offset[t, : len(edges)] = edges, distance
    return BalanceCost(frame_ids, share, normal, offset, still * contact.any(axis=1), sigma_m)
