"""Torque limits that YAML files of robots state, in place of those of the robots' own files."""

from __future__ import annotations

from rotoscope.retarget.description.links import Description
from rotoscope.retarget.robots.config import ArmConfig
from rotoscope.retarget.robots.joint_limits import DEFAULT
from rotoscope.retarget.robots.read_config import FileConfig


def stated_efforts(config: FileConfig, description: Description) -> dict[str, float]:
    """Torque or force limits by joint of the robot's file, where the YAML file states any [N m, N].

    Of an arm's gripper those that follow its joints have the same limit, and of a hand or humanoid
    `default` holds for all that are not named.
    """
    moving = [joint.name for joint in description.joints.values() if joint.kind != "fixed"]
    if isinstance(config, ArmConfig):
        found = config.arm.efforts()
        if config.gripper.max_effort is not None:
            led = config.gripper.joints
            fingers = [n for n in moving if description.resolve_mimic(n).joint in led]
            found |= dict.fromkeys(fingers, config.gripper.max_effort)
        return found
    default = config.joints.get(DEFAULT)
    found = {}
    for name in moving:
        for section in (config.joints.get(name), default):
            if section is not None and section.max_effort is not None:
                found[name] = section.max_effort
                break
    return found
