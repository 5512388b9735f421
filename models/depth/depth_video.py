"""`NAME.depth.mkv` beside a video: depth as one channel of 12 or 16 bits, as LeRobot stores it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt16
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rotoscope.pipeline.errors import DamagedVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.files.plain import mapping, read_json
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.scan import DEPTH_ENDING

SUFFIXES = (".mkv", ".mp4", ".mov")
_LARGEST_CODE = 4095
"""LeRobot 0.6 stores depth in 12 bits."""
_FORMATS = ("gray12le", "gray16le")


class Quantization(BaseModel):
    """What LeRobot writes of a depth feature into `meta/info.json`, without the prefix `video.`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    depth_min: float = Field(default=0.01, ge=0, lt=1000, allow_inf_nan=False)
    """Distance of code 0 [m]."""
    depth_max: float = Field(default=10.0, gt=0, le=1000, allow_inf_nan=False)
    """Distance of the largest code [m]."""
    shift: float = Field(default=3.5, ge=0, le=1000, allow_inf_nan=False)
    """Added before the logarithm [m]."""
    use_log: bool = True
    """Whether codes are even in the logarithm, not in the distance."""

    @model_validator(mode="after")
    def _in_order(self) -> Quantization:
        if self.depth_max <= self.depth_min or (self.use_log and self.depth_min + self.shift <= 0):
            raise ValueError("depth_max must be above depth_min, and depth_min + shift above 0")
        return self

    def meters(
        self, codes: UInt16[np.ndarray, "height width"]
    ) -> Float[np.ndarray, "height width"]:
        """Distance [m]; NaN for code 0, to which what was not measured is written too."""
        share = codes / _LARGEST_CODE
        low, high = self.depth_min, self.depth_max
        if self.use_log:
            first, last = math.log(low + self.shift), math.log(high + self.shift)
            depth_m = np.exp(first + share * (last - first)) - self.shift
        else:
            depth_m = low + share * (high - low)
        return np.where(codes > 0, depth_m, np.nan)


def depth_video(video: Path) -> Path | None:
    """The depth video of a video, `None` where there is none."""
    return _beside(video, SUFFIXES)


def quantization_file(video: Path) -> Path | None:
    """What says how its codes are meant, `None` where nothing does."""
    return _beside(video, (".json",))


def _beside(video: Path, suffixes: tuple[str, ...]) -> Path | None:
    stem = video.name if video.is_dir() else video.stem
    for suffix in suffixes:
        place = video.with_name(f"{stem}{DEPTH_ENDING}{suffix}")
        if place.is_file():
            return beside(video, place.name, what="the depth", error=UnreasonableVideoError)
    return None


def read_quantization(file: Path) -> Quantization:
    """How codes are meant.

    Raises:
        UnreasonableVideoError: The file says nothing that can be meant.
    """
    error = UnreasonableVideoError
    said = mapping(read_json(file, error=error), source=display_name(file.name), error=error)
    plain = {key.removeprefix("video."): value for key, value in said.items()}
    try:
        return Quantization.model_validate_json(json.dumps(plain), strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its numbers"
        raise UnreasonableVideoError(
            f"{display_name(file.name)}: {where}: {first['msg']}; copy the `info` of the depth "
            "feature out of the dataset's meta/info.json"
        ) from problem


class DepthVideo:
    """Depth of every frame of a video, read in order."""

    def __init__(self, file: Path, video: Video, meters_per_unit: float) -> None:
        """Looks at the file; see `DepthFiles.read` for what is refused when frames are read.

        Raises:
            UnreasonableVideoError: What says how codes are meant is not as it must be.
        """
        self._file, self._video, self._unit_m = file, video, meters_per_unit
        said = quantization_file(video.path)
        self._quantization = None if said is None else read_quantization(said)
        self._next, self._frames = 0, self._decoded()

    def read(self, frame: int) -> Float[np.ndarray, "height width"]:
        """Distance along the camera's axis [m], in the depth picture's own pixels; NaN unknown.

        Frames must be asked for in order.

        Raises:
            DamagedVideoError: The file ends before the video does, or cannot be decoded.
            UnreasonableVideoError: It is not of one channel of 12 or 16 bits; or of 12, and
                nothing says what they mean.
        """
        for codes in self._frames:
            self._next += 1
            if self._next > frame:
                return self._meters(codes)
        raise DamagedVideoError(
            f"{display_name(self._file.name)} has {self._next} frames, the video "
            f"{self._video.num_frames}; one for each frame is wanted"
        )

    def _meters(
        self, codes: UInt16[np.ndarray, "height width"]
    ) -> Float[np.ndarray, "height width"]:
        if self._quantization is not None:
            return self._quantization.meters(codes)
        return np.where(codes > 0, codes * self._unit_m, np.nan)

    def _decoded(self) -> Iterator[np.ndarray]:
        from av.error import FFmpegError

        from rotoscope.pipeline.video.container import open_video

        shown = display_name(self._file.name)
        with open_video(self._file) as (container, stream):
            try:
                for picture in container.decode(stream):
                    yield self._codes(picture, shown)
            except FFmpegError as error:
                raise DamagedVideoError(f"{shown}: {error}") from error

    def _codes(self, picture: Any, shown: str) -> np.ndarray:
        kind = picture.format.name
        if kind not in _FORMATS:
            raise UnreasonableVideoError(
                f"{shown} holds {kind}; depth is one channel of 12 or 16 bits ({_FORMATS})"
            )
        if kind == "gray12le" and self._quantization is None:
            raise UnreasonableVideoError(
                f"{shown} holds 12 bits, as LeRobot writes them, and {self._file.stem}.json is not "
                "beside it: put the `info` of the depth feature of meta/info.json there"
            )
        return np.asarray(picture.to_ndarray(format=kind))
