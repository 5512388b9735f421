"""What a robot's YAML file says: the few facts that no URDF or MJCF file states."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import AfterValidator, Field, PositiveFloat, model_validator

from rotoscope.pipeline.errors import quoted
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS, Side
from rotoscope.retarget.description.locate import RobotFileSection, Section

Vector3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Finger = Literal["thumb", "index", "middle", "ring", "little"]
FINGERS: tuple[Finger, ...] = ("thumb", "index", "middle", "ring", "little")


class PointSection(Section):
    """A point fixed to a link."""

    link: str
    """Link of the robot's file."""
    offset_m: Vector3 = (0.0, 0.0, 0.0)
    """The point in that link's frame [m]."""


def _unit_length(vector: Vector3) -> Vector3:
    if sum(x * x for x in vector) < 1e-12:
        raise ValueError("must not be zero")
    return vector


Direction = Annotated[Vector3, AfterValidator(_unit_length)]


def _unit_quaternion(wxyz: Quaternion) -> Quaternion:
    norm = math.sqrt(sum(x * x for x in wxyz))
    if abs(norm - 1.0) > 1e-3:
        raise ValueError(f"must have length 1, has {norm:.4g}")
    return wxyz


Rotation = Annotated[Quaternion, AfterValidator(_unit_quaternion)]
"""A rotation as the quaternion w, x, y, z."""
UNTURNED: Quaternion = (1.0, 0.0, 0.0, 0.0)


class JointSection(Section):
    """What is said about one joint, or about all of them under the name `default`."""

    lower: float | None = None
    """Lower position limit [rad or m]; the robot file's when absent."""
    upper: float | None = None
    """Upper position limit [rad or m]; the robot file's when absent."""
    max_velocity: float | None = Field(default=None, gt=0)
    """Velocity limit [rad/s or m/s]; the robot file's when absent."""
    max_acceleration: float | None = Field(default=None, gt=0)
    """Acceleration limit [rad/s^2 or m/s^2]; none when absent."""
    max_effort: float | None = Field(default=None, gt=0)
    """Torque or force limit [N m or N]; the robot file's when absent. Simulation alone uses it."""
    rest: float | None = None
    """Value that it takes where nothing else is asked [rad or m]; 0 or the nearest limit."""
    fixed: float | None = None
    """Value that it is locked at [rad or m]; it is then no part of the action."""


class SphereSection(PointSection):
    """A ball that stands for a part of the robot where it must not touch another."""

    radius_m: float = Field(gt=0)
    """Its radius [m]."""


class BranchedConfig(RobotFileSection):
    """What hands and humanoids share."""

    joints: dict[str, JointSection] = Field(default_factory=dict)
    """Limits, rest and fixed values by joint name; `default` holds for all others."""
    spheres: dict[str, SphereSection] = Field(default_factory=dict)
    """Balls by a name of your own, for keeping parts of the robot apart."""
    apart: tuple[tuple[str, str], ...] = ()
    """Pairs of spheres that must not touch."""

    @model_validator(mode="after")
    def _knows_the_spheres(self) -> BranchedConfig:
        unknown = sorted({name for pair in self.apart for name in pair} - set(self.spheres))
        if unknown:
            raise ValueError(f"apart names spheres {unknown}; there are {quoted(self.spheres)}")
        return self


class HandConfig(BranchedConfig):
    """A dexterous hand: one file of `configs/robots` with `kind: hand`."""

    kind: Literal["hand"]
    """Which kind of robot the file is about."""
    side: Side
    """Which human hand it looks like."""
    palm: PointSection
    """The point that stands for the human wrist; joints between it and the root are locked."""
    forward: Direction
    """From the wrist to the knuckles, in the palm link's frame."""
    palm_normal: Direction
    """Out of the palm, towards what is grasped, in the palm link's frame."""
    tips: dict[Finger, PointSection] = Field(min_length=2)
    """Fingertips; a hand with fewer than five fingers leaves some out."""
    middles: dict[Finger, PointSection] = Field(default_factory=dict)
    """Links that stand for the middle joints of the fingers, where they help."""
    scale: float | None = Field(default=None, gt=0)
    """Robot hand size over human hand size; from the lengths of the fingers when absent."""

    @model_validator(mode="after")
    def _has_a_thumb(self) -> HandConfig:
        if "thumb" not in self.tips:
            raise ValueError(
                f"tips must name the thumb and at least one finger, got {quoted(self.tips)}"
            )
        return self


class FootSection(Section):
    """A foot: a link and the points of its sole."""

    link: str
    """Link that stands on the ground."""
    rotation: Rotation = UNTURNED
    """Frame with x forward and z up, the foot flat, in that link."""
    sole_m: tuple[Vector3, ...] = Field(min_length=3)
    """Corners of the sole in that link's frame [m]."""


class HumanoidConfig(BranchedConfig):
    """A humanoid: one file of `configs/robots` with `kind: humanoid`."""

    kind: Literal["humanoid"]
    """Which kind of robot the file is about."""
    root: str
    """The pelvis: link that carries the legs; x forward, y left, z up, once turned."""
    root_rotation: Rotation = UNTURNED
    """Frame with x forward, y left, z up in the root link."""
    body: dict[str, PointSection]
    """Points that stand for human joints, by their names in
    `rotoscope.pipeline.tracks.BODY_JOINTS`."""
    torso: str | None = None
    """Link that turns with the shoulders; x forward, y left, z up, once turned; none where root
    does."""
    torso_rotation: Rotation = UNTURNED
    """Frame with x forward, y left, z up in the torso link."""
    feet: dict[Side, FootSection]
    """Left and right foot."""
    scale: float | None = Field(default=None, gt=0)
    """Robot leg length over human leg length; from the bones when absent."""

    @model_validator(mode="after")
    def _knows_the_joints(self) -> HumanoidConfig:
        unknown = sorted(set(self.body) - set(BODY_JOINTS))
        if unknown:
            raise ValueError(
                f"body has unknown human joints {unknown}; valid ones are {quoted(BODY_JOINTS)}"
            )
        needed = [f"{s}_{j}" for s in ("left", "right") for j in ("hip", "knee", "ankle")]
        missing = sorted(set(needed) - set(self.body))
        if missing:
            raise ValueError(f"body must name {quoted(needed)}; missing are {missing}")
        if set(self.feet) != {"left", "right"}:
            raise ValueError(f"feet must hold left and right, got {quoted(self.feet)}")
        return self


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
    max_effort: tuple[PositiveFloat, ...] | PositiveFloat | None = None
    """Torque or force limits [N m or N], one for each joint or one for all; the robot file's when
    absent. Simulation alone uses them: replay and `check.physics`."""
    carries_weight: bool = False
    """Whether the motors carry the arm's weight by their position error, as those of hobby servos
    do; else its controller compensates it. Replay alone uses it."""

    @model_validator(mode="after")
    def _has_an_effort_for_each(self) -> ArmSection:
        given = self.max_effort
        if isinstance(given, tuple) and len(given) != len(self.joints):
            raise ValueError(
                f"max_effort needs {len(self.joints)} numbers, one per joint, or one for all, got "
                f"{len(given)}"
            )
        return self

    def efforts(self) -> dict[str, float]:
        """The torque limits that are given, by joint [N m or N]."""
        given = self.max_effort
        if given is None:
            return {}
        each = given if isinstance(given, tuple) else (given,) * len(self.joints)
        return dict(zip(self.joints, each, strict=True))


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
    """A gripper with two fingers: they slide, or turn, or one stands still."""

    joints: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Finger joints with their values closed and open [rad or m]; empty where none is drawn."""
    tips: tuple[PointSection, PointSection] | None = None
    """The inner ends of both fingers, where the opening is no straight function of `joints`: jaws
    that turn, and linkages. Absent, the opening is proportional to the way of the joints."""
    max_opening_m: float = Field(gt=0)
    """Distance between the fingers at full opening [m]."""
    max_speed_m_s: float = Field(gt=0)
    """How fast that distance can change [m/s]."""
    max_effort: PositiveFloat | None = None
    """Torque or force limit of each of its joints [N m or N]; the robot file's when absent.
    Simulation alone uses it."""

    @property
    def max_rate_percent_s(self) -> float:
        """How fast the opening can change [percent of full opening per second]."""
        return 100.0 * self.max_speed_m_s / self.max_opening_m


class ArmConfig(RobotFileSection):
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
