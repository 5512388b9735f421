"""A YAML file for a robot that has none, proposed from its URDF or MJCF file alone.

Geometry is the truth and names are hints: which chains there are, how they bend, where they end
and what mirrors what decide; a name only breaks a tie, or is reported where it disagrees. What
cannot be decided is said, with what to write where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rotoscope.pipeline.errors import RobotError, UsageError
from rotoscope.pipeline.files.atomic import scratch_folder, write_text_atomic
from rotoscope.retarget.description.locate import from_robot_descriptions
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.onboarding.arm import propose_arm
from rotoscope.retarget.onboarding.body import hangs
from rotoscope.retarget.onboarding.fingers import find_fingers
from rotoscope.retarget.onboarding.hand import propose_hand
from rotoscope.retarget.onboarding.humanoid import propose_humanoid
from rotoscope.retarget.onboarding.limbs import find_pairs
from rotoscope.retarget.onboarding.mount import mount, say_mount
from rotoscope.retarget.onboarding.proposal import Proposal
from rotoscope.retarget.onboarding.skeleton import Skeleton
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.read_config import RobotKind, load_config
from rotoscope.retarget.robots.robot import Robot
from rotoscope.retarget.robots.self_check import SelfCheck, check_robot

ROBOT_SUFFIXES = (".urdf", ".xml", ".mjcf")
"""Endings of robot files; anything else is a YAML file or the name of a shipped robot."""

FROM_PACKAGE = "robot_descriptions:"
"""What stands before the name of a robot in the package robot_descriptions."""

MIN_HAND_MOTORS = 3
"""What has fewer joints that move by themselves is a gripper, however many bars it has."""

PLAIN_NAMES = ("robot", "model", "scene", "mobility", "urdf", "mjcf", "xml")
"""Names of files and folders that say nothing of which robot it is."""

HAND_M = 0.6
"""Largest reach of a hand from where its fingers branch [m]; limbs of a humanoid are longer."""


@dataclass(frozen=True)
class RobotReport:
    """What a check of a robot found."""

    source: str
    """What was checked."""
    kind: RobotKind
    """Which kind of robot it is."""
    proposal: Proposal | None
    """What was found out about a robot without a YAML file; `None` where there is one."""
    text: str | None
    """The proposed YAML file."""
    self_check: SelfCheck | None
    """The comparison with MuJoCo; `None` where the robot could not be loaded."""
    joints: tuple[str, ...]
    """Joints of an action, as far as the robot could be loaded."""
    fault: str | None
    """Why the robot cannot be used as it is; `None` where it can."""
    robot: Robot | None = None
    """The robot, as far as it could be loaded."""

    @property
    def is_good(self) -> bool:
        """Whether the robot can be used as it is, or with the proposed file."""
        return self.fault is None


def check(
    source: str,
    *,
    kind: RobotKind | None = None,
    write: Path | None = None,
    arm: str | None = None,
    gripper: Path | None = None,
    name: str | None = None,
) -> RobotReport:
    """Checks a robot with a YAML file, or proposes the file for one without.

    Args:
        source: Name of a shipped robot, path of a YAML, URDF or MJCF file, or
            `robot_descriptions:NAME`.
        kind: Which kind a URDF or MJCF file is; found from its joints when absent.
        write: Where the proposed YAML file is written.
        arm: Which of several arms, by its side or by the link at its end.
        gripper: URDF file of a gripper for an arm that ends in a flange.
        name: What to call it; the file's name when absent.

    Raises:
        RobotError: No such robot, or its file cannot be read.
        AssetError: Its asset was not fetched.
        UsageError: The file to write exists, or its folder does not.
    """
    if write is not None:
        _require_writable(write)
    asked = _Asked(source, kind, arm, gripper, name, write)
    if source.startswith(FROM_PACKAGE):
        module = source.removeprefix(FROM_PACKAGE)
        return _propose(asked, from_robot_descriptions(module), {"robot_descriptions": module})
    path = Path(source)
    if path.suffix.lower() in ROBOT_SUFFIXES:
        folder = path.resolve().parent
        place = {"folder": str(_relative(folder, write)), "file": path.name}
        return _propose(asked, path, place)
    if write is not None:
        raise RobotError(
            f"{source!r} has a YAML file already; `--write` goes with a URDF or MJCF file"
        )
    config, config_file = load_config(source)
    robot, found = _load_and_compare(config_file)
    return RobotReport(source, config.kind, None, None, found, robot.joint_names, None, robot)


def propose(
    path: Path, *, kind: RobotKind | None = None, arm: str | None = None, use_names: bool = True
) -> Proposal:
    """What a robot's YAML file must say, found from its URDF or MJCF file.

    Args:
        path: The robot file.
        kind: Which kind of robot it is; found from its joints when absent.
        arm: Which of several arms, by its side or by the link at its end.
        use_names: Whether names of links may break ties and are compared with what was found.

    Raises:
        RobotError: The file cannot be read or has no joints that move.
    """
    skeleton = Skeleton(read_description(path))
    proposal = Proposal(kind or guess_kind(skeleton))
    proposal.decide("name", _slug(_own_name(path)), "the file's name")
    proposal.decide("kind", proposal.kind, "asked for" if kind else _kind_reason(proposal.kind))
    _say_what_follows(skeleton, proposal)
    if proposal.kind == "arm":
        propose_arm(skeleton, proposal, arm=arm)
        return proposal
    if proposal.kind == "hand":
        propose_hand(skeleton, proposal, use_names=use_names)
    else:
        propose_humanoid(skeleton, proposal, use_names=use_names)
    if skeleton.surface_fault is not None:
        proposal.remarks.append(f"its shapes were not seen: {skeleton.surface_fault}")
    return proposal


def guess_kind(skeleton: Skeleton) -> RobotKind:
    """Which kind of robot a file holds: by mirrored limbs, then by branching chains."""
    if len(find_pairs(skeleton)) >= 2 and (_size_m(skeleton, 0) > HAND_M or hangs(skeleton)):
        return "humanoid"
    palm, fingers = find_fingers(skeleton)
    long_ones = [finger for finger in fingers if len(finger.parts) >= 2]
    if len(long_ones) < 2 or _size_m(skeleton, palm) >= HAND_M:
        return "arm"
    moved = {j.name for p in skeleton.below(palm)[1:] if (j := skeleton.parts[p].joint)}
    # The bars of a gripper follow one motor, or one on each side.
    return "hand" if len(moved & set(skeleton.free)) >= MIN_HAND_MOTORS else "arm"


def yaml_text(proposal: Proposal, place: Mapping[str, Any]) -> str:
    """The proposed YAML file, with what is open as comments.

    Args:
        proposal: What was found out.
        place: Where the robot file is: `folder` and `file`, or `robot_descriptions`.
    """
    content: dict[str, Any] = {}
    for key, value in proposal.mapping().items():
        content[key] = value
        if key == "kind":
            content.update(place)
    lines = ["# Proposed from the robot's file alone; look at every line before you rely on it."]
    for item in proposal.open:
        verb = "NEEDED" if item.is_needed else "GUESS" if item.is_guess else "look at"
        lines += [f"# {verb}: {item.key}: {item.why}.", f"#   Write {item.write}."]
    dumped = yaml.safe_dump(content, default_flow_style=None, sort_keys=False, width=100)
    return "\n".join(lines) + "\n" + dumped


@dataclass(frozen=True)
class _Asked:
    """What is to be checked, and what of it a person has said."""

    source: str
    kind: RobotKind | None
    arm: str | None
    gripper: Path | None
    name: str | None
    write: Path | None


def _propose(asked: _Asked, path: Path, place: dict[str, Any]) -> RobotReport:
    source, write = asked.source, asked.write
    own_name = asked.name or _slug(_own_name(path))
    if asked.gripper is not None:
        mounted = mount(path, asked.gripper, arm=asked.arm)
        place = {**place, "attached": mounted.section}
        path = mounted.file
    proposal = propose(path, kind=asked.kind or ("arm" if asked.gripper else None), arm=asked.arm)
    proposal.facts[0] = replace(proposal.facts[0], value=own_name)
    if asked.gripper is not None:
        say_mount(proposal, place["attached"])
    text = yaml_text(proposal, place)
    if write is not None:
        write_text_atomic(write, text)
    if not proposal.is_complete:
        open_keys = [item.key for item in proposal.open if item.is_needed]
        fault = f"{len(open_keys)} facts could not be decided: {', '.join(open_keys)}"
        return RobotReport(source, proposal.kind, proposal, text, None, (), fault)
    here = dict(place)
    if "file" in place:
        here["folder"] = str(Path(source).resolve().parent)
    with scratch_folder("rotoscope-onboard") as folder:
        trial = folder / "trial.yaml"
        trial.write_text(yaml_text(proposal, here))
        try:
            robot, found = _load_and_compare(trial)
        except RobotError as error:
            fault = str(error).replace(str(trial), "the proposed file")
            return RobotReport(source, proposal.kind, proposal, text, None, (), fault)
    return RobotReport(source, proposal.kind, proposal, text, found, robot.joint_names, None, robot)


def _load_and_compare(config_file: Path) -> tuple[Robot, SelfCheck]:
    robot = load_robot(str(config_file))
    return robot, check_robot(robot)


def _say_what_follows(skeleton: Skeleton, proposal: Proposal) -> None:
    """Says which joints follow others, and which share a motor."""
    joints = skeleton.description.joints
    mimics = [j.name for j in joints.values() if j.mimic is not None and j.kind != "fixed"]
    for name in mimics:
        link = skeleton.description.resolve_mimic(name)
        proposal.remarks.append(
            f"{name} follows {link.joint}: {link.multiplier:g} x + {link.offset:g}"
        )
    for names in skeleton.description.shared_motors:
        proposal.remarks.append(
            f"one motor moves {' and '.join(names)}: an action gives each a value of its own, "
            "which the robot cannot follow; let one mimic the other in the robot's file"
        )
    for names in skeleton.description.shared_ranges:
        proposal.remarks.append(
            f"a tendon limits {' and '.join(names)} together, which an action does not keep: "
            "narrow their own limits until no pair of values lies outside of the tendon's"
        )


def _kind_reason(kind: RobotKind) -> str:
    return {
        "arm": "one chain of joints",
        "hand": "several short chains branch from one part",
        "humanoid": "two pairs of mirrored limbs",
    }[kind]


def _size_m(skeleton: Skeleton, part: int) -> float:
    T = skeleton.poses(skeleton.rest)
    links = [link for p in skeleton.below(part) for link in skeleton.parts[p].links]
    origin = T[skeleton.entry(part)][:3, 3]
    return max(float(sum((T[link][:3, 3] - origin) ** 2)) ** 0.5 for link in links)


def _own_name(path: Path) -> str:
    """The file's name, or its folder's where files of many robots have that name."""
    folder = path.resolve().parent
    plain = folder.parent if folder.name.lower() in PLAIN_NAMES else folder
    return plain.name if path.stem.lower() in PLAIN_NAMES else path.stem


def _slug(stem: str) -> str:
    slug = re.sub(r"[^a-z0-9_]+", "_", stem.lower()).strip("_")
    return slug if slug[:1].isalpha() else f"robot_{slug}"


def _require_writable(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} is there already; give another name, or remove it first")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} to write {path.name} to; make it first")


def _relative(folder: Path, write: Path | None) -> Path:
    if write is None:
        return folder
    try:
        return folder.relative_to(write.resolve().parent)
    except ValueError:
        return folder
