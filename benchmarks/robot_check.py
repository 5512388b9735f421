"""How much of a robot's YAML file its URDF or MJCF file alone gives: `rotoscope robot check`.

The proposal is made without looking at names and compared with the file that ships. Points count
as right within a tolerance, because two links at one place are the same point.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.errors import AssetError
from rotoscope.retarget.description.links import Description
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.onboarding.check import propose
from rotoscope.retarget.onboarding.proposal import Proposal
from rotoscope.retarget.robots.read_config import load_config
from rotoscope.retarget.robots.robot import Robot, load_hand, load_humanoid
from rotoscope.retarget.robots.self_check import check_robot

ROBOTS = (
    "allegro_right",
    "shadow_right",
    "inspire_right",
    "leap_right",
    "svh_right",
    "g1",
    "talos",
)

HAND_POINT_M = 0.01
"""How far a point of a hand may lie from the shipped one: half a fingertip."""

BODY_POINT_M = 0.04
"""How far a point of a humanoid may lie from the shipped one: where hand and head begin is a
matter of taste."""

SOLE_M = 0.015
"""How far an edge of a sole may lie from the shipped one."""

DIRECTION_DEG = 15.0
"""How far a direction may lie from the shipped one."""


def run() -> list[Figure]:
    """Shares of facts that the proposals get right, and how far kinematics are from MuJoCo's."""
    figures, shares = [], []
    for name in ROBOTS:
        try:
            robot, proposal, cost_s = _load(name)
        except AssetError as error:
            print(f"{name}: {error}")
            continue
        right = dict(_facts(robot, proposal))
        wrong = sorted(key for key, is_right in right.items() if not is_right)
        print(f"{name}: {len(right)} facts, wrong: {', '.join(wrong) or 'none'}")
        shares.append(float(np.mean(list(right.values()))))
        figures += [
            Figure(f"robot_check.{name}.facts_right", shares[-1], "1"),
            Figure(f"robot_check.{name}.cpu", cost_s, "s"),
            Figure(
                f"robot_check.{name}.from_mujoco",
                check_robot(robot).largest_difference,
                "m",
                Bar("<=", 1e-9),
            ),
        ]
    return [
        Figure("robot_check.facts_right", float(np.mean(shares)), "1", Bar(">=", 0.9)),
        *figures,
    ]


def _load(name: str) -> tuple[Robot, Proposal, float]:
    config, config_file = load_config(name)
    path = robot_file(config, config_file)
    robot = load_hand(name) if config.kind == "hand" else load_humanoid(name)
    began = time.process_time()
    proposal = propose(path, use_names=False)
    return robot, proposal, time.process_time() - began


def _facts(robot: Robot, proposal: Proposal) -> Iterator[tuple[str, bool]]:
    """Every fact of the shipped file that a proposal can hold, and whether it does."""
    shipped = robot.config.model_dump()
    found = proposal.mapping()
    yield "kind", found.get("kind") == shipped["kind"]
    place = _Place(robot.description)
    if shipped["kind"] == "hand":
        yield "side", found.get("side") == shipped["side"]
        yield "palm", place.near(found.get("palm"), shipped["palm"], HAND_POINT_M)
        for key in ("forward", "palm_normal"):
            ours = place.direction(found.get("palm"), found.get(key))
            theirs = place.direction(shipped["palm"], shipped[key])
            yield key, float(ours @ theirs) >= np.cos(np.radians(DIRECTION_DEG))
        for group in ("tips", "middles"):
            for finger, point in shipped[group].items():
                ours = found.get(group, {}).get(finger)
                yield f"{group}.{finger}", place.near(ours, point, HAND_POINT_M)
    else:
        for key in ("root", "torso"):
            yield key, found.get(key) == shipped[key]
        for joint, point in shipped["body"].items():
            yield f"body.{joint}", place.near(found.get("body", {}).get(joint), point, BODY_POINT_M)
        for side, foot in shipped["feet"].items():
            yield f"feet.{side}", _same_foot(found.get("feet", {}).get(side), foot)
    yield "joints", _same_joints(robot, proposal)


class _Place:
    """Where points and directions are when the robot rests at zero."""

    def __init__(self, description: Description) -> None:
        free = [j.name for j in description.joints.values() if j.mimic is None]
        free = [name for name in free if description.joints[name].kind != "fixed"]
        tree = KinematicTree(
            description, columns=free, locked={}, frames=[Frame.at(k) for k in description.links]
        )
        reached = tree.forward_kinematics(np.zeros((1, len(free))))
        self.p = dict(zip(description.links, reached.p_m[0], strict=True))
        self.R = dict(zip(description.links, reached.R[0], strict=True))

    def point(self, point: Mapping[str, Any]) -> Float[np.ndarray, " 3"]:
        """A point of a YAML file in the root link [m]."""
        offset = np.array(point.get("offset_m", (0.0, 0.0, 0.0)), float)
        return np.asarray(self.p[point["link"]] + self.R[point["link"]] @ offset)

    def near(
        self, ours: Mapping[str, Any] | None, theirs: Mapping[str, Any], tolerance_m: float
    ) -> bool:
        """Whether two points lie together."""
        if ours is None:
            return False
        return float(np.linalg.norm(self.point(ours) - self.point(theirs))) <= tolerance_m

    def direction(self, of: Mapping[str, Any] | None, vector: Any) -> Float[np.ndarray, " 3"]:
        """A direction of a YAML file in the root link; zeros where there is none."""
        if of is None or vector is None:
            return np.zeros(3)
        turned = self.R[of["link"]] @ np.array(vector, float)
        return np.asarray(turned / np.linalg.norm(turned))


def _same_foot(ours: Mapping[str, Any] | None, theirs: Mapping[str, Any]) -> bool:
    if ours is None or ours["link"] != theirs["link"]:
        return False
    a, b = np.array(ours["sole_m"]), np.array(theirs["sole_m"])
    edges = np.abs([a.min(axis=0) - b.min(axis=0), a.max(axis=0) - b.max(axis=0)])
    return bool(edges.max() <= SOLE_M)


def _same_joints(robot: Robot, proposal: Proposal) -> bool:
    """Whether the proposal's action has the same joints."""
    said = proposal.mapping().get("joints", {})
    fixed = {name for name, section in said.items() if "fixed" in section}
    locked = set(robot.locked) - {
        joint.name
        for joint in robot.description.path_between(robot.description.root_link, _base(robot))
    }
    return fixed == locked


def _base(robot: Robot) -> str:
    config = robot.config.model_dump()
    return str(config["root"] if config["kind"] == "humanoid" else config["palm"]["link"])
