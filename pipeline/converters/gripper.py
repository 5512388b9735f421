"""The gripper's number in another convention."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract
from rotoscope.pipeline.converters import blocks
from rotoscope.pipeline.errors import ContractError, quoted

GripperForm = Literal[
    "percent",
    "fraction",
    "width_m",
    "positive_open",
    "positive_closed",
    "percent_closed",
    "fraction_closed",
]

GRIPPER_FORMS: dict[GripperForm, tuple[float, float, str]] = {
    "percent": (0.0, 100.0, "percent"),
    "fraction": (0.0, 1.0, "1"),
    "width_m": (0.0, np.nan, "m"),
    "positive_open": (-1.0, 1.0, "1"),
    "positive_closed": (1.0, -1.0, "1"),
    "percent_closed": (100.0, 0.0, "percent"),
    "fraction_closed": (1.0, 0.0, "1"),
}
"""Value when closed, value when open, unit. `width_m` is open at the gripper's own opening."""


def convert_gripper(
    values: Float[np.ndarray, "time action"], contract: ActionContract, *, to: GripperForm
) -> tuple[Float[np.ndarray, "time action"], ActionContract]:
    """The same action with every gripper's number written as `to`, its limits too.

    Lossless: a straight line, nothing is clipped or rounded to open and closed. A width of 40 mm
    is 50 percent of an 80 mm gripper; meters from another gripper's percent need its own contract.

    Raises:
        ContractError: The action has no gripper, or its open and closed values are the same.
    """
    blocks.check_shape(values, contract)
    if to not in GRIPPER_FORMS:
        raise ContractError(
            f"unknown gripper form {to!r}; there are {quoted(get_args(GripperForm))}"
        )
    held = contract.gripper
    columns = blocks.columns(contract, "gripper")
    if held is None or not columns:
        raise ContractError(f"the action has no gripper; it has {', '.join(contract.names)}")
    if held.open == held.closed:
        raise ContractError(f"the gripper's number is {held.open} both open and closed")
    closed, opened, unit = GRIPPER_FORMS[to]
    opened = held.max_opening_m if to == "width_m" else opened
    scale = (opened - closed) / (held.open - held.closed)
    new_values = np.array(values, dtype=float)
    new_values[:, columns] = closed + (new_values[:, columns] - held.closed) * scale
    dimensions = tuple(
        _rescaled(d, held.closed, closed, scale, unit) if i in columns else d
        for i, d in enumerate(contract.dimensions)
    )
    gripper = GripperContract(closed=closed, open=opened, max_opening_m=held.max_opening_m)
    update = {"dimensions": dimensions, "gripper": gripper}
    if contract.derived_from is not None:
        empty = np.empty((0, len(contract.derived_from.dimensions)))
        update["derived_from"] = convert_gripper(empty, contract.derived_from, to=to)[1]
    return new_values, contract.model_copy(update=update)


def _rescaled(
    dimension: Dimension, old_closed: float, closed: float, scale: float, unit: str
) -> Dimension:
    """The dimension with its limits in the new unit; an inverted scale swaps them."""
    limits = [
        None if limit is None else closed + (limit - old_closed) * scale
        for limit in (dimension.lower, dimension.upper)
    ]
    lower, upper = limits if scale > 0 else limits[::-1]
    rate = None if dimension.max_rate is None else dimension.max_rate * abs(scale)
    return dimension.model_copy(
        update={"unit": unit, "lower": lower, "upper": upper, "max_rate": rate}
    )
