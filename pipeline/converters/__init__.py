"""Named, tested ways from one form of an action to another; the contract travels along.

Every converter takes values and the contract they obey, and gives new values with the contract
that these obey. Stored actions are absolute; everything else is made here:

- `convert_rotation`: rotation vector, quaternion (wxyz, xyzw), rot6d (rows, columns), matrix.
- `convert_gripper`: percent, fraction, meters of width, -1..1, and the inverted ones.
- `joint_relative`, `joint_delta`: differences of joints.
- `effector_relative`, `effector_delta`: differences of end-effector poses, along the base's axes
  or along the end effector's own. Joints and poses are never mixed.
- `to_object_frame`, `to_base_frame`: end-effector poses as seen from a thing, and back.
- `absolute`: back from any relative or delta form.

There and back again is exact to rounding (1e-9 is tested) unless a docstring says otherwise.
"""

from rotoscope.pipeline.converters.gripper import GRIPPER_FORMS, GripperForm, convert_gripper
from rotoscope.pipeline.converters.object_frame import to_base_frame, to_object_frame
from rotoscope.pipeline.converters.relative import (
    absolute,
    effector_delta,
    effector_relative,
    joint_delta,
    joint_relative,
)
from rotoscope.pipeline.converters.rotation import (
    ROTATIONS,
    Rotation,
    convert_rotation,
    rotation_of,
)

__all__ = [
    "GRIPPER_FORMS",
    "ROTATIONS",
    "GripperForm",
    "Rotation",
    "absolute",
    "convert_gripper",
    "convert_rotation",
    "effector_delta",
    "effector_relative",
    "joint_delta",
    "joint_relative",
    "rotation_of",
    "to_base_frame",
    "to_object_frame",
]
