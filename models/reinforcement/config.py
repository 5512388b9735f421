"""Settings of reinforcement learning."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator


class ReinforcementConfig(BaseModel):
    """How long and how is learned. Chosen on `benchmarks.reinforcement.CHOSEN_ON`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int = Field(default=20_000, ge=100)
    """Steps in the simulator in all, those at random at the beginning included."""
    horizon: int = Field(default=0, ge=0)
    """Steps of an episode; 0 for the simulator's own number."""
    start: int = Field(default=-1, ge=-1)
    """Start of the simulator from which every episode begins, as `rotoscope record --seed` counts
    them; -1 for another one each time."""
    random_steps: int = Field(default=1000, ge=1)
    """Steps at random before anything is learned."""
    discount: float = Field(default=0.97, gt=0, lt=1)
    """What a reward counts that comes a step later; where `schedule` is `none`."""
    schedule: Literal["none", "ads"] = "none"
    """`ads`: the discount grows with how far the policy follows the demonstration (2310.07433)."""
    look_every: int = Field(default=1, ge=1)
    """Steps between two looks at an episode; more where pictures are drawn slowly."""
    updates_per_step: float = Field(default=1.0, gt=0, le=20)
    """Steps of the networks for each step in the simulator."""
    hidden: tuple[PositiveInt, ...] = Field(default=(128, 128), min_length=1)
    """Widths of the hidden layers of policy and critics."""
    batch_size: int = Field(default=128, ge=1)
    """Steps that are learned from at a time."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Step size of Adam."""
    target_share: float = Field(default=0.02, gt=0, le=1)
    """Share of the critics that goes over into those that they are learned from, each step of the
    networks; worth spreads back in time no faster."""
    try_every: int = Field(default=2000, ge=1)
    """Steps in the simulator between two trials of the policy without anything random."""
    seed: int = Field(default=0, ge=0)
    """Of everything random."""

    @model_validator(mode="after")
    def _something_is_learned(self) -> ReinforcementConfig:
        if self.random_steps >= self.steps:
            raise ValueError(
                f"random_steps is {self.random_steps}, and steps {self.steps}: nothing is left to "
                "learn in"
            )
        return self
