"""Intrinsics of a clip's camera: from the recipe, from the file's metadata, or assumed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field, field_validator, model_validator

from rotoscope.pipeline.errors import RecipeError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.geometry.stated_motion import stated_motion
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import Camera, PictureTrack, Track
from rotoscope.pipeline.types import CameraSource, Clip, SourceKind, Video
from rotoscope.pipeline.video.camera_notes import CameraNotes, read_camera_notes, read_camera_path

logger = logging.getLogger(__name__)

SIGMA_FOCAL_RECIPE = 0.01
"""A calibration with a printed board is good to about one percent."""
SIGMA_FOCAL_METADATA = 0.05
"""Nominal focal lengths ignore focus breathing and the crop of electronic stabilisation."""
SIGMA_FOCAL_ASSUMED = 0.15
"""Ordinary cameras see 50 to 80 degrees along the long side: focal lengths of 1.07 to 0.60 times
that side. Taken as two standard deviations each way: ln(1.07 / 0.60) / 4."""
_PLAUSIBLE_FOV_DEG = (5.0, 170.0)
_DISTORTION_LENGTHS = (0, 4, 5)


class CameraConfig(StageConfig):
    """Intrinsics of the camera, in pixels of the frame after rotation.

    Give `fx` of a calibration, else `horizontal_fov_deg` of the data sheet, else nothing: then
    `camera.yaml` beside the video counts (see `rotoscope.pipeline.video.camera_notes`), else the
    file's metadata, and `assumed_fov_deg` where they state nothing.
    """

    width: int | None = Field(default=None, gt=0)
    """Width of the picture that `fx`, `fy`, `cx` and `cy` belong to [px]: they are scaled to videos
    of another size and the same shape. Without it they are taken for pixels of every video."""
    fx: float | None = Field(default=None, gt=0)
    """Focal length along x [px]; calibrate for it where you can."""
    fy: float | None = Field(default=None, gt=0)
    """Focal length along y [px]; `fx` where not given."""
    cx: float | None = Field(default=None, gt=0)
    """Principal point from the left edge [px]; the middle where not given."""
    cy: float | None = Field(default=None, gt=0)
    """Principal point from the top edge [px]; the middle where not given."""
    horizontal_fov_deg: float | None = Field(default=None, gt=0, lt=180)
    """Field of view across the frame's width [degrees], instead of `fx`."""
    distortion: tuple[float, ...] = ()
    """OpenCV's distortion coefficients (k1, k2, p1, p2[, k3]) without unit; empty for none."""
    assumed_fov_deg: float = Field(default=65.0, gt=5, lt=170)
    """Field of view along the frame's long side [degrees] where nothing is known. Webcams have
    60 to 78, the main cameras of phones 60 to 70 when they film."""

    @field_validator("distortion")
    @classmethod
    def _check_distortion(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) not in _DISTORTION_LENGTHS or not np.isfinite(value).all():
            raise ValueError(
                f"distortion must be 4 or 5 finite numbers (k1, k2, p1, p2[, k3]), got {value}"
            )
        return value

    @model_validator(mode="after")
    def _check_together(self) -> CameraConfig:
        if self.fx is not None and self.horizontal_fov_deg is not None:
            raise ValueError(
                f"fx={self.fx:g} and horizontal_fov_deg={self.horizontal_fov_deg:g} both give the "
                "focal length; give one of them"
            )
        rest = {"fy": self.fy, "cx": self.cx, "cy": self.cy}
        lonely = [f"{name}={value:g}" for name, value in rest.items() if value is not None]
        if self.width is not None:
            lonely.append(f"width={self.width}")
        if lonely and self.fx is None:
            raise ValueError(f"{', '.join(lonely)} given without fx; give fx [px] too")
        return self


class CameraStage(ClipStage):
    """Writes the track `camera`: K, where it came from, and how sure the focal length is.

    An assumed field of view, and one of the file's metadata, is that of the picture inside black
    bars (track `picture`). Poses in `NAME.camera.npz` beside the video become the track
    `camera_motion`: nothing of the camera's path is estimated then. Where notes state gravity,
    the camera knows it.
    """

    kind: ClassVar[str] = "camera"
    version: ClassVar[str] = "3"
    uses: ClassVar[tuple[str, ...]] = ("picture",)
    provides: ClassVar[tuple[str, ...]] = ("camera", "camera_motion")
    source: ClassVar[SourceKind | None] = "video"
    Config: ClassVar[type[StageConfig]] = CameraConfig

    config: CameraConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The clip's camera, and its motion where a file beside the video states it.

        Raises:
            RecipeError: The recipe's intrinsics cannot belong to a video of this size.
            UnreasonableVideoError: The notes beside the video, or the poses, cannot be its.
        """
        video = clip.video
        picture = tracks.get("picture")
        inner = picture.inner_px if isinstance(picture, PictureTrack) else _whole(video)
        notes = read_camera_notes(video.path)
        T_world_camera = read_camera_path(video.path, video.num_frames)
        gravity = notes.gravity_in(
            None if T_world_camera is None else T_world_camera[clip.start],
            is_first=clip.start == 0,
            shown=display_name(video.path),
        )
        camera = _camera(video, inner, notes, self.config).replace(gravity=gravity)
        out: Tracks = {"camera": camera}
        if T_world_camera is not None:
            motion = stated_motion(T_world_camera, clip)
            if motion is not None:
                out["camera_motion"] = motion
        return out


def _camera(
    video: Video, inner: Float[np.ndarray, " 4"], notes: CameraNotes, config: CameraConfig
) -> Camera:
    """Intrinsics by the first that states them: recipe, notes, metadata, an assumption."""
    shown = display_name(video.path)
    stated = None
    if config.fx is None and config.horizontal_fov_deg is None:
        stated = notes.intrinsics(video.width, video.height, shown=shown)
    if stated is not None:
        sigma = SIGMA_FOCAL_RECIPE if notes.sigma_focal_rel is None else notes.sigma_focal_rel
        K, lens = stated, tuple(notes.distortion)
        source: CameraSource = "notes"
        _check_fits(video, fx=K[0, 0], fy=K[1, 1])
        fisheye = tuple(notes.fisheye)
    else:
        scale = 1.0 if config.width is None else video.width / config.width
        focal_px, source, sigma = _focal_length(video, inner, config, scale)
        middle = (inner[:2] + inner[2:]) / 2
        fy = focal_px if config.fy is None else config.fy * scale
        cx = middle[0] if config.cx is None else config.cx * scale
        cy = middle[1] if config.cy is None else config.cy * scale
        _check_fits(video, fx=focal_px, fy=fy, cx=cx, cy=cy)
        K = np.array([[focal_px, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
        lens, fisheye = config.distortion, ()
    if notes.mirrored and stated is not None:
        # The picture was turned back; the notes speak of the recording.
        K = K.copy()
        K[0, 2] = video.width - K[0, 2]
    return Camera(
        K=K,
        width=video.width,
        height=video.height,
        source=source,
        sigma_focal_rel=sigma,
        distortion=lens,
        fisheye=fisheye,
    )


def _whole(video: Video) -> Float[np.ndarray, " 4"]:
    return np.array([0.0, 0.0, video.width, video.height])


def _focal_length(
    video: Video, inner: Float[np.ndarray, " 4"], config: CameraConfig, scale: float
) -> tuple[float, CameraSource, float]:
    """Focal length [px], its source, and its relative standard deviation."""
    if config.fx is not None:
        return config.fx * scale, "recipe", SIGMA_FOCAL_RECIPE
    width, height = (float(x) for x in inner[2:] - inner[:2])
    if config.horizontal_fov_deg is not None:
        return _focal_of(width, config.horizontal_fov_deg), "recipe", SIGMA_FOCAL_RECIPE
    # The long side of the picture alone: bars are no part of any field of view.
    long_side = max(width, height)
    if video.focal_px is not None:
        focal_px = video.focal_px * long_side / max(video.width, video.height)
        if _is_plausible(focal_px, width):
            return focal_px, "metadata", SIGMA_FOCAL_METADATA
        logger.warning(
            "%s: the file's own focal length of %g px cannot be meant for a width of %d px; "
            "assuming a field of view of %g degrees instead",
            video.path,
            video.focal_px,
            video.width,
            config.assumed_fov_deg,
        )
    return _focal_of(long_side, config.assumed_fov_deg), "assumed", SIGMA_FOCAL_ASSUMED


def _focal_of(extent_px: float, fov_deg: float) -> float:
    return extent_px / (2.0 * float(np.tan(np.radians(fov_deg) / 2.0)))


def _is_plausible(focal_px: float, extent_px: float) -> bool:
    low, high = _PLAUSIBLE_FOV_DEG
    return bool(_focal_of(extent_px, high) <= focal_px <= _focal_of(extent_px, low))


def _check_fits(video: Video, **intrinsics: float) -> None:
    extents: dict[str, Any] = {"x": ("width", video.width), "y": ("height", video.height)}
    for name, value in intrinsics.items():
        side, extent = extents[name[1]]
        if name[0] == "f" and not _is_plausible(value, extent):
            low, high = _PLAUSIBLE_FOV_DEG
            raise RecipeError(
                f"camera.{name}={value:g} px is a field of view outside {low:g} to {high:g} "
                f"degrees for {video.path.name} with a {side} of {extent} px; allowed is "
                f"{_focal_of(extent, high):.0f} to {_focal_of(extent, low):.0f} px"
            )
        if name[0] == "c" and value >= extent:
            raise RecipeError(
                f"camera.{name}={value:g} px lies outside {video.path.name}, whose {side} is "
                f"{extent} px; give the principal point of the frame after rotation"
            )
