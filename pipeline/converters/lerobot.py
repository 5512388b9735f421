"""Joint values as the numbers that LeRobot's robots take, and back.

Where a joint's zero lies is not the same: LeRobot counts degrees from the middle of the range that
was found when that arm was calibrated, a robot's file from a posture of its own. Both ranges end at
the same mechanical stops, so that the middles are one. A motor that LeRobot calibrates as a full
turn has no stops: its middle is where the arm was held then, which is taken for the robot's rest
posture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract
from rotoscope.pipeline.converters.lerobot_robots import LeRobotRobot, Motor
from rotoscope.pipeline.converters.motor_calibration import MotorCalibration
from rotoscope.pipeline.errors import ContractError, UsageError, quoted
from rotoscope.pipeline.robots import CommandedJoints

UNITS = {"degrees": "deg", "range": "percent", "gripper": "percent", "radians": "rad", "still": "1"}


@dataclass(frozen=True, eq=False)
class LeRobotForm:
    """The way between a robot's joints and LeRobot's numbers, a straight line for each motor.

    Lossless where every joint of the robot has a motor: nothing is clipped or rounded here.
    """

    target: LeRobotRobot
    joints: CommandedJoints
    calibration: Mapping[str, MotorCalibration] = field(default_factory=dict)
    """By motor; empty where the robot's numbers do not depend on it."""
    wiring: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Motors whose joint is another one, or turns the other way: joint and sign."""

    def __post_init__(self) -> None:
        motors = [m.name for m in self.target.motors if m.form != "still"]
        if unknown := sorted({*self.wiring} - {*motors}):
            raise UsageError(f"{self.target.name} has no motor {unknown[0]!r}; it has {motors}")
        missing = [name for name in motors if name not in self.calibration]
        if (self.calibration or self.target.needs_calibration) and missing:
            raise UsageError(
                f"{self.target.name} needs the calibration of {quoted(missing)}: name the file of "
                "that very arm with --calibration (LeRobot keeps it below "
                f"~/.cache/huggingface/lerobot/calibration/robots/{self.target.name})"
            )
        for motor in self.target.motors:
            self._line(motor)

    def to_lerobot(self, joints: Float[np.ndarray, "row joint"]) -> Float[np.ndarray, "row motor"]:
        """LeRobot's numbers for joint values [rad or m], in the order of its features."""
        self._check(joints, len(self.joints.names))
        lines = [self._line(motor) for motor in self.target.motors]
        columns = [
            np.zeros(len(joints)) if line.joint is None else line.offset + line.scale * joint
            for line, joint in ((x, joints[:, x.joint or 0]) for x in lines)
        ]
        return np.stack(columns, axis=1)

    def from_lerobot(
        self, values: Float[np.ndarray, "row motor"], *, others: Float[np.ndarray, " joint"]
    ) -> Float[np.ndarray, "row joint"]:
        """Joint values [rad or m] of LeRobot's numbers; joints without a motor as in `others`."""
        self._check(values, len(self.target.motors))
        out = np.tile(np.asarray(others, float), (len(values), 1))
        gripper = [self.joints.names.index(name) for name in self.joints.fingers]
        for motor, column in zip(self.target.motors, values.T, strict=True):
            line = self._line(motor)
            if line.joint is None:
                continue
            out[:, line.joint] = (column - line.offset) / line.scale
            if motor.form == "gripper" and self._num_grippers == 1:
                # All fingers go the same share of their way.
                closed, opened = next(iter(self.joints.fingers.values()))
                share = (out[:, line.joint] - closed) / (opened - closed)
                for k, (a, b) in zip(gripper, self.joints.fingers.values(), strict=True):
                    out[:, k] = a + share * (b - a)
        return out

    def contract(self, rate_hz: float, *, shift_s: float) -> ActionContract:
        """What LeRobot's numbers mean; limits are those of file, calibration and LeRobot.

        Raises:
            ContractError: They leave a motor no way at all.
        """
        own = self.joints.contract(rate_hz)
        rates = self._rates(own)
        dimensions = []
        for motor, name in zip(self.target.motors, self.target.features, strict=True):
            lower, upper = self._limits(motor)
            if lower > upper:
                raise ContractError(
                    f"{name}: the limits of the robot's file and LeRobot's leave no way between "
                    f"{lower:g} and {upper:g}"
                )
            line = self._line(motor)
            rate = None if line.joint is None else rates[line.joint] * abs(line.scale)
            dimensions.append(
                Dimension(
                    name=name,
                    quantity="gripper" if motor.form == "gripper" else "joint",
                    unit="deg" if motor.open < 0 else UNITS[motor.form],
                    lower=lower if np.isfinite(lower) else None,
                    upper=upper if np.isfinite(upper) else None,
                    max_rate=None if rate is None or not np.isfinite(rate) else rate,
                )
            )
        return ActionContract(
            robot=self.target.name,
            dimensions=tuple(dimensions),
            gripper=self._gripper(own),
            rate_hz=rate_hz,
            shift_s=shift_s,
            derived_from=own.model_copy(update={"shift_s": shift_s}),
        )

    @property
    def _num_grippers(self) -> int:
        return sum(motor.form == "gripper" for motor in self.target.motors)

    def _gripper(self, own: ActionContract) -> GripperContract | None:
        motors = [m for m in self.target.motors if m.form == "gripper"]
        if not motors or own.gripper is None:
            return None
        return own.gripper.model_copy(update={"closed": motors[0].closed, "open": motors[0].open})

    def _rates(self, own: ActionContract) -> list[float]:
        """Largest rate of each joint [rad/s or m/s]; a gripper's spread over its whole way."""
        rates = [(d, np.inf if d.max_rate is None else d.max_rate) for d in own.dimensions]
        arm = [rate for d, rate in rates if d.quantity != "gripper"]
        grippers = [rate / 100.0 for d, rate in rates if d.quantity == "gripper"] or [np.inf]
        fingers = [
            abs(opened - closed) * grippers[-1 if name.startswith("right") else 0]
            for name, (closed, opened) in self.joints.fingers.items()
        ]
        return [*arm, *fingers]

    def _limits(self, motor: Motor) -> tuple[float, float]:
        """Where a motor's number may lie: inside all limits that are known."""
        line = self._line(motor)
        lows = [-np.inf if motor.lower is None else motor.lower]
        highs = [np.inf if motor.upper is None else motor.upper]
        if line.joint is None:
            return 0.0, 0.0
        ends = [
            line.offset + line.scale * limits[line.joint]
            for limits in (self.joints.lower, self.joints.upper)
        ]
        lows.append(min(ends))
        highs.append(max(ends))
        calibrated = self.calibration.get(motor.name)
        if calibrated is not None and motor.form == "degrees":
            half = 180.0 * calibrated.counts / (self.target.counts - 1)
            lows.append(-half)
            highs.append(half)
        return max(lows), min(highs)

    def _line(self, motor: Motor) -> _Line:
        """Offset and scale of a motor's number over its joint."""
        if motor.form == "still":
            return _Line(None, 0.0, 0.0)
        joint, sign = self._joint_of(motor)
        lower, upper = float(self.joints.lower[joint]), float(self.joints.upper[joint])
        if motor.form == "radians":
            return _Line(joint, 0.0, float(sign))
        if motor.form == "gripper":
            closed, opened = self.joints.fingers.get(self.joints.names[joint], (lower, upper))
            scale = (motor.open - motor.closed) / (opened - closed)
            return _Line(joint, motor.closed - scale * closed, scale)
        zero = 0.5 * (lower + upper)
        if motor.is_endless or not np.isfinite(zero):
            zero = float(self.joints.joints(self.joints.home[None])[0, joint])
        if motor.is_from_zero:
            zero = 0.0
        scale = sign * 180.0 / np.pi
        turn = self.target.counts
        if motor.form == "range":
            # 200 over the calibrated range, which is given in counts.
            scale = sign * 200.0 * turn / (2.0 * np.pi * self.calibration[motor.name].counts)
        elif turn:
            # LeRobot takes 360 degrees for one count less than the turn that they are.
            scale *= turn / (turn - 1)
        return _Line(joint, -scale * zero, scale)

    def _joint_of(self, motor: Motor) -> tuple[int, int]:
        """The joint that a motor turns, and which way."""
        names, fingers = self.joints.names, list(self.joints.fingers)
        if motor.name in self.wiring:
            wanted, sign = self.wiring[motor.name]
            if wanted not in names:
                raise UsageError(f"the robot has no joint {wanted!r}; it has {quoted(names)}")
            return names.index(wanted), sign
        # Of two arms the joints are `left/elbow_flex`, the motors `left_elbow_flex`.
        for candidate in (motor.joint, motor.name, motor.name.replace("_", "/", 1)):
            if candidate in names:
                return names.index(candidate), 1
        if motor.form == "gripper" and self._num_grippers == 1:
            if not fingers:
                raise UsageError(
                    f"{self.target.name} has a gripper, and the robot of the dataset has none"
                )
            return names.index(fingers[0]), 1
        arm = [m.name for m in self.target.motors if m.form in ("degrees", "range")]
        if motor.joint or motor.name not in arm or len(names) - len(fingers) != len(arm):
            raise UsageError(
                f"{self.target.name} has a motor {motor.name!r}, and no joint of the dataset's "
                f"robot is it: {quoted(names)}; say which with --joint {motor.name}=JOINT"
            )
        return arm.index(motor.name), 1

    @staticmethod
    def _check(values: np.ndarray, width: int) -> None:
        if values.ndim != 2 or values.shape[1] != width:
            raise ContractError(f"expected rows of {width} numbers, got shape {values.shape}")


@dataclass(frozen=True)
class _Line:
    """number = offset + scale * joint."""

    joint: int | None
    offset: float
    scale: float


def wiring_of(texts: list[str]) -> dict[str, tuple[str, int]]:
    """Motors and their joints as they are typed: `shoulder_pan=joint1`, `elbow_flex=-joint3`.

    Raises:
        UsageError: A text is no such pair.
    """
    out = {}
    for text in texts:
        motor, equals, joint = text.partition("=")
        name = joint.removeprefix("-")
        if not (motor and equals and name):
            raise UsageError(
                f"{text!r} is no MOTOR=JOINT, nor MOTOR=-JOINT for one that turns back"
            )
        out[motor] = (name, -1 if joint.startswith("-") else 1)
    return out
