"""What hangs on one part of a robot, seen in that part's frame while its joints move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.fingertips import FINGERTIP_M, Cloud, cloud
from rotoscope.retarget.onboarding.skeleton import Skeleton

SNAP_DEG = 25.0
"""An approach this near to the axis of the last joint of the arm is meant to be that axis."""
MIN_FINGER_M = 0.015
"""Fingers whose middle is nearer to their joints say nothing about where they point [m]."""
_AXES = np.eye(3)


@dataclass(frozen=True, eq=False)
class Way:
    """Where the joints of a gripper are closed and open."""

    closed: dict[str, float]
    """Values closed [rad or m]."""
    open: dict[str, float]
    """Values open [rad or m]."""

    def at(self, share: float) -> dict[str, float]:
        """Values at a share of the way, 0 closed to 1 open."""
        return {n: c + share * (self.open[n] - c) for n, c in self.closed.items()}

    def cut(self, start: float, end: float) -> Way:
        """The part of the way between two shares of it."""
        return Way(self.at(start), self.at(end))


class HandView:
    """Looks at what hangs on one part, in the frame of the part's first link."""

    def __init__(self, skeleton: Skeleton, hand: int) -> None:
        self.skeleton, self.hand = skeleton, hand
        self.children = skeleton.parts[hand].children
        below = [p for p in skeleton.below(hand) if p != hand]
        names = [j.name for p in below if (j := skeleton.parts[p].joint) is not None]
        masters = {skeleton.description.resolve_mimic(name).joint for name in names}
        self.joints = tuple(n for n in skeleton.free if n in masters)
        self._poses: dict[tuple[float, ...], Mapping[str, np.ndarray]] = {}

    def poses(self, values: Mapping[str, float]) -> Mapping[str, np.ndarray]:
        """Every link in the root link, the other joints at rest."""
        merged = {**self.skeleton.rest, **values}
        key = tuple(merged[name] for name in self.joints)
        if key not in self._poses:
            self._poses[key] = self.skeleton.poses(merged)
        return self._poses[key]

    def ends(self, name: str) -> tuple[float, float]:
        """Limits of a joint, a quarter turn or 20 cm where the file states none."""
        joint = self.skeleton.description.joints[name]
        widest = np.pi / 4 if joint.kind == "revolute" else 0.1
        is_stated = joint.lower < joint.upper
        lower = joint.lower if is_stated and np.isfinite(joint.lower) else -widest
        upper = joint.upper if is_stated and np.isfinite(joint.upper) else widest
        return float(max(lower, -np.pi)), float(min(upper, np.pi))

    def middle(self) -> dict[str, float]:
        """All joints in the middle of their ranges."""
        return {name: 0.5 * sum(self.ends(name)) for name in self.joints}

    def size_m(self) -> float:
        """How far the links reach from where they begin to hang [m]."""
        T = self.poses(self.middle())
        anchor = np.mean([self.skeleton.anchor(child, T) for child in self.children], axis=0)
        below = [p for child in self.children for p in self.skeleton.below(child)]
        return float(max(np.linalg.norm(T[self.skeleton.entry(p)][:3, 3] - anchor) for p in below))

    def seen(self, parts: list[int], values: Mapping[str, float]) -> Cloud:
        """Surface points of some parts, in the frame of the hand's first link."""
        T = self.poses(values)
        return cloud(self.skeleton, parts, T, T[self.skeleton.entry(self.hand)])

    def approach(self, branches: list[list[int]]) -> Float[np.ndarray, " 3"]:
        """From the arm's last joint to the middle of the fingers, along that joint where near.

        Where that joint bends the wrist, a gripper may hang beside it: its own fingers tell then.
        """
        middle = self.middle()
        clouds = [self.seen(branch, middle).points for branch in branches]
        ends = [0.5 * (p.min(axis=0) + p.max(axis=0)) for p in clouds]
        found = self.snapped(np.mean(ends, axis=0))
        joint = self.skeleton.parts[self.hand].joint
        if joint is None or abs(float(found @ joint.axis)) > 0.999:
            return found
        T = self.poses(middle)
        inverse = se3.inverse(T[self.skeleton.entry(self.hand)])
        roots = [se3.apply(inverse, self.skeleton.anchor(b[0], T)[None])[0] for b in branches]
        own = np.sum(np.array(ends) - np.array(roots), axis=0)
        return found if np.linalg.norm(own) < MIN_FINGER_M else self.nearest_axis(own)

    def snapped(self, towards: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
        """The direction to a point: along the arm's last joint where near, else `nearest_axis`."""
        joint = self.skeleton.parts[self.hand].joint
        anchor = np.zeros(3) if joint is None else joint.anchor_m
        direction = towards - anchor
        axes = np.eye(3) if joint is None else np.vstack([joint.axis, np.eye(3)])
        if joint is not None and joint.kind == "revolute":
            # The anchor may be anywhere along the axis: what lies beside it counts.
            along = float(direction @ joint.axis)
            beside = float(np.linalg.norm(direction - along * joint.axis))
            if beside <= np.tan(np.radians(SNAP_DEG)) * abs(along):
                return np.asarray(np.sign(along) * joint.axis)
        return self.nearest_axis(direction, axes)

    def nearest_axis(
        self, direction: Float[np.ndarray, " 3"], axes: Float[np.ndarray, "axis 3"] = _AXES
    ) -> Float[np.ndarray, " 3"]:
        """The axis that a direction is meant to be, the direction itself where none is near."""
        direction = direction / max(float(np.linalg.norm(direction)), 1e-9)
        cosines = axes @ direction
        best = int(np.argmax(np.abs(cosines)))
        if abs(cosines[best]) >= np.cos(np.radians(SNAP_DEG)):
            return np.asarray(np.sign(cosines[best]) * axes[best])
        return np.asarray(direction)

    def end_of(
        self, finger: list[int], values: Mapping[str, float], approach: np.ndarray
    ) -> Float[np.ndarray, " 3"]:
        """The middle of a finger's outermost part [m]."""
        points = self.seen(finger, values).points
        along = points @ approach
        return np.asarray(points[along >= along.max() - 2 * FINGERTIP_M].mean(axis=0))
