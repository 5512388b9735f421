"""`motion`: a person's joints out of a motion-capture file, as if a video had been looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion import Unit, Up, read_motion
from rotoscope.pipeline.motion.body_model import body_models_digest
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import BodyTrack, QualityTrack, Track
from rotoscope.pipeline.types import Clip, SourceKind

SUBJECT = "person0"
"""A motion file is about one person."""


class MotionConfig(StageConfig):
    """Unit and axes of a motion file, where the file does not state them itself.

    Set both where the report says that they were assumed.
    """

    unit: Unit = "auto"
    """Unit of lengths; `auto` takes what the file says, else what makes the body's size human."""
    up: Up = "auto"
    """Axis that points up; `auto` takes what the file says, else what makes the body stand."""
    body_models: Path | None = None
    """Licensed SMPL, SMPL-H or SMPL-X model file, or the folder that holds them, for the bone
    lengths of files that hold parameters; a mean person's without it."""


class MotionStage(ClipStage):
    """Reads BVH, AMC, npz and npy files: the track `body.person0`, with contacts where known.

    Joints stand in the file's own frame with z turned up; where the ground is, `ground` finds out.
    """

    kind: ClassVar[str] = "motion"
    version: ClassVar[str] = "5"
    provides: ClassVar[tuple[str, ...]] = ("body", "quality.motion")
    source: ClassVar[SourceKind | None] = "motion"
    Config: ClassVar[type[StageConfig]] = MotionConfig

    config: MotionConfig

    def cache_token(self) -> str:
        """What the body models hold: other ones make other bones."""
        where = self.config.body_models
        return "" if where is None else body_models_digest(where)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The person of the clip's file, and facts about how it was read.

        Frames are valid where every joint that the file has at all is finite.

        Raises:
            MotionError: The file cannot be read, or it changed since the run began.
        """
        path = clip.video.path
        config = self.config
        motion = read_motion(path, unit=config.unit, up=config.up, body_models=config.body_models)
        if len(motion.time_s) != clip.video.num_frames:
            raise MotionError(
                f"{path.name} held {clip.video.num_frames} frames when the run began and holds "
                f"{len(motion.time_s)} now; run it again"
            )
        joints_m = motion.joints_m[clip.start : clip.end]
        is_finite = np.isfinite(joints_m).all(axis=2)
        has_joint = is_finite.any(axis=0)
        valid = is_finite[:, has_joint].all(axis=1) & has_joint.any()
        contact = motion.contact
        body = BodyTrack(
            subject=SUBJECT,
            score=np.where(valid, 1.0, np.nan),
            valid=valid,
            joints_m=joints_m,
            contact=None if contact is None else contact[clip.start : clip.end],
        )
        facts = {
            "motion_source": motion.source,
            "motion_unit": motion.unit,
            "motion_up": motion.up,
            "motion_assumed": list(motion.assumed),
        }
        quality = QualityTrack(subject=SUBJECT, facts=facts)
        return {f"body.{SUBJECT}": body, f"quality.motion.{SUBJECT}": quality}
