"""Links and joints of a robot, as its file states them, whatever format that is in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.pipeline.geometry import se3

JointKind = Literal["revolute", "prismatic", "fixed"]
"""How a joint moves."""


@dataclass(frozen=True)
class Mimic:
    """A joint that always follows another: `value = multiplier * other + offset`."""

    joint: str
    """The joint that it follows."""
    multiplier: float = 1.0
    """Its share of that joint's value."""
    offset: float = 0.0
    """What is added [rad or m]."""

    def value_at(self, other: float) -> float:
        """The joint's value where the other one's is this [rad or m]."""
        return self.multiplier * other + self.offset


LONGEST_SLIDE_M = 10.0
"""Slides of robots on rails and gantries end before [m]."""
WHOLE_TURN_RAD = 1.001 * math.tau
"""Farthest limit of a hinge that is believed [rad]: a turn either way, as many arms have it, and
what files round."""


@dataclass(frozen=True, eq=False)
class Joint:
    """A link's connection to its parent, as the robot's file states it."""

    name: str
    """Joint name."""
    kind: JointKind
    """How it moves."""
    parent: str
    """Link that it hangs on."""
    child: str
    """Link that it moves."""
    T_parent_child: Float[np.ndarray, "4 4"]
    """Child link in the parent link at zero [m]."""
    axis: Float[np.ndarray, " 3"]
    """Unit axis in the child link; any for a fixed joint."""
    anchor_m: Float[np.ndarray, " 3"]
    """A point on the axis in the child link [m]."""
    lower: float = -math.inf
    """Lower position limit [rad or m]."""
    upper: float = math.inf
    """Upper position limit [rad or m]."""
    max_velocity: float = math.inf
    """Velocity limit [rad/s or m/s]; MJCF states none."""
    max_effort: float = math.inf
    """Torque or force limit [N m or N]."""
    is_continuous: bool = False
    """Whether the file says that it turns without end, and so needs no limits."""
    mimic: Mimic | None = None
    """What it follows, if it does not move by itself."""

    @property
    def limit_fault(self) -> str | None:
        """Why its limits cannot be meant, `None` where they can: hinges beyond a whole turn.

        No hinge of a hand or humanoid turns that far, wrists of a few arms do; far more often the
        numbers are degrees, and a limit of 90 rad binds nothing. Nor are slides longer than
        `LONGEST_SLIDE_M`, nor joints whose two limits are one: files that state none say 0 and 0.
        """
        ends = [abs(end) for end in (self.lower, self.upper) if math.isfinite(end)]
        if self.kind == "fixed" or self.is_continuous or not ends:
            return None
        if self.lower == self.upper:
            return f"limits of {self.lower:g} and {self.upper:g} leave it no room to move"
        if self.kind == "prismatic" and max(ends) > LONGEST_SLIDE_M:
            return (
                f"limits of {self.lower:g} to {self.upper:g} m are longer than any slide of a "
                f"robot; as millimeters they would be {self.lower / 1000:g} to "
                f"{self.upper / 1000:g} m"
            )
        if self.kind == "prismatic" or max(ends) <= WHOLE_TURN_RAD:
            return None
        low, high = math.radians(self.lower), math.radians(self.upper)
        return (
            f"limits of {self.lower:g} to {self.upper:g} rad are more than a whole turn; as "
            f"degrees they would be {low:.4g} to {high:.4g} rad"
        )

    def motion(self, value: float) -> Float[np.ndarray, "4 4"]:
        """How the joint moves its link, in the link's own frame, when it takes a value [m]."""
        return joint_motion(self.kind, self.axis, self.anchor_m, value)


def joint_motion(
    kind: JointKind, axis: Float[np.ndarray, " 3"], anchor_m: Float[np.ndarray, " 3"], value: float
) -> Float[np.ndarray, "4 4"]:
    """How a joint moves its link: along its axis, or about it through a point of the axis [m]."""
    if kind == "prismatic":
        return se3.make(np.eye(3), axis * value)
    R = se3.exp_so3(axis * value)
    return se3.make(R, anchor_m - R @ anchor_m)


@dataclass(frozen=True)
class Mass:
    """What a link weighs."""

    kg: float
    """Mass [kg]."""
    center_m: tuple[float, float, float]
    """Center of mass in the link [m]."""


@dataclass(frozen=True, eq=False)
class Description:
    """The tree of links and joints in a robot file."""

    path: Path
    """The file."""
    links: tuple[str, ...]
    """All link names."""
    joints: dict[str, Joint]
    """All joints by name, fixed ones too."""
    masses: dict[str, Mass] = field(default_factory=dict)
    """What links weigh; links without a mass are left out."""
    shared_motors: tuple[tuple[str, ...], ...] = ()
    """The joints of each motor that moves several: they cannot take values of their own."""
    shared_ranges: tuple[tuple[str, ...], ...] = ()
    """The joints of each tendon that limits several: not all values inside of their own limits can
    be taken together."""

    @property
    def root_link(self) -> str:
        """The one link that hangs on no other.

        Raises:
            RobotError: There is none, or more than one.
        """
        children = {joint.child for joint in self.joints.values()}
        roots = [link for link in self.links if link not in children]
        if len(roots) != 1:
            raise RobotError(
                f"{self.path} must have one root link, a link that is no joint's child; "
                f"it has {len(roots)}: {quoted(roots)}"
            )
        return roots[0]

    def require_links(self, names: Iterable[str]) -> None:
        """Raises `RobotError` unless all these links are there."""
        unknown = sorted(set(names) - set(self.links))
        if unknown:
            raise RobotError(
                f"{self.path} has no link {', '.join(map(repr, unknown))}; "
                f"it has {quoted(self.links)}"
            )

    def require_movable(self, names: Iterable[str]) -> None:
        """Raises `RobotError` unless all these joints are there and move."""
        movable = [joint.name for joint in self.joints.values() if joint.kind != "fixed"]
        unknown = sorted(set(names) - set(movable))
        if unknown:
            raise RobotError(
                f"{self.path} has no movable joint {', '.join(map(repr, unknown))}; "
                f"it has {quoted(movable)}"
            )

    def resolve_mimic(self, name: str) -> Mimic:
        """How a joint's value follows from the joint at the end of its mimic chain, or from itself.

        Raises:
            RobotError: Joints mimic each other in a circle.
        """
        factor, offset = 1.0, 0.0
        seen = [name]
        joint = self.joints[name]
        while joint.mimic is not None:
            offset += factor * joint.mimic.offset
            factor *= joint.mimic.multiplier
            joint = self.joints[joint.mimic.joint]
            if joint.name in seen:
                raise RobotError(
                    f"{self.path}: the joints {seen} mimic each other in a circle; one of them "
                    "must move by itself"
                )
            seen.append(joint.name)
        return Mimic(joint.name, factor, offset)

    def path_between(self, base_link: str, tip_link: str) -> list[Joint]:
        """The joints from a base outwards to a tip.

        Raises:
            RobotError: A link is unknown, or the tip does not hang on the base.
        """
        self.require_links((base_link, tip_link))
        above = {joint.child: joint for joint in self.joints.values()}
        path: list[Joint] = []
        link = tip_link
        while link != base_link:
            if link not in above or len(path) > len(self.joints):
                raise RobotError(
                    f"{self.path}: link {tip_link!r} does not hang on base link {base_link!r}; "
                    f"going up from it ends at {link!r}"
                )
            path.append(above[link])
            link = above[link].parent
        return path[::-1]
