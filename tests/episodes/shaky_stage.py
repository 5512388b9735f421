"""A labeler that needs no pictures: a joint that turns, not valid in frames 20 and 60."""

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.stage import ClipStage
from rotoscope.pipeline.tracks import ActionTrack

BAD = (20, 60)


class Shaky(ClipStage):
    """A lamp that turns at an even pace."""

    kind = "shaky"
    version = "1"
    provides = ("actions",)

    def run(self, clip, tracks):
        valid = ~np.isin(np.arange(clip.num_frames), BAD)
        contract = ActionContract(
            robot="lamp",
            dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
            rate_hz=30,
            shift_s=0,
        )
        return {
            "actions.lamp.scene": ActionTrack(
                labeler=self.kind,
                subject="scene",
                contract=contract,
                values=np.arange(clip.num_frames)[:, None] / 100,
                valid=valid,
                confidence=np.where(valid, 0.8, 0.0),
                reason=np.where(valid, 0, 1).astype(np.uint8),
            )
        }
