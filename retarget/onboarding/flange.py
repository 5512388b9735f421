"""Where an arm without a gripper ends, and which way that is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.arm_chain import ArmChain
from rotoscope.retarget.onboarding.fingertips import Poses
from rotoscope.retarget.onboarding.names import words
from rotoscope.retarget.onboarding.skeleton import Part, Skeleton

TOOL_WORDS = {"tool", "tcp", "ee", "eef", "flange", "grasp", "effector", "pinch"}
"""Words by which files call the frame of a tool."""
SHORT_M = 0.03
"""A tool's frame nearer to the last joint says nothing about where the hand points [m]."""
SLENDER = 2.0
"""A last part that reaches so many times farther across its joint than along is bent by it."""


def flange(
    skeleton: Skeleton, chain: ArmChain
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """Direction out of the last part, in its first link, and where the part ends [m].

    That is along the last joint where it rolls the wrist, and away from it where it bends it.
    """
    part = skeleton.parts[chain.end]
    T = skeleton.poses(skeleton.rest)
    assert part.joint is not None
    axis, anchor = part.joint.axis, part.joint.anchor_m
    inverse = se3.inverse(T[part.links[0]])
    frames = [inverse @ T[link] for link in part.links]
    points = np.concatenate([_points(skeleton, part, T), [frame[:3, 3] for frame in frames]])
    named = [f for f, n in zip(frames[1:], part.links[1:], strict=True) if _is_tool(n)]
    tool = named[-1][:3, 3] - anchor if named else None
    approach = _away(points - anchor, axis, tool)
    if approach is None:
        behind = se3.apply(inverse, skeleton.anchor(part.parent, T)[None])[0]
        parent = _points(skeleton, skeleton.parts[part.parent], T)
        center = se3.apply(inverse @ T[skeleton.entry(part.parent)], parent).mean(axis=0)
        # What tells which way is out, the surest first.
        hints = [points.mean(axis=0) - center, anchor - behind]
        if tool is not None:
            hints = [tool, named[-1][:3, 2], *hints]
        out = next((h for h in hints if abs(float(h @ axis)) > 0.3 * np.linalg.norm(h) > 0), axis)
        approach = axis * (1.0 if float(out @ axis) >= 0 else -1.0)
    end = float(((points - anchor) @ approach).max())
    return approach, anchor + max(end, 0.0) * approach


def _is_tool(link: str) -> bool:
    return bool(TOOL_WORDS & set(words(link)))


def _points(skeleton: Skeleton, part: Part, T: Poses) -> Float[np.ndarray, "point 3"]:
    """Corners of a part in its first link, its links' origins where it has none [m]."""
    inverse = se3.inverse(T[part.links[0]])
    drawn = [
        se3.apply(inverse @ T[link], skeleton.surface[link])
        for link in part.links
        if len(skeleton.surface.get(link, ()))
    ]
    return np.concatenate(drawn) if drawn else np.zeros((1, 3))


def _away(
    points: Float[np.ndarray, "point 3"],
    axis: Float[np.ndarray, " 3"],
    tool: Float[np.ndarray, " 3"] | None,
) -> Float[np.ndarray, " 3"] | None:
    """Away from a last joint that bends the wrist; `None` where it rolls it.

    Args:
        points: Corners of the last part, from a point of the joint's axis [m].
        axis: Unit axis of the joint.
        tool: A tool's frame, from that point [m].
    """
    if tool is not None and np.linalg.norm(tool) > SHORT_M:
        across = tool - (tool @ axis) * axis
        is_bent = np.linalg.norm(across) > 0.7 * np.linalg.norm(tool)
    else:
        middle = points.mean(axis=0)
        across = middle - (middle @ axis) * axis
        if np.linalg.norm(across) < 1e-3:
            return None
        reach = float((points @ across).max()) / float(np.linalg.norm(across))
        is_bent = reach > max(SLENDER * float(np.abs(points @ axis).max()), SHORT_M)
    return np.asarray(across / np.linalg.norm(across)) if is_bent else None
