"""How a humanoid stands at rest: knees a little bent, arms hanging, soles flat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import SIDES
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.onboarding.body import Body, Limb
from rotoscope.retarget.onboarding.skeleton import Skeleton

KNEE_RAD = 0.3
"""Bend of the knees: where a leg is straight, a knee cannot tell forwards from backwards."""
ELBOW_RAD = 0.5
"""Bend of the elbows, for the same reason."""
ASIDE_RAD = 0.15
"""How far the arms hang off the body."""
NEAR_ZERO = 0.03
"""Weight of a joint's angle beside that of a bone: what turns nothing stays at zero."""
MARGIN = 0.02
"""Joints keep this far from their limits, as a share of their range."""

Ranges = dict[str, tuple[float, float]]


def standing(skeleton: Skeleton, body: Body, ranges: Ranges) -> dict[str, float]:
    """Values of the joints of arms and legs in that pose [rad or m].

    Args:
        skeleton: The robot's parts.
        body: Its limbs.
        ranges: Position limits of its independent joints.
    """
    out: dict[str, float] = {}
    s, c = np.sin(0.5 * KNEE_RAD), np.cos(0.5 * KNEE_RAD)
    for side in SIDES:
        out |= _posed(skeleton, body, body.legs[side], ranges, ((s, 0, -c), (-s, 0, -c)), True)
        aside = (1 if side == "left" else -1) * np.sin(ASIDE_RAD)
        arm = (0.0, aside, -1.0), (np.sin(ELBOW_RAD), aside, -np.cos(ELBOW_RAD))
        out |= _posed(skeleton, body, body.arms[side], ranges, arm, False)
    return out


def _posed(
    skeleton: Skeleton,
    body: Body,
    limb: Limb,
    ranges: Ranges,
    ways: tuple[tuple[float, float, float], tuple[float, float, float]],
    is_flat: bool,
) -> dict[str, float]:
    names = []
    for part in limb.parts[: limb.bend.end + 1]:
        joint = skeleton.parts[part].joint
        if joint is None:
            continue
        master = skeleton.description.resolve_mimic(joint.name).joint
        if master in ranges and master not in names:
            names.append(master)
    if not names:
        return {}
    low, high = np.array([ranges[name] for name in names]).T
    low, high = low + MARGIN * (high - low), high - MARGIN * (high - low)
    away = _errors(skeleton, body, limb, names, ways, is_flat)
    start = np.clip(np.array([skeleton.rest[name] for name in names]), low, high)
    found = least_squares(away, start, bounds=(low, high), max_nfev=30)
    return {name: float(value) for name, value in zip(names, found.x, strict=True)}


def _errors(
    skeleton: Skeleton,
    body: Body,
    limb: Limb,
    names: list[str],
    ways: tuple[tuple[float, float, float], tuple[float, float, float]],
    is_flat: bool,
) -> Callable[[Float[np.ndarray, " joint"]], Float[np.ndarray, " error"]]:
    wanted = [unit(np.array(way, float)) for way in ways]
    last = skeleton.entry(limb.last)
    at_zero = body.T[last][:3, :3]
    end = at_zero.T @ (limb.bend.end_m - body.T[last][:3, 3])
    # All seen from what the limb hangs on, which stands still.
    still, *links = (
        skeleton.entry(part)
        for part in (skeleton.parts[limb.parts[0]].parent, limb.first, limb.middle, limb.last)
    )
    tree = KinematicTree(
        skeleton.description,
        columns=skeleton.free,
        locked={},
        frames=[Frame.at(link) for link in links],
        root=still,
    )
    T_still = body.T[still]
    columns = [skeleton.free.index(name) for name in names]
    values = np.array([[skeleton.rest[name] for name in skeleton.free]])

    def errors(x: Float[np.ndarray, " joint"]) -> Float[np.ndarray, " error"]:
        values[0, columns] = x
        reached = tree.forward_kinematics(values)
        R, p = T_still[:3, :3] @ reached.R[0], reached.p_m[0] @ T_still[:3, :3].T + T_still[:3, 3]
        tip = R[2] @ end + p[2]
        out = [unit(p[1] - p[0]) - wanted[0], unit(tip - p[1]) - wanted[1]]
        if is_flat:
            turned = R[2] @ at_zero.T
            out.append(np.array([turned[0, 2], turned[1, 2], turned[1, 0]]))
        return np.concatenate([*out, NEAR_ZERO * x])

    return errors
