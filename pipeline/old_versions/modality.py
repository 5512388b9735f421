"""What Isaac GR00T reads of a dataset's vectors: `meta/modality.json`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.pipeline.contract import ActionContract

TASK = "human.action.task_description"
"""Name of the annotation that holds the task; its column is `annotation.` and this."""
_PARTS = {
    "joint": "joints",
    "position": "ee_position",
    "rotation_vector": "ee_rotation",
    "quaternion": "ee_rotation",
    "rot6d": "ee_rotation",
    "rotation_matrix": "ee_rotation",
}
_ROTATIONS: dict[str, Rotation] = {
    "rotation_vector": "axis_angle",
    "quaternion": "quaternion",
    "rot6d": "rotation_6d",
    "rotation_matrix": "matrix",
}
type Rotation = Literal["axis_angle", "quaternion", "rotation_6d", "matrix"]


class Part(BaseModel):
    """Some numbers of a vector, side by side."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(ge=0)
    """First number."""
    end: int = Field(ge=1)
    """The one after the last."""
    rotation_type: Rotation | None = None
    """How they say a rotation, if they do."""
    absolute: bool = True
    """Whether they are values, not differences."""

    @model_validator(mode="after")
    def _holds_something(self) -> Part:
        if self.end <= self.start:
            raise ValueError(f"end {self.end} must come after start {self.start}")
        return self


class Video(BaseModel):
    """A camera."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    original_key: str
    """Its feature."""


class Modality(BaseModel):
    """The file; parts cover their vector without gap or overlap where we write it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: dict[str, Part]
    """Parts of `observation.state`."""
    action: dict[str, Part]
    """Parts of `action`."""
    video: dict[str, Video]
    """Cameras by the name that a policy gives them."""
    annotation: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Columns `annotation.NAME`, which hold a `task_index`."""


def modality_of(
    info: Mapping[str, Any],
    contract: ActionContract | None,
    *,
    names: Mapping[str, Sequence[str]],
) -> Modality:
    """The parts of a dataset's state and action, by its contract; one part where it has none.

    Args:
        info: `meta/info.json`.
        contract: What the action's numbers mean.
        names: Of the numbers of `observation.state` and `action`.
    """
    parts = {} if contract is None else parts_of(contract)
    known = [] if contract is None else [d.name for d in contract.dimensions]
    state, action = names.get("observation.state", ()), names.get("action", ())
    return Modality(
        state=(
            {name: part.model_copy(update={"absolute": True}) for name, part in parts.items()}
            if list(state) == known
            else _whole(state)
        ),
        action=parts if list(action) == known else _whole(action),
        video={
            name.removeprefix("observation.images."): Video(original_key=name)
            for name, facts in info["features"].items()
            if facts["dtype"] == "video"
        },
        annotation={TASK: {}},
    )


def parts_of(contract: ActionContract) -> dict[str, Part]:
    """Runs of one quantity, of the left or the right side, in the order of the vector."""
    parts: dict[str, Part] = {}
    at = 0
    for (side, quantity), run in itertools.groupby(
        contract.dimensions, key=lambda d: (_side(d.name), d.quantity)
    ):
        num = len(list(run))
        name = base = "_".join(filter(None, [side, _PARTS.get(quantity, quantity)]))
        for count in itertools.count(2):
            if name not in parts:
                break
            name = f"{base}_{count}"
        is_absolute = contract.mode == "absolute" or quantity == "gripper"
        rotation = _ROTATIONS.get(quantity)
        parts[name] = Part(
            start=at, end=at + num, rotation_type=rotation, absolute=is_absolute
        )  # fmt: skip
        at += num
    return parts


def _side(name: str) -> str:
    first = name.partition("_")[0]
    return first if first in ("left", "right") else ""


def _whole(names: Sequence[str]) -> dict[str, Part]:
    return {"all": Part(start=0, end=len(names))} if names else {}
