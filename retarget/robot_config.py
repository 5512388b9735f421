"""What a robot's YAML file says: the few facts that no URDF or MJCF file states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.configs import config_path
from pipeline.errors import RobotError, one_of
from pipeline.geometry import se3

Vector3 = tuple[float, float, float]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArmSection(_Section):
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


class EndEffectorSection(_Section):
    """Where the end-effector frame of `pipeline.tracks.GripperTrack` is on this robot."""

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


class GripperSection(_Section):
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


class RobotConfig(_Section):
    """One file of `configs/robots`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name in the dataset."""
    asset: str | None = None
    """Asset whose folder holds the robot (see `rotoscope assets list`)."""
    folder: Path | None = None
    """Folder that holds the robot instead, relative to the YAML file."""
    file: Path
    """URDF or MJCF file inside that folder."""
    base_link: str
    """Link that stands on the table; its frame has x forward, y left, z up."""
    arm: ArmSection
    """Joints, home pose, limits."""
    end_effector: EndEffectorSection
    """The end-effector frame."""
    gripper: GripperSection
    """The gripper."""

    @model_validator(mode="after")
    def _is_somewhere(self) -> RobotConfig:
        if (self.asset is None) == (self.folder is None):
            raise ValueError("give either `asset` or `folder`, so that the file can be found")
        return self


def robot_names() -> list[str]:
    """Robots that come with Rotoscope."""
    return sorted(path.stem for path in config_path("robots").glob("*.yaml"))


def load_config(name_or_path: str) -> tuple[RobotConfig, Path]:
    """A robot's checked YAML file, by name or path, and where it lies.

    Raises:
        RobotError: No such robot, malformed YAML, an unknown key, or a value that cannot be.
    """
    is_path = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else config_path("robots", f"{name_or_path}.yaml")
    if not path.is_file():
        raise RobotError(
            f"there is no robot {name_or_path!r}; valid ones are {one_of(robot_names())}, or the "
            "path of a .yaml file like those in configs/robots"
        )
    try:
        raw = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RobotError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(raw, dict):
        raise RobotError(f"{path} must hold a mapping with the keys {one_of(_keys(RobotConfig))}")
    _reject_unknown_keys(RobotConfig, raw, str(path))
    try:
        return RobotConfig.model_validate(raw), path
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise RobotError(f"{path}: {key}: {problem['msg']}, got {problem['input']!r}") from error


def _keys(section: type[BaseModel]) -> list[str]:
    return list(section.model_fields)


def _reject_unknown_keys(section: type[BaseModel], raw: dict[str, Any], where: str) -> None:
    unknown = sorted(set(map(str, raw)) - set(_keys(section)))
    if unknown:
        raise RobotError(
            f"{where}: unknown keys {unknown}; valid ones are {one_of(_keys(section))}"
        )
    for key, value in raw.items():
        inner = section.model_fields[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and isinstance(value, dict):
            _reject_unknown_keys(inner, value, f"{where}: {key}")
