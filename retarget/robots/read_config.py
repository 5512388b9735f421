"""A robot's YAML file, found by name or path, read and checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.pipeline.files.plain import mapping, read_yaml
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.settings import checked
from rotoscope.retarget.robots.config import ArmConfig, HandConfig, HumanoidConfig
from rotoscope.retarget.robots.two_arms_config import MountedArm, TwoArmsConfig

FileConfig = ArmConfig | HandConfig | HumanoidConfig
AnyRobotConfig = FileConfig | TwoArmsConfig
RobotKind = Literal["arm", "hand", "humanoid", "two_arms"]
SECTIONS: dict[RobotKind, type[AnyRobotConfig]] = {
    "arm": ArmConfig,
    "hand": HandConfig,
    "humanoid": HumanoidConfig,
    "two_arms": TwoArmsConfig,
}
"""What a YAML file of each kind holds."""


def robot_names(kind: RobotKind | None = None) -> list[str]:
    """Robots that come with Rotoscope, all or those of one kind."""
    paths = sorted(config_path("robots").glob("*.yaml"))
    return [p.stem for p in paths if kind is None or _read_mapping(p).get("kind", "arm") == kind]


def own_robots_folder() -> Path:
    """`$ROTOSCOPE_ROBOTS`, or `robots` under the user's folder of settings."""
    named = os.environ.get("ROTOSCOPE_ROBOTS")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_config_dir

    return Path(user_config_dir("rotoscope")) / "robots"


def own_robot_names(kind: RobotKind | None = None) -> list[str]:
    """Robots that were added on this machine (`rotoscope robot add`), all or those of one kind."""
    paths = sorted(own_robots_folder().glob("*.yaml"))
    return [p.stem for p in paths if kind is None or _read_mapping(p).get("kind", "arm") == kind]


def load_config(name_or_path: str) -> tuple[AnyRobotConfig, Path]:
    """A robot's checked YAML file, by name or path, and where it lies.

    Raises:
        RobotError: No such robot, malformed YAML, an unknown kind or key, or a value that cannot
            be.
    """
    path = find_config(name_or_path)
    raw = _read_mapping(path)
    kind = raw.get("kind", "arm")
    if not isinstance(kind, str) or kind not in SECTIONS:
        raise RobotError(f"{path}: kind is {shown(kind)}; valid ones are {quoted(SECTIONS)}")
    return checked(SECTIONS[kind], raw, owner=str(path), error=RobotError, is_file=True), path


def file_configs(config: AnyRobotConfig, config_file: Path) -> list[tuple[FileConfig, Path]]:
    """What a robot is made of, each part with its own URDF or MJCF file: itself, or its two arms.

    Raises:
        RobotError: An arm is not there or its file malformed.
    """
    if not isinstance(config, TwoArmsConfig):
        return [(config, config_file)]
    return [arm_config(mount, config_file) for mount in config.mounts().values()]


def arm_config(mount: MountedArm, config_file: Path) -> tuple[ArmConfig, Path]:
    """What is said about a mounted arm, and in which file; a path is relative to this one.

    Raises:
        RobotError: It is not there or malformed.
    """
    if isinstance(mount.arm, ArmConfig):
        return mount.arm, config_file
    is_path = mount.arm.endswith((".yaml", ".yml"))
    where = str(config_file.parent / mount.arm) if is_path else mount.arm
    return load_config_of(ArmConfig, where, use=f"one of the two arms of {config_file}")


def load_config_of[C: (ArmConfig, HandConfig, HumanoidConfig, TwoArmsConfig)](
    section: type[C], name_or_path: str, *, use: str
) -> tuple[C, Path]:
    """Like `load_config`, for code that can work with one kind of robot only.

    Args:
        section: Which kind it must be.
        name_or_path: As for `load_config`.
        use: What the robot is wanted for, for the error message.
    """
    wanted = next(kind for kind, known in SECTIONS.items() if known is section)
    config, path = load_config(str(find_config(name_or_path, kind=wanted)))
    if not isinstance(config, section):
        raise RobotError(
            f"{path} describes {_articled(config.kind)}, but {use} needs {_articled(wanted)}; "
            f"there are {quoted(robot_names(wanted))}"
        )
    return config, path


def find_config(name_or_path: str, *, kind: RobotKind | None = None) -> Path:
    """Where the YAML file of a robot lies, by name or path.

    Args:
        name_or_path: Name in `configs/robots` or of an own robot, or path of a .yaml file.
        kind: Which robots an error message lists; all when absent.

    Raises:
        RobotError: No such robot.
    """
    is_path = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else config_path("robots", f"{name_or_path}.yaml")
    if not is_path and not path.is_file():
        path = own_robots_folder() / f"{Path(name_or_path).name}.yaml"
    if not path.is_file():
        names = sorted({*robot_names(kind), *own_robot_names(kind)})
        raise RobotError(
            f"there is no robot {name_or_path!r}; valid ones are {quoted(names)}, "
            "or the path of a .yaml file like those in configs/robots"
        )
    return path


def _read_mapping(path: Path) -> dict[str, Any]:
    return mapping(read_yaml(path, error=RobotError), source=str(path), error=RobotError)


def _articled(kind: str) -> str:
    return {"arm": "an arm", "two_arms": "two arms"}.get(kind, f"a {kind}")
