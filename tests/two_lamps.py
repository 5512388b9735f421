"""Two labelers of one robot that need no pictures; the second is late, unsure, often invalid."""

from pathlib import Path

import numpy as np
from lamp_runs import run_lamp, write_clip, write_recipe

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.stage import ClipStage, StageConfig
from rotoscope.pipeline.tracks import REASONS, ActionTrack, FeatureTrack, QualityTrack

BAD = (20, 30)


class Turning(ClipStage):
    """A lamp that swings; a second one says the same some frames later."""

    kind = "turning"
    version = "1"
    provides = ("actions", "features")

    class Config(StageConfig):
        late_frames: int = 0
        offset_rad: float = 0.0
        confidence: float = 0.9
        has_gap: bool = False
        is_state: bool = True
        rate_hz: float = 30.0

    def run(self, clip, tracks):
        num, config = clip.num_frames, self.config
        valid = np.ones(num, bool)
        if config.has_gap:
            valid[slice(*BAD)] = False
        phase = (np.arange(num) - config.late_frames) / 6
        contract = ActionContract(
            robot="lamp",
            dimensions=(
                Dimension(name="lamp.pos", quantity="joint", unit="rad"),
                Dimension(name="lamp.on", quantity="discrete", unit="1"),
            ),
            rate_hz=config.rate_hz,
            shift_s=0,
            is_state=config.is_state,
        )
        values = np.stack([np.sin(phase) + config.offset_rad, np.sin(phase) > 0], axis=1)
        actions = ActionTrack(
            labeler=self.kind,
            subject="scene",
            contract=contract,
            values=np.where(valid[:, None], values, np.nan) if config.has_gap else values,
            valid=valid,
            confidence=np.where(valid, config.confidence, 0.0),
            reason=np.where(valid, 0, REASONS.index("not_seen")).astype(np.uint8),
        )
        width = np.full((num, 2), 1.0 - config.confidence)
        interval = FeatureTrack(
            "label.interval", "scene", width, ("lamp.pos", "lamp.on"), "rad", "How far off."
        )
        return {
            "actions.turning.scene": actions,
            "features.interval.scene": interval,
            "quality.turning.scene": QualityTrack("scene", {"late": config.late_frames}),
        }


def run_two(folder, other, *overrides):
    """Labels a small video by both: `action` is the lamp's, `label.other` the second one's."""
    write_clip(folder / "videos" / "one.mp4", frames=61)
    here = f"{Path(__file__)}:Turning as"
    write_recipe(
        folder / "lamp.yaml", stages=[{f"{here} label.other": other}, f"{here} lamp", "curate"]
    )
    return run_lamp(folder, *overrides)


OTHER = {"late_frames": 2, "offset_rad": 0.1, "confidence": 0.5, "has_gap": True}
"""What the second labeler does differently."""
