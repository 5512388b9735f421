"""A robot with two knees that follows a person: stands for a humanoid where none is needed."""

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.stage import ClipStage, StageConfig
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, ActionTrack, BodyTrack


class KneeLabeler(ClipStage):
    """Knee angles of every person, as joints of a robot."""

    kind = "knee-labeler"
    version = "1"
    requires = ("body",)
    provides = ("actions",)

    class Config(StageConfig):
        gain: float = 1.0

    def run(self, clip, tracks):
        return {
            f"actions.{self.kind}.{track.subject}": self.follow(track)
            for track in tracks.values()
            if isinstance(track, BodyTrack)
        }

    def follow(self, body):
        values = self.config.gain * np.stack([knee_rad(body.joints_m, s) for s in SIDES], axis=1)
        valid = body.valid & np.isfinite(values).all(axis=1)
        dimensions = [Dimension(name=f"{s}_knee.pos", quantity="joint", unit="rad") for s in SIDES]
        return ActionTrack(
            labeler=self.kind,
            subject=body.subject,
            contract=ActionContract(
                robot="knees", dimensions=tuple(dimensions), rate_hz=30, shift_s=0
            ),
            values=values,
            valid=valid,
            confidence=valid.astype(float),
            reason=np.where(valid, 0, 1).astype(np.uint8),
        )


def knee_rad(joints_m, side):
    """Angle between thigh and shank, 0 for a straight leg."""
    hip, knee, ankle = (
        joints_m[:, BODY_JOINTS.index(f"{side}_{n}")] for n in ("hip", "knee", "ankle")
    )
    thigh, shank = knee - hip, ankle - knee
    cosine = (thigh * shank).sum(axis=1) / (
        np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1)
    )
    return np.arccos(np.clip(cosine, -1, 1))
