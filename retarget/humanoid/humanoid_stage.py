"""What the stages that move a humanoid share: the robot of the recipe, and its shapes."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.pipeline.stage import ClipStage, StageConfig
from rotoscope.pipeline.tracks import ActionTrack, BodyTrack, median_rate_hz
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.robots.robot import HumanoidRobot, load_humanoid
from rotoscope.retarget.robots.self_check import ensure_checked


class HumanoidStageConfig(StageConfig):
    """Settings of every stage that moves a humanoid."""

    robot: str = "g1"
    """A humanoid of `configs/robots`, or the path of a YAML file like those."""
    max_bridge_s: float = Field(default=0.2, ge=0)
    """Shorter stretches without a person are bridged smoothly and marked invalid [s]."""
    tolerance_overlap_m: float = Field(default=0.01, gt=0)
    """Parts of the robot further inside each other than this make a frame invalid [m], by the
    shapes of its file."""


class HumanoidStage(ClipStage):
    """A stage that moves the humanoid that the recipe names."""

    config: HumanoidStageConfig

    @cached_property
    def robot(self) -> HumanoidRobot:
        """The humanoid that the recipe names."""
        return load_humanoid(self.config.robot)

    @cached_property
    def shapes(self) -> CollisionModel:
        """Its shapes."""
        return CollisionModel(self.robot)

    def setup(self) -> None:
        """Reads the robot's files and compares their kinematics with MuJoCo's."""
        ensure_checked(self.robot)
        # Compiling takes a second, which is then no part of a clip's time.
        _ = self.shapes

    def cache_token(self) -> str:
        """Checksum of the robot's files: editing one runs this stage again."""
        return self.robot.checksum

    def nothing_known(self, track: BodyTrack, time_s: Float[np.ndarray, " time"]) -> ActionTrack:
        """Actions of a person of whom nothing is known."""
        return ActionTrack.unknown(
            labeler=self.kind,
            subject=track.subject,
            contract=self.robot.contract(rate_hz=median_rate_hz(time_s)),
            num_frames=len(time_s),
        )
