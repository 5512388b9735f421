"""Stage `hands.file`: hands that another program tracked, read from the file beside the video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from rotoscope.models.hand_files.read import files_beside, read_hands
from rotoscope.models.hand_files.table import counted_from, palm_length
from rotoscope.models.hand_files.track import Placed, Sigma, camera_of, place
from rotoscope.pipeline.files.identity import sha256_file
from rotoscope.pipeline.geometry.stated_motion import stated_motion
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    SIDES,
    QualityTrack,
    Side,
    Track,
    require_camera,
)
from rotoscope.pipeline.types import Clip, SourceKind


class HandsFileConfig(StageConfig):
    """What is assumed of a tracker whose file does not say how sure it is."""

    sigma_position_m: float = Field(default=0.02, gt=0, le=1)
    """1-sigma of the wrist's position along each axis [m], where the file states none. An
    assumption, not a measurement: put in what you know of your tracker."""
    sigma_depth_rel: float = Field(default=0.1, ge=0, le=1)
    """1-sigma of the distance as a share of it, where the file states none and distances were not
    measured by stereo or depth: the spread of hand sizes (7 %) and what a network adds."""
    sigma_rotation_rad: float = Field(default=0.2, gt=0, le=1.5)
    """1-sigma of the wrist's rotation [rad], where the file states none."""
    first_frame: int = Field(default=0, ge=0)
    """Number that the file gives the video's first frame: 1 where its hands were found in pictures
    that ffmpeg wrote."""
    palm_length_m: float | None = Field(default=None, ge=0.04, le=0.14)
    """Distance from the wrist to the knuckle of the middle finger [m], if you know it. Hands whose
    distance was not measured are put where a hand of this size is seen as large as the tracker
    says. Nothing given: the median over the file, both hands together, as one person's hands are
    alike and do not grow."""
    mano_model: Path | None = None
    """Your licensed `MANO_RIGHT.pkl`, for files that hold MANO's parameters but no joints."""


class HandsFile(ClipStage):
    """Reads `NAME.hands.*` beside a video and provides lifted `hands.left` and `hands.right`.

    Stands in the place of `hands` and `lift`, behind `camera`. Intrinsics that the file gives take
    the place of the recipe's; poses of the camera that it gives become `camera_motion`.
    """

    kind: ClassVar[str] = "hands.file"
    version: ClassVar[str] = "1"
    requires: ClassVar[tuple[str, ...]] = ("camera",)
    provides: ClassVar[tuple[str, ...]] = ("hands", "camera", "camera_motion", "quality.hands_file")
    source: ClassVar[SourceKind | None] = "video"
    Config: ClassVar[type[StageConfig]] = HandsFileConfig
    config: HandsFileConfig

    @classmethod
    def files_beside(cls, path: Path) -> tuple[Path, ...]:
        """The file of hands and the notes about it."""
        return files_beside(path)

    def cache_token(self) -> str:
        """Bytes of the MANO model."""
        return "" if self.config.mano_model is None else sha256_file(self.config.mano_model)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """Both hands of the clip.

        Raises:
            TrackError: The track `camera` is not there or not a camera.
            MotionError: The file is not there, cannot be read, or is about another video.
        """
        given = require_camera(tracks, self.kind)
        table = read_hands(clip.video.path, mano_model=self.config.mano_model)
        table = counted_from(table, self.config.first_frame)
        camera = camera_of(table, given)
        config = self.config
        sigma = Sigma(config.sigma_position_m, config.sigma_depth_rel, config.sigma_rotation_rad)
        palm_m = config.palm_length_m or palm_length(table)
        placed: dict[Side, Placed] = {
            side: place(table, side, clip, camera, sigma, palm_m) for side in SIDES
        }
        out: Tracks = {f"hands.{side}": hand.track for side, hand in placed.items()}
        if table.camera is not None:
            out["camera"] = camera
        if table.T_world_camera is not None:
            motion = stated_motion(table.T_world_camera, clip)
            if motion is not None:
                out["camera_motion"] = motion
        for side, hand in placed.items():
            facts = {
                "hands_source": table.source,
                "hands_sigma": "file" if table.sigma_position_m is not None else "assumed",
                "hands_assumed": list(table.assumed),
                "hands_ambiguous_frames": hand.num_ambiguous,
                "hands_palm_mm": round(1e3 * palm_m, 1),
            }
            out[f"quality.hands_file.{side}"] = QualityTrack(subject=side, facts=facts)
        return out
