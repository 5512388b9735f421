"""Robots that LeRobot drives: names, order and units of what their `send_action` takes.

As of lerobot 0.6.1, read off its classes in `lerobot.robots`. Where these names are not ours
(`<joint>.pos`, radians), ours yield: what a robot does not know it ignores in silence or refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rotoscope.pipeline.errors import UsageError, quoted

Form = Literal["degrees", "range", "gripper", "radians", "still"]
"""`degrees` from the middle of the joint's range; `range`: -100..100 over the calibrated range;
`gripper`: a share of the way from closed to open; `radians` as the robot's file has them; `still`:
a number that is always 0, such as the speed of a base."""


@dataclass(frozen=True)
class Motor:
    """One number of a robot's action."""

    name: str
    """Its name in LeRobot, without the ending."""
    form: Form
    """What it counts."""
    is_endless: bool = False
    """LeRobot calibrates it as a full turn; its middle is where it was held at rest."""
    lower: float | None = None
    """LeRobot's own clip, in the unit of the form."""
    upper: float | None = None
    """LeRobot's own clip, in the unit of the form."""
    closed: float = 0.0
    """Of a gripper: the number when closed."""
    open: float = 100.0
    """Of a gripper: the number when open."""
    joint: str = ""
    """Joint of the robot's file; that in the same place of the robot's commands when empty."""
    is_from_zero: bool = False
    """Degrees from where the robot's file has 0, not from the middle of its range."""


@dataclass(frozen=True)
class LeRobotRobot:
    """A robot that LeRobot drives."""

    name: str
    """`--robot.type`."""
    motors: tuple[Motor, ...]
    """In the order of its features."""
    ending: str = ".pos"
    """What the names of its features end with; names with a dot have none."""
    counts: int = 0
    """Counts of a motor for a full turn; 0 where LeRobot sends no counts."""
    needs_calibration: bool = False
    """Whether its numbers mean nothing without the calibration file of that very arm."""
    note: str = ""
    """What a user has to know of it."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its action."""
        return tuple(m.name if "." in m.name else m.name + self.ending for m in self.motors)


ARM = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")
_GRIPPER = Motor("gripper", "gripper", lower=0.0, upper=100.0)
_SO = (*(Motor(name, "degrees", is_endless=name == "wrist_roll") for name in ARM), _GRIPPER)
_KOCH = (
    *(
        Motor(name, "range", name in ("shoulder_pan", "wrist_roll"), lower=-100.0, upper=100.0)
        for name in ARM
    ),
    _GRIPPER,
)
_OPENARM: dict[str, tuple[tuple[float, float], ...]] = {
    "left": ((-75, 75), (-90, 9), (-85, 85), (0, 135), (-85, 85), (-40, 40), (-80, 80)),
    "right": ((-75, 75), (-9, 90), (-85, 85), (0, 135), (-85, 85), (-40, 40), (-80, 80)),
}
"""LEFT_ and RIGHT_DEFAULT_JOINTS_LIMITS of `config_openarm_follower.py` [deg]."""
_G1_LEG = ("HipPitch", "HipRoll", "HipYaw", "Knee", "AnklePitch", "AnkleRoll")
_G1_ARM = (
    *("ShoulderPitch", "ShoulderRoll", "ShoulderYaw", "Elbow"),
    *("WristRoll", "WristPitch", "WristYaw"),
)
_REACHY_ARM = (
    *("shoulder_pitch", "shoulder_roll", "elbow_yaw", "elbow_pitch"),
    *("wrist_roll", "wrist_pitch", "wrist_yaw"),
)
_REACHY_BASE = tuple(Motor(f"mobile_base.{v}", "still") for v in ("vx", "vy", "vtheta"))


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _openarm(side: str) -> LeRobotRobot:
    joints = tuple(
        Motor(f"joint_{k}", "degrees", lower=low, upper=high, is_from_zero=True)
        for k, (low, high) in enumerate(_OPENARM[side], start=1)
    )
    gripper = Motor("gripper", "gripper", lower=-65.0, upper=0.0, closed=0.0, open=-65.0)
    return LeRobotRobot(
        "openarm_follower",
        (*joints, gripper),
        note=f"start it with --robot.side={side}: without a side LeRobot clips to 5 degrees",
    )


def _g1() -> LeRobotRobot:
    names = [
        *(f"{side}{part}" for side in ("Left", "Right") for part in _G1_LEG),
        *("WaistYaw", "WaistRoll", "WaistPitch"),
        *(f"{side}{part}" for side in ("Left", "Right") for part in _G1_ARM),
    ]
    motors = (Motor(f"k{name}", "radians", joint=f"{_snake(name)}_joint") for name in names)
    return LeRobotRobot("unitree_g1", tuple(motors), ending=".q")


def _reachy(side: str) -> LeRobotRobot:
    sides = {"left": "l", "right": "r", "both": "lr"}[side]
    motors: list[Motor] = []
    for letter in sides:
        motors += [
            Motor(f"{letter}_{j}", "degrees", joint=f"{letter}_{j}", is_from_zero=True)
            for j in _REACHY_ARM
        ]
        motors.append(Motor(f"{letter}_gripper", "gripper", lower=0.0, upper=100.0))
    off = [f"--robot.with_{p}_arm=false" for p in "lr" if p not in sides]
    off += ["--robot.with_neck=false", "--robot.with_antennas=false"]
    note = f"start it with {' '.join(off)}; the base is told to stand still"
    return LeRobotRobot("reachy2", (*motors, *_REACHY_BASE), note=note)


SIDED = ("openarm_follower", "reachy2")
ROBOTS = (
    *("so101_follower", "so100_follower", "bi_so_follower", "koch_follower"),
    *("openarm_follower", "unitree_g1", "reachy2"),
)
"""Names as `lerobot-replay --robot.type` takes them."""


def lerobot_robot(name: str, *, side: str = "") -> LeRobotRobot:
    """A robot that LeRobot drives.

    Args:
        name: One of `ROBOTS`.
        side: `left` or `right`, of an OpenArm or Reachy.

    Raises:
        UsageError: No such robot, or a side is missing.
    """
    if name not in ROBOTS:
        raise UsageError(f"no robot {name!r} of LeRobot is known; there are {quoted(ROBOTS)}")
    allowed = ("left", "right", "both") if name == "reachy2" else ("left", "right")
    if name in SIDED and side not in allowed:
        raise UsageError(
            f"{name} needs --side, one of {quoted(allowed)}; got {side!r}"
            + (
                ": without it LeRobot clips every joint to 5 degrees"
                if name == "openarm_follower"
                else ""
            )
        )
    if name in ("so101_follower", "so100_follower"):
        return LeRobotRobot(name, _SO, counts=4096)
    if name == "bi_so_follower":
        both = tuple(
            _renamed(motor, f"{side}_{motor.name}") for side in ("left", "right") for motor in _SO
        )
        return LeRobotRobot(name, both, counts=4096)
    if name == "koch_follower":
        return LeRobotRobot(name, _KOCH, counts=4096, needs_calibration=True)
    made = {"openarm_follower": _openarm, "reachy2": _reachy}
    return _g1() if name == "unitree_g1" else made[name](side)


def _renamed(motor: Motor, name: str) -> Motor:
    return Motor(name, motor.form, motor.is_endless, motor.lower, motor.upper)
