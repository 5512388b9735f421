"""The machine-readable meaning of an action vector. It travels inside the dataset."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.pipeline.errors import ContractError

Quantity = Literal[
    "joint",
    "position",
    "rotation_vector",
    "quaternion",
    "rot6d",
    "rotation_matrix",
    "gripper",
    "latent",
    "discrete",
]


class Dimension(BaseModel):
    """One number of the action vector."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    """Feature name in the dataset, such as `panda_joint1.pos` or `ee.x`."""
    quantity: Quantity
    """Kind of number; `discrete` is a choice, a whole number from `lower` to `upper`."""
    unit: str
    """Unit: `rad`, `m`, `percent`, or `1`."""
    lower: float | None = None
    """Smallest allowed value, in `unit`."""
    upper: float | None = None
    """Largest allowed value, in `unit`."""
    max_rate: float | None = None
    """Largest allowed change per second, in `unit`/s."""


class GripperContract(BaseModel):
    """Meaning of the gripper's number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    closed: float = 0.0
    """Value when the fingers touch."""
    open: float = 100.0
    """Value at full opening."""
    max_opening_m: float
    """Distance between the fingers at full opening [m]."""


class Reference(BaseModel):
    """What the values of a relative or delta form are counted from. Grippers stay absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    row: Literal["first_row", "given_state", "previous_row"]
    """The first row of the sequence, a state that comes with it, or the row before."""
    axes: Literal["joint", "base", "effector"]
    """Differences of joints; or of poses along the base's axes; or of poses along the axes that
    the end effector has in the reference."""


class ActionContract(BaseModel):
    """Meaning of every dimension of an action vector, its frame and its clock."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    robot: str
    """Robot that the action is for, such as `panda`."""
    dimensions: tuple[Dimension, ...]
    """One entry per number, in order."""
    mode: Literal["absolute", "relative", "delta"] = "absolute"
    """Stored actions are absolute; the other forms come from `rotoscope.pipeline.converters`."""
    frame: str = "robot base: x forward, y left, z up"
    """Frame, origin and axes of positions and rotations."""
    rotation: str = "rotation vector (axis times angle, rad)"
    """Rotation representation, with quaternion order or rot6d layout where it matters."""
    gripper: GripperContract | None = None
    """Gripper convention, where the vector holds one."""
    rate_hz: float = Field(gt=0)
    """Actions per second."""
    shift_s: float = Field(ge=0)
    """`action[t]` is the state at `t + shift_s`; the tail that has none is dropped. 0 where actions
    are no states."""
    is_state: bool = True
    """Whether an action is a state that the robot is to reach; otherwise it is a command, a step or
    a latent that is given at the row itself."""
    reference: Reference | None = None
    """What relative and delta values are counted from; `None` for absolute ones."""
    follows: Literal["approach", "position"] | None = Field(
        default=None, exclude_if=lambda follows: follows is None
    )
    """What of a demonstrated pose the actions follow, where that is not all of it: an arm with too
    few joints to turn every way follows the position and the direction of `approach`, or the
    `position` alone. How it is turned otherwise is the robot's own and nothing that was shown."""
    derived_from: ActionContract | None = None
    """Contract of the absolute values that a relative or delta form was made from."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> ActionContract:
        names = [d.name for d in self.dimensions]
        if len(set(names)) != len(names) or not names:
            raise ValueError(f"dimension names must be unique and not empty, got {names}")
        return self

    @model_validator(mode="after")
    def _commands_have_no_shift(self) -> ActionContract:
        if not self.is_state and self.shift_s:
            raise ValueError(f"shift_s must be 0 where is_state is false, got {self.shift_s:g}")
        return self

    @property
    def reaches_states(self) -> bool:
        """Whether the robot's state can be read off the actions: absolute states, no steps."""
        return self.is_state and self.mode == "absolute"

    @property
    def names(self) -> list[str]:
        """Dimension names in order."""
        return [d.name for d in self.dimensions]

    def bounds(self) -> tuple[Float[np.ndarray, " action"], Float[np.ndarray, " action"]]:
        """Lower and upper limits per dimension; -inf and inf where there is none."""
        low = [-np.inf if d.lower is None else d.lower for d in self.dimensions]
        high = [np.inf if d.upper is None else d.upper for d in self.dimensions]
        return np.array(low), np.array(high)

    def violations(
        self, values: Float[np.ndarray, "time action"], *, tolerance: float = 1e-6
    ) -> Bool[np.ndarray, " time"]:
        """Frames whose values lie outside the limits by more than `tolerance` (relative to 1)."""
        if values.ndim != 2 or values.shape[1] != len(self.dimensions):
            raise ContractError(
                f"expected {len(self.dimensions)} action dimensions ({', '.join(self.names)}), "
                f"got an array of shape {values.shape}"
            )
        low, high = self.bounds()
        return np.asarray(((values < low - tolerance) | (values > high + tolerance)).any(axis=1))

    def rate_violations(
        self, values: Float[np.ndarray, "time action"], *, tolerance: float = 1e-6
    ) -> Bool[np.ndarray, " time"]:
        """Frames whose step from the frame before is faster than `max_rate` allows."""
        limit = np.array([np.inf if d.max_rate is None else d.max_rate for d in self.dimensions])
        too_fast = np.abs(np.diff(values, axis=0)) * self.rate_hz > limit * (1 + tolerance)
        return np.concatenate([[False], too_fast.any(axis=1)])
