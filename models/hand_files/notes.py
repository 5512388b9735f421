"""`NAME.hands.yaml` or `hands.yaml`: what a person says about files that do not say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rotoscope.models.hand_files.table import FileCamera
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.files.plain import read_yaml
from rotoscope.pipeline.quoting import problems_of

NAME = "hands.yaml"
_Number = Annotated[float, Field(allow_inf_nan=False)]


class Notes(BaseModel):
    """Facts about the files of hands of one folder, or of one video."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fx: _Number | None = Field(default=None, gt=0)
    """Focal length [px] of a picture of `width` and `height`."""
    width: int | None = Field(default=None, gt=0)
    height: int | None = Field(default=None, gt=0)
    T_device_camera: Annotated[list[_Number], Field(min_length=16, max_length=16)] | None = None
    """Pose of the camera in the frame that the hands are given in, rows first [m]."""
    first_frame_us: _Number | None = None
    """Time of the video's first frame on the clock of the hands [microseconds]."""

    @model_validator(mode="after")
    def _check(self) -> Notes:
        if self.fx is not None and (self.width is None or self.height is None):
            raise ValueError("fx needs width and height of its picture")
        if self.T_device_camera is not None:
            T = np.array(self.T_device_camera).reshape(4, 4)
            R = T[:3, :3]
            is_rigid = np.allclose(R @ R.T, np.eye(3), atol=1e-3) and np.linalg.det(R) > 0
            if not (is_rigid and np.allclose(T[3], [0, 0, 0, 1])):
                raise ValueError("T_device_camera must be a rigid pose, rows first")
        return self

    def camera(self) -> FileCamera | None:
        """The camera, its principal point in the middle; `None` where nothing was said."""
        if self.fx is None or self.width is None or self.height is None:
            return None
        K = np.array([[self.fx, 0, self.width / 2], [0, self.fx, self.height / 2], [0, 0, 1.0]])
        return FileCamera(K, (self.width, self.height))


def notes_beside(path: Path, stem: str) -> Path | None:
    """The notes about a video's hands, `None` where there are none.

    Raises:
        MotionError: They are a link that leads elsewhere.
    """
    for name in (f"{stem}.{NAME}", NAME):
        if path.with_name(name).is_file():
            return beside(path, name, what="the notes", error=MotionError)
    return None


def read_notes(path: Path | None) -> Notes:
    """The notes of a file, empty ones where there is none.

    Raises:
        MotionError: They are no YAML, or hold keys or values that are not allowed.
    """
    if path is None:
        return Notes()
    try:
        return Notes.model_validate(read_yaml(path, error=MotionError) or {})
    except ValidationError as error:
        raise MotionError(
            f"{path.name} cannot be read: {problems_of(error, with_values=False)}; keys are "
            f"{', '.join(Notes.model_fields)}"
        ) from error
