"""Settings of an inverse dynamics labeler."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.training.config import LoopConfig
from models.training.windows import WindowConfig

SMALL_NETWORK = "cnn"
"""Name of the image network that is trained together with the rest."""


class InverseDynamicsConfig(BaseModel):
    """What the labeler sees and how it learns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mlp", "ridge"] = "mlp"
    """A small network, or ridge regression in closed form."""
    inputs: tuple[str, ...] = ()
    """Features that it sees, such as `track.hand.joints`."""
    camera: str = ""
    """Camera that it sees, such as `observation.images.front`; empty for none."""
    image_size: int = Field(default=64, ge=16)
    """Side of the square that pictures are shrunk to [px]."""
    encoder: str = SMALL_NETWORK
    """Image network: `cnn`, trained here; or a pretrained one that stays as it is:
    `torchvision:NAME`, `torchvision:NAME@WEIGHTS.pth`, `transformers:NAME_OR_FOLDER`, or
    `latent:FOLDER`, a trained latent action model."""
    motion_s: float | None = Field(default=None, gt=0)
    """How long before a picture the one stands that its motion is seen against [s]; the time
    between two actions where not given. Slow motion at a high rate asks for more."""
    window: WindowConfig = WindowConfig()
    """How far it looks back and ahead."""
    hidden: int = Field(default=128, ge=4)
    """Width of the network's two hidden layers."""
    ridge_penalty: float | None = Field(default=None, gt=0)
    """Weight of the squared coefficients of ridge regression; chosen on held-out episodes where
    not given."""
    members: int = Field(default=5, ge=2, le=20)
    """Models in the ensemble; each stops early on episodes of its own."""
    calibration_share: float = Field(default=0.25, gt=0, lt=1)
    """Share of the episodes that only calibration and scores see."""
    loop: LoopConfig = LoopConfig()
    """How the network is trained."""

    @property
    def learns_images(self) -> bool:
        """Whether an image network is trained with the rest."""
        return bool(self.camera) and self.encoder == SMALL_NETWORK

    def motion_over_s(self, rate_hz: float) -> float:
        """Time between a picture and the one before it that encoders compare it with [s]."""
        return self.motion_s or 1 / rate_hz
