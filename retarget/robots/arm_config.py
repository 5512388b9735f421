"""What a robot's YAML file says: the few facts that no URDF or MJCF file states."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.pipeline.files.plain import mapping, read_yaml
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.settings import checked
from rotoscope.retarget.description.locate import RobotFileSection, Section
from rotoscope.retarget.robots.tree_config import HandConfig, HumanoidConfig, Vector3


class ArmSection(Section):
    """The joints that bring the gripper to its pose."""

    joints: tuple[str, ...] = Field(min_length=1)
    """Joint names from the base outwards."""
    home: tuple[float, ...]
    """A comfortable pose far from every limit [rad or m]."""
    lower: tuple[float, ...] | None = None
    """Lower position limits [rad or m]; the robot file's when absent."""
    upper: tuple[float, ...] | None = None
    """Upper position limits [rad or m]; the robot file's when absent."""
    max_velocity: tuple[float, ...] | None = None
    """Velocity limits [rad/s or m/s]; the URDF's when absent. MJCF states none."""


class EndEffectorSection(Section):
    """Where the end-effector frame of `rotoscope.pipeline.tracks.GripperTrack` is on this robot."""

    link: str
    """Link that carries it."""
    origin_m: Vector3 = (0.0, 0.0, 0.0)
    """Point between the fingertips, in that link [m]."""
    approach: Vector3 = (0.0, 0.0, 1.0)
    """Direction towards what is grasped, in that link; becomes x."""
    closing: Vector3 = (0.0, 1.0, 0.0)
    """Direction that the fingers move along, in that link; becomes y."""

    @property
    def pose_in_link(self) -> Float[np.ndarray, "4 4"]:
        """End-effector frame in its link [m]."""
        x = np.array(self.approach) / np.linalg.norm(self.approach)
        y = np.array(self.closing) - (np.array(self.closing) @ x) * x
        y /= np.linalg.norm(y)
        return se3.make(np.stack([x, y, np.cross(x, y)], axis=1), np.array(self.origin_m))

    @model_validator(mode="after")
    def _axes_span_a_plane(self) -> EndEffectorSection:
        if np.linalg.norm(np.cross(self.approach, self.closing)) < 1e-3:
            raise ValueError(
                f"approach {self.approach} and closing {self.closing} must not be parallel or zero"
            )
        return self


class GripperSection(Section):
    """A parallel gripper."""

    joints: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Finger joints with their values closed and open [rad or m]; empty where none is drawn."""
    max_opening_m: float = Field(gt=0)
    """Distance between the fingers at full opening [m]."""
    max_speed_m_s: float = Field(gt=0)
    """How fast that distance can change [m/s]."""

    @property
    def max_rate_percent_s(self) -> float:
        """How fast the opening can change [percent of full opening per second]."""
        return 100.0 * self.max_speed_m_s / self.max_opening_m


class RobotConfig(RobotFileSection):
    """An arm with a gripper: one file of `configs/robots` with `kind: arm`, or without a kind."""

    kind: Literal["arm"] = "arm"
    """Which kind of robot the file is about."""
    base_link: str
    """Link that stands on the table; its frame has x forward, y left, z up."""
    arm: ArmSection
    """Joints, home pose, limits."""
    end_effector: EndEffectorSection
    """The end-effector frame."""
    gripper: GripperSection
    """The gripper."""


AnyRobotConfig = RobotConfig | HandConfig | HumanoidConfig
RobotKind = Literal["arm", "hand", "humanoid"]
SECTIONS: dict[RobotKind, type[AnyRobotConfig]] = {
    "arm": RobotConfig,
    "hand": HandConfig,
    "humanoid": HumanoidConfig,
}
"""What a YAML file of each kind holds."""


def robot_names(kind: RobotKind | None = None) -> list[str]:
    """Robots that come with Rotoscope, all or those of one kind."""
    paths = sorted(config_path("robots").glob("*.yaml"))
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


def load_config_of[C: (RobotConfig, HandConfig, HumanoidConfig)](
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
        name_or_path: Name in `configs/robots`, or path of a .yaml file.
        kind: Which robots an error message lists; all when absent.

    Raises:
        RobotError: No such robot.
    """
    is_path = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else config_path("robots", f"{name_or_path}.yaml")
    if not path.is_file():
        raise RobotError(
            f"there is no robot {name_or_path!r}; valid ones are {quoted(robot_names(kind))}, "
            "or the path of a .yaml file like those in configs/robots"
        )
    return path


def _read_mapping(path: Path) -> dict[str, Any]:
    return mapping(read_yaml(path, error=RobotError), source=str(path), error=RobotError)


def _articled(kind: str) -> str:
    return f"an {kind}" if kind == "arm" else f"a {kind}"
