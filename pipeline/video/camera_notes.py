"""`NAME.camera.yaml` or `camera.yaml`: what a person knows about the camera of a video.

Beside a video (or folder of pictures) the notes of that name count, else those of the whole folder.
All that a file does not say itself may stand there, and it comes before what the file says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.files.plain import read_yaml
from rotoscope.pipeline.quoting import problems_of
from rotoscope.pipeline.video.clock import MAX_RATE_HZ, MIN_RATE_HZ

NAME = "camera.yaml"
PATH_NAME = "camera.npz"
"""File beside the notes that holds the camera's path."""
MAX_ASPECT_ERROR = 0.01
"""Largest relative difference of the scales across and down between a calibrated picture and the
video's: encoders round sizes to 2 or 16 pixels."""
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CameraNotes(BaseModel):
    """What `camera.yaml` may say. Pixels are those of a picture of `width` x `height`, upright."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int | None = Field(default=None, gt=0)
    """Width of the picture that was calibrated [px]; videos of other sizes are scaled to it."""
    height: int | None = Field(default=None, gt=0)
    """Its height [px]."""
    fx: _Positive | None = None
    """Focal length along x [px]; needs `width` and `height`."""
    fy: _Positive | None = None
    """Focal length along y [px]; `fx` where not given."""
    cx: _Positive | None = None
    """Principal point from the left edge [px]; the middle where not given."""
    cy: _Positive | None = None
    """Principal point from the top edge [px]; the middle where not given."""
    sigma_focal_rel: float | None = Field(default=None, ge=0, le=0.5)
    """1-sigma of the focal length as a share of it; 1 % where not given."""
    distortion: Annotated[list[_Number], Field(max_length=5)] = []
    """OpenCV's coefficients (k1, k2, p1, p2[, k3])."""
    fisheye: Annotated[list[_Number], Field(max_length=4)] = []
    """The four coefficients (k1, k2, k3, k4) of OpenCV's fisheye model, instead of `distortion`."""
    crop: Annotated[list[int], Field(min_length=4, max_length=4)] | None = None
    """Part of the calibrated picture that the video shows: left, top, width, height [px]."""
    mirrored: bool = False
    """Whether the recording is a mirror image, as selfie cameras make them: it is turned back."""
    capture_rate_hz: float | None = Field(default=None, ge=MIN_RATE_HZ, le=10 * MAX_RATE_HZ)
    """Frames per second while it was filmed [Hz], for slow motion and time lapse."""
    flat: bool = False
    """Whether the picture is an ordinary one, though the file says that it is spherical or holds
    two eyes."""
    gravity: Annotated[list[_Number], Field(min_length=3, max_length=3)] | None = None
    """Where things fall in the video's first frame, along its x right, y down, z ahead; of any
    length. A level camera has [0, 1, 0]."""
    pitch_deg: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    """How far the camera looks down in the first frame, not tilted to a side, instead [degrees]."""
    world_up: Literal["x", "y", "z", "-x", "-y", "-z"] | None = None
    """Axis of the world of `NAME.camera.npz` that points up, instead: `z` of most robots and motion
    capture, `y` of ARKit and OpenXR."""

    @model_validator(mode="after")
    def _check(self) -> CameraNotes:
        if self.fx is not None and (self.width is None or self.height is None):
            raise ValueError("fx needs the width and the height of the picture that it belongs to")
        rest = {
            "fy": self.fy,
            "cx": self.cx,
            "cy": self.cy,
            "sigma_focal_rel": self.sigma_focal_rel,
        }
        lonely = [name for name, value in rest.items() if value is not None]
        if self.fx is None and (lonely or self.distortion or self.fisheye or self.crop):
            raise ValueError(f"{', '.join(lonely) or 'the lens'} is given without fx; give fx too")
        if len(self.distortion) not in (0, 4, 5) or len(self.fisheye) not in (0, 4):
            raise ValueError("distortion holds 4 or 5 numbers, fisheye 4")
        if self.distortion and self.fisheye:
            raise ValueError("distortion and fisheye are two models of one lens; give one of them")
        said = [self.gravity, self.pitch_deg, self.world_up]
        if sum(one is not None for one in said) > 1:
            raise ValueError("gravity, pitch_deg and world_up say the same; give one of them")
        if self.gravity is not None and np.linalg.norm(self.gravity) < 1e-6:
            raise ValueError(f"gravity {self.gravity} has no direction")
        if self.crop is not None:
            left, top, width, height = self.crop
            assert self.width is not None
            assert self.height is not None
            fits = left + width <= self.width and top + height <= self.height
            if min(left, top) < 0 or min(width, height) <= 0 or not fits:
                raise ValueError(
                    f"crop {self.crop} (left, top, width, height) reaches outside of "
                    f"{self.width} x {self.height}"
                )
        return self

    def intrinsics(self, width: int, height: int, *, shown: str) -> Float[np.ndarray, "3 3"] | None:
        """Intrinsics [px] of a video of this size; `None` where the notes state none.

        Args:
            width: Width of the video's picture, upright [px].
            height: Its height [px].
            shown: The video's name, for the message.

        Raises:
            UnreasonableVideoError: The video has another shape than the part that it shows.
        """
        if self.fx is None or self.width is None or self.height is None:
            return None
        left, top, across, down = self.crop or (0, 0, self.width, self.height)
        scale = width / across, height / down
        if abs(scale[0] / scale[1] - 1.0) > MAX_ASPECT_ERROR:
            raise UnreasonableVideoError(
                f"{shown} has {width} x {height} pixels, and {NAME} speaks of {across} x {down}, "
                "which is another shape; say in 'crop: [left, top, width, height]' which part of "
                "the calibrated picture the video shows"
            )
        fy = self.fx if self.fy is None else self.fy
        cx = (self.width / 2 if self.cx is None else self.cx) - left
        cy = (self.height / 2 if self.cy is None else self.cy) - top
        return np.array(
            [[self.fx * scale[0], 0, cx * scale[0]], [0, fy * scale[1], cy * scale[1]], [0, 0, 1.0]]
        )

    def gravity_in(
        self, T_world_camera: Float[np.ndarray, "4 4"] | None, *, is_first: bool, shown: str
    ) -> Float[np.ndarray, " 3"] | None:
        """Direction of gravity along a frame's camera axes, of length 1; `None` where not known.

        Args:
            T_world_camera: The frame's pose where a file states it.
            is_first: Whether it is the video's first frame.
            shown: The video's name, for the message.

        Raises:
            UnreasonableVideoError: `world_up` is given without poses.
        """
        if self.world_up is not None:
            if T_world_camera is None:
                raise UnreasonableVideoError(
                    f"{NAME} beside {shown} says world_up: {self.world_up}, and no "
                    f"NAME.{PATH_NAME} states poses in that world; say gravity or pitch_deg"
                )
            up = np.zeros(3)
            up["xyz".index(self.world_up[-1])] = -1.0 if self.world_up[0] == "-" else 1.0
            found = -T_world_camera[:3, :3].T @ up
            return found if np.isfinite(found).all() else None
        if not is_first:
            return None
        if self.pitch_deg is not None:
            pitch_rad = np.radians(self.pitch_deg)
            return np.array([0.0, np.cos(pitch_rad), np.sin(pitch_rad)])
        if self.gravity is None:
            return None
        # The picture was turned back; the notes speak of the recording.
        down = np.array(self.gravity) * [-1.0 if self.mirrored else 1.0, 1.0, 1.0]
        return np.asarray(down / np.linalg.norm(down))


@dataclass(frozen=True)
class _Files:
    notes: Path | None
    path: Path | None


def camera_files(path: Path) -> tuple[Path, ...]:
    """The files beside a video that speak of its camera, those that are there.

    Raises:
        UnreasonableVideoError: One is a link that leads elsewhere.
    """
    found = _files(path)
    return tuple(file for file in (found.notes, found.path) if file is not None)


def read_camera_notes(path: Path) -> CameraNotes:
    """The notes about a video's camera, empty ones where there are none.

    Raises:
        UnreasonableVideoError: They are no YAML, or hold keys or values that are not allowed.
    """
    notes = _files(path).notes
    if notes is None:
        return CameraNotes()
    try:
        return CameraNotes.model_validate(read_yaml(notes, error=UnreasonableVideoError) or {})
    except ValidationError as error:
        raise UnreasonableVideoError(
            f"{notes.name} beside {display_name(path)} cannot be read: "
            f"{problems_of(error, with_values=False)}; keys are "
            f"{', '.join(CameraNotes.model_fields)}"
        ) from error


def read_camera_path(path: Path, num_frames: int) -> Float[np.ndarray, "frame 4 4"] | None:
    """Pose of the camera in a world, frame by frame [m], from `NAME.camera.npz`.

    The file holds `T_world_camera`, shape (frames, 4, 4); frames of NaN are unknown ones.

    Raises:
        UnreasonableVideoError: It is damaged, has another number of frames, or poses that are not
            rigid.
    """
    file = _files(path).path
    if file is None:
        return None
    try:
        with np.load(file, allow_pickle=False) as arrays:
            T = np.asarray(arrays["T_world_camera"], dtype=np.float64)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UnreasonableVideoError(
            f"{file.name} beside {display_name(path)} holds no array T_world_camera: {error}"
        ) from error
    if T.shape != (num_frames, 4, 4):
        raise UnreasonableVideoError(
            f"{file.name}: T_world_camera has shape {T.shape}, the video has {num_frames} frames; "
            f"it must be ({num_frames}, 4, 4)"
        )
    known = np.isfinite(T).all(axis=(1, 2))
    R, row = T[known, :3, :3], T[known, 3]
    off = np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max(initial=0.0)
    if off > 1e-3 or (np.linalg.det(R) < 0).any() or not np.allclose(row, [0, 0, 0, 1]):
        raise UnreasonableVideoError(
            f"{file.name}: T_world_camera holds matrices that are no rigid poses (a rotation is "
            f"{off:.2g} from one; 0.001 is allowed)"
        )
    T[~known] = np.nan
    return T


def _files(path: Path) -> _Files:
    stem = path.name if path.is_dir() else path.stem

    def found(*names: str) -> Path | None:
        for name in names:
            if path.with_name(name).is_file():
                return beside(path, name, what="the camera", error=UnreasonableVideoError)
        return None

    return _Files(found(f"{stem}.{NAME}", NAME), found(f"{stem}.{PATH_NAME}"))
