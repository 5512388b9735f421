"""Joints of robots that are not there, as commands move them."""

from dataclasses import dataclass, field

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract

SO_LIMITS = ((-1.92, 1.92), (-1.75, 1.74), (-1.69, 1.60), (-1.66, 1.66), (-2.74, 2.84))
SO_NAMES = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")


@dataclass(frozen=True)
class MadeUpJoints:
    """An arm, or a humanoid without fingers, as `rotoscope.pipeline.robots.CommandedJoints`."""

    arm: tuple[str, ...]
    limits: tuple[tuple[float, float], ...]
    fingers: dict[str, tuple[float, float]] = field(default_factory=dict)
    robot: str = "arm"

    @property
    def kind(self):
        return "arm" if self.fingers else "humanoid"

    @property
    def names(self):
        return (*self.arm, *self.fingers)

    @property
    def units(self):
        return ("rad",) * len(self.names)

    @property
    def lower(self):
        return np.array([*(a for a, _ in self.limits), *(min(e) for e in self.fingers.values())])

    @property
    def upper(self):
        return np.array([*(b for _, b in self.limits), *(max(e) for e in self.fingers.values())])

    @property
    def home(self):
        middle = 0.5 * (np.array(self.limits).sum(axis=1)) + 0.1
        return np.append(middle, 100.0) if self.fingers else middle

    def contract(self, rate_hz):
        dimensions = [
            Dimension(
                name=f"{self.robot}_{name}.pos", quantity="joint", unit="rad",
                lower=low, upper=high, max_rate=3.0,
            )
            for name, (low, high) in zip(self.arm, self.limits, strict=True)
        ]  # fmt: skip
        gripper = None
        if self.fingers:
            gripper = GripperContract(max_opening_m=0.1)
            name = f"{self.robot}_gripper.pos"
            dimensions.append(
                Dimension(
                    name=name, quantity="gripper", unit="percent", lower=0.0, upper=100.0,
                    max_rate=150.0,
                )
            )  # fmt: skip
        return ActionContract(
            robot=self.robot, dimensions=tuple(dimensions), gripper=gripper, rate_hz=rate_hz,
            shift_s=1.0 / rate_hz,
        )  # fmt: skip

    def joints(self, values):
        share = values[:, -1] / 100.0
        fingers = [a + share * (b - a) for a, b in self.fingers.values()]
        num_arm = len(self.arm)
        return np.column_stack([values[:, :num_arm], *fingers])

    def values(self, joints):
        if not self.fingers:
            return joints
        closed, opened = next(iter(self.fingers.values()))
        num_arm = len(self.arm)
        share = (joints[:, num_arm] - closed) / (opened - closed)
        return np.column_stack([joints[:, :num_arm], 100.0 * share])

    def spread(self, count, *, seed=0):
        """Joint values all over the ranges."""
        random = np.random.default_rng(seed).uniform(0.02, 0.98, (count, len(self.names)))
        return self.lower + random * (self.upper - self.lower)


def so101():
    return MadeUpJoints(SO_NAMES, SO_LIMITS, {"gripper": (-0.17, 1.75)}, robot="so101")


def two_so101():
    names = tuple(f"{side}_{name}" for side in ("left", "right") for name in SO_NAMES)
    jaw = (-0.17, 1.75)
    return MadeUpJoints(names, SO_LIMITS * 2, {"left_gripper": jaw, "right_gripper": jaw})


def koch():
    names = tuple(f"joint_{k}" for k in range(1, 6))
    return MadeUpJoints(names, SO_LIMITS, {"joint_6": (0.0, 1.6)}, robot="koch")


def openarm():
    names = tuple(f"right_joint{k}" for k in range(1, 8))
    limits = ((-1.4, 3.5), (-0.17, 1.9), (-1.5, 1.5), (0.0, 2.4), (-1.5, 1.5), (-0.7, 0.7))
    return MadeUpJoints(
        names, (*limits, (-1.5, 1.5)), {"finger1": (0.0, 0.044), "finger2": (0.0, 0.044)}
    )


def g1():
    sides = ("left", "right")
    legs = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
    shoulders = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow")
    arms = (*shoulders, "wrist_roll", "wrist_pitch", "wrist_yaw")
    names = [
        *(f"waist_{axis}" for axis in ("yaw", "roll", "pitch")),
        *(f"{side}_{part}" for side in sides for part in (*legs, *arms)),
    ]
    return MadeUpJoints(tuple(f"{n}_joint" for n in names), ((-1.0, 2.0),) * 29)


def reachy():
    arm = (
        *("shoulder_pitch", "shoulder_roll", "elbow_yaw", "elbow_pitch"),
        *("wrist_roll", "wrist_pitch", "wrist_yaw"),
    )
    names = tuple(f"r_{name}" for name in arm)
    return MadeUpJoints(names, ((-1.5, 2.0),) * 7, {"r_hand_finger": (-0.1, 1.4)})
