"""Contracts of an arm's joints and of end effectors, as converters take them."""

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract


def gripper_dimension(name="ee.gripper_pos"):
    return Dimension(
        name=name, quantity="gripper", unit="percent", lower=0, upper=100, max_rate=125
    )


def contract_of(*dimensions):
    return ActionContract(
        robot="panda",
        dimensions=dimensions,
        gripper=GripperContract(max_opening_m=0.08),
        rate_hz=30,
        shift_s=1 / 30,
    )


def arm_dimensions(prefix="ee"):
    return (
        *(Dimension(name=f"{prefix}.{n}", quantity="position", unit="m") for n in "xyz"),
        *(Dimension(name=f"{prefix}.w{n}", quantity="rotation_vector", unit="rad") for n in "xyz"),
        gripper_dimension(f"{prefix}.gripper_pos"),
    )


EFFECTOR = contract_of(*arm_dimensions())
TWO_ARMS = contract_of(*arm_dimensions("left.ee"), *arm_dimensions("right.ee"))
JOINTS = contract_of(
    *(
        Dimension(name=f"joint{i}.pos", quantity="joint", unit="rad", lower=-3, upper=3, max_rate=2)
        for i in range(3)
    ),
    gripper_dimension("gripper.pos"),
)
