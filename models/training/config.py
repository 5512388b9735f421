"""Settings of the training loop that all learned labelers share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from rotoscope.models.checkpoints.device import Device


class LoopConfig(BaseModel):
    """How a network is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int = 0
    """Where initial weights and the order of the batches come from."""
    num_steps: int = Field(default=1500, ge=1)
    """Steps at most; early stop may end sooner."""
    batch_size: int = Field(default=256, ge=1)
    """Windows per step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Step size of AdamW at the start; falls along a cosine to a tenth."""
    weight_decay: float = Field(default=1e-2, ge=0)
    """Weight decay of AdamW."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient of all parameters together."""
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    """Share of the averaged weights that a step keeps; the average is evaluated and delivered."""
    eval_every: int = Field(default=100, ge=1)
    """Steps between two evaluations on the held-out episodes."""
    patience: int = Field(default=5, ge=1)
    """Evaluations without improvement after which training stops."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between two checkpoints."""
    device: Device = "auto"
    """Where to train, and where a frozen encoder looks; `auto` takes CUDA where there is any."""
    mixed_precision: bool = True
    """bfloat16 where the arithmetic allows; on CUDA alone."""
    tensorboard: bool = False
    """Whether curves are written for TensorBoard, in `tensorboard/` beside the checkpoints."""
