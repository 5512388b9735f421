"""`motion.yaml`: what a person says about motion files that do not say it themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.files.plain import read_yaml
from rotoscope.pipeline.motion.motion import Unit, Up
from rotoscope.pipeline.quoting import problems_of

NAME = "motion.yaml"


class Notes(BaseModel):
    """Facts about the motion files of one folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Unit = "auto"
    """Unit of lengths."""
    up: Up = "auto"
    """Upward axis."""
    rate_hz: float | None = Field(default=None, ge=1, le=2000)
    """Frames per second, for files that do not say."""
    points: tuple[str, ...] | None = None
    """Names of the points of an array of positions, in its order, where that is no known one."""
    joints: dict[str, tuple[str, ...]] | None = None
    """Names in the file of the points around each of our joints."""

    @field_validator("joints", mode="before")
    @classmethod
    def _one_name_is_a_list(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {joint: [v] if isinstance(v, str) else v for joint, v in value.items()}


def notes_path(path: Path) -> Path | None:
    """The notes about a motion file: `NAME.motion.yaml` beside it, else the folder's `motion.yaml`.

    `None` where there are none.

    Raises:
        MotionError: They are a link that leads elsewhere.
    """
    for name in (f"{path.stem}.{NAME}", NAME):
        if path.with_name(name).is_file():
            return beside(path, name, what="the notes", error=MotionError)
    return None


def read_notes(path: Path) -> Notes:
    """The notes about a motion file, empty ones where there are none.

    Raises:
        MotionError: They are no YAML, hold keys or values that are not allowed, or lie elsewhere.
    """
    found = notes_path(path)
    if found is None:
        return Notes()
    try:
        return Notes.model_validate(read_yaml(found, error=MotionError) or {})
    except ValidationError as error:
        raise MotionError(
            f"{found.name} beside {path.name} cannot be read: "
            f"{problems_of(error, with_values=False)}; keys are unit, up, rate_hz, points and "
            "joints"
        ) from error
