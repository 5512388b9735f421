"""What was found out about a robot, and what a person must still decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.robots.read_config import RobotKind

AXIS_SNAP_DEG = 12.0
"""A direction this near to an axis of its link is meant to be that axis."""


@dataclass(frozen=True)
class Fact:
    """Something that was decided."""

    key: tuple[str, ...]
    """Where it stands in the YAML file, such as `("tips", "thumb")`."""
    value: Any
    """What is written there."""
    reason: str
    """What in the file's geometry it follows from."""


@dataclass(frozen=True)
class Open:
    """Something that a person must decide or look at."""

    key: str
    """Where it belongs in the YAML file."""
    why: str
    """What could not be decided, or what was assumed."""
    write: str
    """What to write there."""
    is_needed: bool = True
    """Whether the file cannot be used without; else what was assumed will do."""
    is_guess: bool = False
    """Whether what was written is a guess that the robot file does not bear out."""


@dataclass
class Proposal:
    """A robot's YAML file in the making: what is decided, and what is open."""

    kind: RobotKind
    """Which kind of robot it is taken for."""
    facts: list[Fact] = field(default_factory=list)
    """What was decided, in the order of the YAML file."""
    open: list[Open] = field(default_factory=list)
    """What is left to a person."""
    remarks: list[str] = field(default_factory=list)
    """Sentences about joints, limits and size."""

    def decide(self, key: str | tuple[str, ...], value: Any, reason: str) -> None:
        """Writes down something that was decided."""
        self.facts.append(Fact((key,) if isinstance(key, str) else key, value, reason))

    def leave(self, key: str, why: str, write: str, *, is_needed: bool = True) -> None:
        """Writes down something that a person must decide or look at."""
        self.open.append(Open(key, why, write, is_needed))

    def guess(self, key: str, why: str, write: str) -> None:
        """Marks something that was written down as a guess."""
        self.open.append(Open(key, why, write, is_needed=False, is_guess=True))

    @property
    def is_complete(self) -> bool:
        """Whether nothing that is needed is open."""
        return not any(item.is_needed for item in self.open)

    def mapping(self) -> dict[str, Any]:
        """The facts as the content of a YAML file."""
        content: dict[str, Any] = {}
        for fact in self.facts:
            inner = content
            *outer, last = fact.key
            for part in outer:
                inner = inner.setdefault(part, {})
            inner[last] = fact.value
        return content


def point(
    link: str, offset_m: Float[np.ndarray, " 3"] | None = None, *, digits: int = 4
) -> dict[str, Any]:
    """A point of a link as the YAML file writes it."""
    if offset_m is None or float(np.abs(offset_m).max()) < 0.5 * 10.0**-digits:
        return {"link": link}
    return {"link": link, "offset_m": rounded(offset_m, digits)}


def rounded(values: Float[np.ndarray, " n"], digits: int = 4) -> list[float]:
    """Numbers as the YAML file writes them, without negative zeros."""
    return [float(v) + 0.0 for v in np.round(np.asarray(values, float), digits)]


def direction(vector: Float[np.ndarray, " 3"]) -> list[float]:
    """A direction as the YAML file writes it: an axis of the link where it nearly is one."""
    unit = vector / np.linalg.norm(vector)
    k = int(np.argmax(np.abs(unit)))
    if abs(unit[k]) >= np.cos(np.radians(AXIS_SNAP_DEG)):
        return [float(np.sign(unit[k])) if i == k else 0.0 for i in range(3)]
    return rounded(unit)
