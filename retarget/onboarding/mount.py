"""How a gripper that comes in a file of its own is fixed to the flange of an arm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.attach import attached_file
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.onboarding.arm_chain import choose_arm, find_arms
from rotoscope.retarget.onboarding.flange import TOOL_WORDS, flange
from rotoscope.retarget.onboarding.grippers import find_gripper
from rotoscope.retarget.onboarding.names import words
from rotoscope.retarget.onboarding.proposal import Proposal, rounded
from rotoscope.retarget.onboarding.skeleton import Skeleton


@dataclass(frozen=True)
class Mounted:
    """An arm and a gripper put together."""

    file: Path
    """One URDF file of both."""
    section: dict[str, Any]
    """What the YAML file says under `attached`."""


def mount(arm_file: Path, gripper_file: Path, *, arm: str | None = None) -> Mounted:
    """Fixes a gripper to the flange of an arm, its fingers pointing out of it.

    Args:
        arm_file: URDF file of the arm.
        gripper_file: URDF file of the gripper.
        arm: Which of several arms.

    Raises:
        RobotError: A file is no URDF, the arm has no flange, or the gripper no fingers.
    """
    body = Skeleton(read_description(arm_file))
    arms = [found for found in find_arms(body) if found.gripper is None]
    if not arms:
        raise RobotError(f"{arm_file} has no arm that ends in a flange; leave `--gripper` out")
    chain = choose_arm(arms, arm)
    link, approach, start = _flange_link(body, chain.end, *flange(body, chain))
    hand = Skeleton(read_description(gripper_file))
    gripper = find_gripper(hand, 0)
    if gripper is None:
        raise RobotError(f"{gripper_file} has no two fingers that close on its root link")
    rpy = _rpy(_turn(gripper.approach, approach))
    section: dict[str, Any] = {
        "folder": str(gripper_file.resolve().parent),
        "file": gripper_file.name,
        "link": link,
        "xyz_m": rounded(start),
        "rpy_rad": [round(float(angle), 6) + 0.0 for angle in rpy],
    }
    file = attached_file(
        arm_file,
        gripper_file,
        link=link,
        xyz_m=(section["xyz_m"][0], section["xyz_m"][1], section["xyz_m"][2]),
        rpy_rad=(section["rpy_rad"][0], section["rpy_rad"][1], section["rpy_rad"][2]),
    )
    return Mounted(file, section)


def say_mount(proposal: Proposal, section: dict[str, Any]) -> None:
    """Marks how the gripper sits as the guess that it is."""
    proposal.guess(
        "attached",
        f"the gripper's root was put on {section['link']} with its fingers pointing out of it",
        "`xyz_m` and `rpy_rad` as it is screwed on: the turn about the flange, and any adapter",
    )


def _flange_link(
    skeleton: Skeleton, part: int, approach: np.ndarray, end_m: np.ndarray
) -> tuple[str, Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """The link of the last part to fix a gripper to: a named flange, else the last at its end."""
    T = skeleton.poses(skeleton.rest)
    links = skeleton.parts[part].links
    T_part = T[links[0]]
    named = [link for link in links[1:] if TOOL_WORDS & set(words(link))]
    link = named[-1] if named else links[0]
    T_link_part = se3.inverse(T[link]) @ T_part
    at = np.zeros(3) if named else end_m
    return link, T_link_part[:3, :3] @ approach, at


def _turn(
    source: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation from one direction to another."""
    axis, cosine = np.cross(source, target), float(source @ target)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        if cosine > 0:
            return np.eye(3)
        axis = np.cross(source, np.eye(3)[int(np.argmin(np.abs(source)))])
        return np.asarray(se3.exp_so3(np.pi * axis / np.linalg.norm(axis)))
    return np.asarray(se3.exp_so3(np.arctan2(sine, cosine) * axis / sine))


def _rpy(R: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 3"]:
    """Roll, pitch, yaw of URDF [rad]."""
    pitch = np.arcsin(np.clip(-R[2, 0], -1.0, 1.0))
    if abs(R[2, 0]) > 1.0 - 1e-9:
        return np.array([np.arctan2(-R[1, 2], R[1, 1]), pitch, 0.0])
    return np.array([np.arctan2(R[2, 1], R[2, 2]), pitch, np.arctan2(R[1, 0], R[0, 0])])
